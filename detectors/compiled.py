"""How kernels are compiled: alike, once for a machine, and again when any source of their package changes.

Compiled code is kept on disk, because a cold compilation takes seconds. numba notices when the file of a kernel
changes, and not when a file changes whose functions the kernel calls, directly or through others: it would go on with
the old mathematics. So all sources in the kernel's folder, and the bounds, are a part of the cache's key. A kernel
calls no compiled function of another folder.

An image brings its compiled code along in a file system that can't be written: it is read there, and what isn't there
(on another kind of processor) is compiled and not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numba
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)

from contracts import limits

__all__ = ["Record", "compiled", "inlined"]

Record: TypeAlias = Any
"""One row of a record array: compiled code reads and writes its fields in place."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


@cache
def _sources(folder: Path) -> str:
    """Names the sources of a folder, and the bounds that are compiled in, as they are now."""
    digest = blake2b(digest_size=16)
    for path in (Path(limits.__file__), *sorted(folder.glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class _BroughtAlong(InTreeCacheLocator):
    """Compiled code beside sources that can't be written."""

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _BroughtAlong | None:
        """Where it is, if there is any."""
        self = cls(py_func, py_file)
        return self if any((Path(py_file).parent / "__pycache__").glob("*.nbi")) else None


class _Places(CompileResultCacheImpl):
    """Where compiled code may be kept, the first that fits."""

    _locator_classes = [UserProvidedCacheLocator, InTreeCacheLocator, _BroughtAlong, UserWideCacheLocator]  # noqa: RUF012


class _PackageCache(FunctionCache):
    """numba's cache on disk, keyed by the sources of the whole package too."""

    _impl_class = _Places

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep compiled code where that is possible."""
        with suppress(OSError):  # the next start compiles it again
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        self._sources = _sources(Path(function.__code__.co_filename).parent)

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return (*super()._index_key(sig, codegen), self._sources)  # type: ignore[no-untyped-call]


def compiled(function: _Function) -> _Function:
    """Compile a function of numbers and arrays at its first call, and keep the machine code on disk.

    Division by zero gives infinity or NaN, as in numpy. Bounds of arrays are not checked (unless NUMBA_BOUNDSCHECK=1):
    whoever calls a kernel checks shapes and slots before.
    """
    return _kept(numba.njit(nogil=True, error_model="numpy")(function), function)


def inlined(function: _Function) -> _Function:
    """As `compiled`, and copied into each kernel that calls it: for the steps that every row takes.

    A call of its own costs a reading some tens of nanoseconds, most of it in counting references to arrays.
    """
    return _kept(numba.njit(nogil=True, error_model="numpy", forceinline=True)(function), function)


def _kept(dispatcher: Any, function: _Function) -> _Function:
    dispatcher._cache = _PackageCache(function)  # noqa: SLF001 - what njit(cache=True) does with its own class
    return cast("_Function", dispatcher)
