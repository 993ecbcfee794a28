"""Recordings as bytes, whether they are packed with Zstandard (`.zst`) or lie there as they are.

Packing needs pyarrow, which comes with `pip install 'andon[zstd]'`: Python has Zstandard of its own only from 3.14 on.
"""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from contracts.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PACKED", "Opened", "codec_of", "inner_suffix", "stem_of"]

PACKED = ".zst"

BUFFER_BYTES = 256 * 1024
"""Unpacked at once."""


class Opened:
    """A file that is open for reading.

    Raises: SourceError if it can't be opened. What is wrong inside of a packed file raises OSError while it is read.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._raw: BinaryIO = path.open("rb")
        except OSError as error:
            raise SourceError(f"{path}: can't be read: {error.strerror}.") from error
        self.stream: BinaryIO = self._raw
        """What the file says, unpacked."""
        if path.suffix.lower() == PACKED:
            try:
                unpacking = codec_of(path).CompressedInputStream(self._raw, "zstd")
            except SourceError:
                self._raw.close()
                raise
            self.stream = cast("BinaryIO", io.BufferedReader(unpacking, BUFFER_BYTES))

    @property
    def position(self) -> int:
        """Bytes of the file read so far, some of them not handed out yet."""
        return self._raw.tell() if not self._raw.closed else 0

    def close(self) -> None:
        """Let go of the file."""
        with suppress(OSError):  # a packed file that was cut complains once more
            self.stream.close()
        self._raw.close()


def codec_of(path: Path) -> Any:
    """Pyarrow, which packs and unpacks.

    Raises: SourceError if it isn't installed.
    """
    try:
        import pyarrow  # noqa: PLC0415, ICN001 - an optional extra; as a whole it is a codec here
    except ImportError as error:
        raise SourceError(f"{path}: files packed with Zstandard need pyarrow: pip install 'andon[zstd]'.") from error
    return pyarrow


def inner_suffix(path: Path) -> str:
    """What sort of file it is when it is unpacked: `.ndjson` for `line.ndjson.zst`; in lower case."""
    bare = path.with_suffix("") if path.suffix.lower() == PACKED else path
    return bare.suffix.lower()


def stem_of(path: Path) -> str:
    """The file's name without its suffixes: `line` for `line.ndjson.zst`."""
    bare = path.with_suffix("") if path.suffix.lower() == PACKED else path
    return bare.stem
