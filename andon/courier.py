"""Keeps one Alertmanager informed: what fires, again and again, and what ended.

An Alertmanager remembers no alert over a restart, and forgets what nobody repeats. So whatever it was told before, it
is told all that stands every so often; each alert carries an end some time ahead, so that alerts end also when nobody
is left to end them.

Guarantees: the newest state arrives, as soon as it answers again after an outage; what came and went meanwhile doesn't.
An end is told several times, also to one that doesn't seem to know the alert: it may have been restarted, and its
record of who was notified outlives that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any

from andon.alertmanager import AwayError, Letter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from andon.alertmanager import Alertmanager
    from andon.notices import Labels, Notice

__all__ = ["Courier", "Ledger"]

ENDED_MAX = 20_000
"""Alerts whose end is still to be told, or told again. The oldest are left to the end that they carry."""

GUARD_ROUNDS = 4
"""An alert that hasn't been repeated for so many rounds ends by itself."""

CLOCKS_APART_MS = 5_000
"""An end is told as some seconds ago: an Alertmanager whose clock is behind ours takes a future end for no end."""

GATHER_S = 0.3
"""What changes together travels together."""

RETRY_S_MIN = 0.5
RETRY_S_MAX = 30.0


@dataclass(slots=True)
class _Ended:
    notice: Notice
    ends_ms: int
    told_ms: int | None = None
    """When it was first told, and the other side took it."""


class Ledger:
    """What one Alertmanager was told, and what it has yet to be told. Pure: no clock, no network."""

    def __init__(self, every_s: float, *, ended_max: int = ENDED_MAX) -> None:
        """Nothing was told yet.

        Args:
            every_s: between two repetitions of all.
            ended_max: ends that are kept until they were told often enough.
        """
        self._ended_max = ended_max
        self._guard_ms = round(GUARD_ROUNDS * every_s * 1000)
        self._told: dict[Labels, Notice] = {}
        self._ended: dict[Labels, _Ended] = {}
        self.given_up = 0
        """Ends that were too many to be kept."""

    def found(self, notices: Iterable[Notice]) -> None:
        """These fire there. Those that shouldn't will be ended."""
        self._told |= {notice.labels: notice for notice in notices}

    def letters(self, wanted: Mapping[Labels, Notice], *, everything: bool, now_ms: int) -> list[Letter]:
        """What it should be told now, ends first.

        They count as told from here on, even if they don't get through: nobody knows then. `delivered` says that
        they did.

        Args:
            wanted: what should fire.
            everything: also what it was told before.
        """
        for labels in [labels for labels in self._told if labels not in wanted]:
            notice = self._told.pop(labels)
            ends_ms = now_ms - CLOCKS_APART_MS
            # It refuses what ends before it starts.
            self._ended[labels] = _Ended(notice._replace(starts_ms=min(notice.starts_ms, ends_ms)), ends_ms)
        for labels in [labels for labels in self._ended if labels in wanted]:
            del self._ended[labels]
        while len(self._ended) > self._ended_max:
            del self._ended[next(iter(self._ended))]
            self.given_up += 1
        ends = [
            Letter(ended.notice, ended.ends_ms) for ended in self._ended.values() if everything or ended.told_ms is None
        ]
        fires = [
            Letter(notice._replace(starts_ms=min(notice.starts_ms, now_ms)), now_ms + self._guard_ms)
            for labels, notice in wanted.items()
            if everything or self._told.get(labels) != notice
        ]
        self._told.update(wanted)
        return ends + fires

    def delivered(self, letters: Sequence[Letter], now_ms: int) -> None:
        """These got through."""
        for letter in letters:
            ended = self._ended.get(letter.notice.labels)
            if ended is not None:
                ended.told_ms = now_ms if ended.told_ms is None else ended.told_ms
                if now_ms - ended.told_ms >= self._guard_ms:
                    del self._ended[letter.notice.labels]


class Courier:
    """Tells one Alertmanager, from a thread of its own: one that hangs doesn't hold up the others."""

    def __init__(self, alertmanager: Alertmanager, *, site: str, every_s: float, log: Any) -> None:
        self._alertmanager = alertmanager
        self._site = site
        self._every_s = every_s
        self._log = log
        self._ledger = Ledger(every_s)
        self._changed = Condition()
        self._wanted: Mapping[Labels, Notice] = {}
        self._news = False
        self._stopping = False
        self._thread = Thread(target=self._work, daemon=True, name=f"courier {alertmanager.name}")
        self._known = False
        """We know what fires there: it has said so, and has answered ever since."""
        self._away = False
        self._tries = 0
        self._fault: BaseException | None = None
        self.posted = 0
        self.failures = 0
        self.refused = 0

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def tell(self, wanted: Mapping[Labels, Notice]) -> None:
        """From now on this should fire; nobody may change it any more."""
        with self._changed:
            self._wanted = wanted
            self._news = True
            self._changed.notify()

    def check(self) -> None:
        """Raises: what ended the thread, if something did."""
        if self._fault is not None:
            raise self._fault

    def stop(self, wait_s: float) -> None:
        """Tell nothing more; wait so long for a request under way."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(wait_s)
        if not self._thread.is_alive():
            self._alertmanager.close()

    def account(self) -> dict[str, Any]:
        """What was done, for the log."""
        return {
            "alertmanager": self._alertmanager.name,
            "posted": self.posted,
            "failures": self.failures,
            "refused": self.refused,
            "given_up": self._ledger.given_up,
        }

    def round(self, wanted: Mapping[Labels, Notice], *, everything: bool, now_ms: int) -> bool:
        """Tell it once what is to be told; False: it didn't take it."""
        try:
            if not self._known:
                self._ledger.found(self._alertmanager.standing(self._site))
                everything = True
            letters = self._ledger.letters(wanted, everything=everything, now_ms=now_ms)
            refusals = self._alertmanager.post(letters)
        except AwayError as error:
            self._known = False
            self.failures += 1
            self._tries += 1
            if not self._away:
                self._away = True
                self._log.warning("alertmanager away", reason=str(error), retry_s_max=self._retry_s_max)
            return False
        self._ledger.delivered(letters, now_ms)
        self.posted += len(letters)
        if self._away or not self._known:
            self._log.info("alertmanager informed", **self.account(), firing=len(wanted), failures_since=self._tries)
        if refusals and not self.refused:
            self._log.error("alertmanager refused alerts", alertmanager=self._alertmanager.name, reason=refusals[0])
        self.refused += len(refusals)
        self._known, self._away, self._tries = True, False, 0
        return True

    @property
    def _retry_s_max(self) -> float:
        return min(RETRY_S_MAX, self._every_s)

    def _work(self) -> None:
        try:
            self._serve()
        except BaseException as error:  # noqa: BLE001 - whoever calls `tell` gets it
            self._fault = error

    def _serve(self) -> None:
        everything_due = 0.0
        self._wait(None, for_news=True)
        while not self._stopping:
            self._wait(GATHER_S)
            with self._changed:
                wanted, self._news = self._wanted, False
            everything = time.monotonic() >= everything_due
            if self.round(wanted, everything=everything, now_ms=time.time_ns() // 1_000_000):
                everything_due = time.monotonic() + self._every_s if everything else everything_due
                self._wait(everything_due - time.monotonic(), for_news=True)
            else:
                everything_due = 0.0
                self._wait(min(self._retry_s_max, RETRY_S_MIN * 2 ** min(self._tries - 1, 10)))

    def _wait(self, wait_s: float | None, *, for_news: bool = False) -> None:
        """Wait so long, and no longer than until news come if they matter, or until it is time to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or (for_news and self._news), wait_s)
