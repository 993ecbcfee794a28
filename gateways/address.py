"""Addresses as people type them for `andon gateway discover`; what they leave out is as in the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from gateways.seam import NonsenseError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["settings_at"]

_Connection = TypeVar("_Connection")


def settings_at(
    address: str,
    form: Callable[..., _Connection],
    said: str,
    *,
    numbers: tuple[str, ...] = (),
    text: str = "",
    **keys: Any,
) -> _Connection:
    """The settings of a connection to `host` or `host:port`, and what may stand behind a `/`.

    Args:
        form: of the settings.
        said: which addresses there are, for whoever typed another one.
        numbers: keys of the numbers behind the `/`, which a `.` separates; as in `rack.slot`.
        text: or the key of all that is behind it, which may be empty.
        keys: of the settings besides.

    Raises: NonsenseError if it is none.
    """
    where, slash, rest = address.partition("/") if numbers or text else (address, "", "")
    host, _, port = where.partition(":")
    try:
        given: dict[str, Any] = {"port": int(port)} if port else {}
        given |= {key: int(part) for key, part in zip(numbers, rest.split(".", len(numbers) - 1), strict=False) if part}
        if text and slash:
            given[text] = rest
        return form(name="discover", host=host, **given, **keys)
    except ValueError as error:
        raise NonsenseError(f"{address}: give {said}") from error
