"""What a lane took from its partitions at once: the text of all messages in one piece, and where each stands.

One piece of memory can be read by compiled code, whoever filled it: a lane with Message objects, or one without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from contracts.readings import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = ["MESSAGE", "TAIL_BYTES", "TOMBSTONE", "Poll", "joined"]

MESSAGE = np.dtype(
    [
        ("start", np.int64),  # of the value in the text of the poll
        ("length", np.int64),  # of the value in bytes, or TOMBSTONE
        ("stamp_ms", np.int64),  # Kafka timestamp, ms since the epoch; negative where there is none
        ("offset", np.int64),
        ("partition", np.uint16),  # index into the poll's sources
    ]
)

TOMBSTONE = -1

TAIL_BYTES = 9
"""NULs behind the last value: each value is ended by one, and text is read eight bytes at a time."""


class Poll(NamedTuple):
    """n messages, in the order in which they came."""

    text: NDArray[np.uint8]
    """The values, a NUL behind each, `TAIL_BYTES` of them behind the last."""
    messages: Rows
    """dtype MESSAGE, shape (n,)."""
    sources: tuple[tuple[str, int], ...]
    """(topic, partition)."""
    key: Callable[[int], bytes | None]
    """The key of the i-th message: asked for rejects only."""

    def value(self, at: int) -> bytes | None:
        """The value of the i-th message; None: a tombstone."""
        start, length = int(self.messages["start"][at]), int(self.messages["length"][at])
        return None if length == TOMBSTONE else self.text[start : start + length].tobytes()


def joined(
    values: Sequence[bytes | None],
    *,
    stamps_ms: Sequence[int] | NDArray[np.int64],
    partitions: NDArray[np.uint16],
    offsets: NDArray[np.int64],
    sources: tuple[tuple[str, int], ...],
    key: Callable[[int], bytes | None],
) -> Poll:
    """The poll of messages that stand each for itself."""
    messages = np.zeros(len(values), MESSAGE)
    try:
        text = b"\0".join((*values, _TAIL))  # type: ignore[arg-type]
        lengths = np.fromiter(map(len, values), np.int64, len(values))  # type: ignore[arg-type]
        ends = np.cumsum(lengths + 1)
    except TypeError:  # a tombstone: seldom
        text = b"\0".join((*(value or b"" for value in values), _TAIL))
        lengths = np.array([TOMBSTONE if value is None else len(value) for value in values], np.int64)
        ends = np.cumsum(np.maximum(lengths, 0) + 1)
    messages["start"][1:] = ends[:-1]
    messages["length"] = lengths
    messages["stamp_ms"] = stamps_ms
    messages["offset"] = offsets
    messages["partition"] = partitions
    return Poll(np.frombuffer(text, np.uint8), messages, sources, key)


_TAIL = bytes(TAIL_BYTES - 1)  # joining puts the first of them before it
