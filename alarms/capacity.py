"""Capacity: nothing says that a bound is met no more, so such an alarm is over when nothing was refused for an hour.

Lanes tell every ten minutes that they still refuse something. They forget at a restart what they have refused, and
start to count anew, with bounds that may have been raised: an alarm that stood before it is given an hour, too.

By the wall clock alone: a recording has no hour in which nothing is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alarms.deadlines import Subject

__all__ = ["QUIET_MS", "Refusals"]

QUIET_MS = 3_600_000


class Refusals:
    """When something was last refused, for each alarm of this kind that stands.

    A clock that was set back starts the hour over.
    """

    def __init__(self) -> None:
        self._newest_ms: dict[tuple[str, Subject], int | None] = {}

    def again(self, asset: str, subject: Subject) -> None:
        """Something is refused; or it is the start, and it was before."""
        self._newest_ms[asset, subject] = None  # it counts from the next tick on

    def over(self, now_ms: int) -> list[tuple[str, Subject]]:
        """Those of which nothing was heard for long, each once. Cost: nothing while none stands.

        Args:
            now_ms: wall clock, ms since the epoch.
        """
        ended = []
        for which, newest_ms in list(self._newest_ms.items()):
            if newest_ms is None or newest_ms > now_ms:
                self._newest_ms[which] = now_ms
            elif now_ms - newest_ms >= QUIET_MS:
                ended.append(which)
                del self._newest_ms[which]
        return ended
