"""Which dead letters were dealt with: ranges of their offsets, for each reason, small enough to be kept by the broker.

A position alone would not do. Who resends the letters of the last hour, or those of one reason, leaves others behind
on purpose, and must be able to come back for them without sending the first ones twice.
"""

from __future__ import annotations

from typing import Self

import orjson

from contracts.errors import SourceError

__all__ = ["Resent"]

RANGES_MAX = 100
"""Of one partition. Kafka keeps 4 kB; ranges that touch become one, and what retention has passed is forgotten."""

_ANY = "*"
"""No reason has this name: a range of letters of all reasons."""

Range = tuple[int, int]
"""Offsets from the first (inclusive) to the second (exclusive)."""


class Resent:
    """What was dealt with in one partition of the dead-letter topic."""

    def __init__(self) -> None:
        self._ranges: dict[str, list[Range]] = {}

    @classmethod
    def restore(cls, text: str | None) -> Self:
        """What `text` was made of; None or empty: nothing yet.

        Raises: SourceError if the text isn't ours.
        """
        resent = cls()
        try:
            document = orjson.loads(text or "{}")
            for reason, ranges in document.items():
                for first, end in ranges:
                    resent._add(str(reason), int(first), int(end))
        except (AttributeError, TypeError, ValueError) as error:
            raise SourceError(
                "what the broker remembers of earlier resends can't be read: another program commits under the same "
                "consumer group. --again begins afresh."
            ) from error
        return resent

    def text(self) -> str:
        """All of it, to be restored from."""
        return orjson.dumps(self._ranges).decode()

    @property
    def end(self) -> int:
        """The offset after the last one that was dealt with."""
        return max((ranges[-1][1] for ranges in self._ranges.values()), default=0)

    def has(self, offset: int, reason: str) -> bool:
        """Whether the letter at this offset was dealt with."""
        return any(first <= offset < end for name in (_ANY, reason) for first, end in self._ranges.get(name, ()))

    def add(self, first: int, end: int, *, reason: str | None) -> None:
        """All letters from `first` to before `end` are dealt with; of one reason, or (None) of all.

        Raises: SourceError where that is more than can be remembered.
        """
        if first < end:
            self._add(_ANY if reason is None else str(reason), first, end)
        if sum(map(len, self._ranges.values())) > RANGES_MAX:
            raise SourceError(
                f"more than {RANGES_MAX} separate pieces of the dead letters were resent: that is more than can be "
                "remembered. Resend without --reason and with a longer --since."
            )

    def forget(self, before: int) -> None:
        """Letters below this offset are gone."""
        kept = {
            reason: [(max(first, before), end) for first, end in ranges if end > before]
            for reason, ranges in self._ranges.items()
        }
        self._ranges = {reason: ranges for reason, ranges in kept.items() if ranges}

    def _add(self, reason: str, first: int, end: int) -> None:
        apart = []
        for other_first, other_end in self._ranges.get(reason, ()):
            if other_end < first or end < other_first:
                apart.append((other_first, other_end))
            else:
                first, end = min(first, other_first), max(end, other_end)
        self._ranges[reason] = sorted([*apart, (first, end)])
