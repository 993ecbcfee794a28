"""Keeps one Alertmanager informed: what fires, again and again, and what ended.

An Alertmanager remembers no alert over a restart, and forgets what nobody repeats. So whatever it was told before, it
is told all that stands every so often; each alert carries an end some time ahead, so that alerts end also when nobody
is left to end them.

An Alertmanager that is slow, because it has tens of thousands of alerts, is told them in pieces: what changes overtakes
what is only repeated, and a piece that got through isn't sent again for one that didn't.

Guarantees: the newest state arrives, as soon as it answers again after an outage; what came and went meanwhile doesn't.
An end is told several times, also to one that doesn't seem to know the alert: it may have been restarted, and its
record of who was notified outlives that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any

from andon.notify.alertmanager import AwayError, Letter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from andon.notify.alertmanager import Alertmanager
    from andon.notify.notices import Labels, Notice

__all__ = ["Attempt", "Courier", "Ledger"]

ENDED_MAX = 20_000
"""Alerts whose end is still to be told, or told again. The oldest are left to the end that they carry."""

GUARD_ROUNDS = 4
"""An alert that hasn't been repeated for so many rounds ends by itself."""

CLOCKS_APART_MS = 5_000
"""An end is told as some seconds ago: an Alertmanager whose clock is behind ours takes a future end for no end."""

LETTERS_MAX = 256
"""Alerts in one request, as many as Prometheus sends."""

GATHER_S = 0.3
"""What changes together travels together."""

RETRY_S_MIN = 0.5
RETRY_S_MAX = 30.0


@dataclass(slots=True)
class _Told:
    notice: Notice
    turn: int = 0
    """In which it got through; 0: nobody knows whether it did."""


@dataclass(slots=True)
class _Ended:
    notice: Notice
    ends_ms: int
    turn: int = 0
    told_ms: int | None = None
    """When it first got through."""


class Ledger:
    """What one Alertmanager was told, and what it has yet to be told. Pure: no clock, no network.

    All is told once in every turn. What changed is told at once, before what is only repeated.
    """

    def __init__(self, every_s: float, *, ended_max: int = ENDED_MAX) -> None:
        """Nothing was told yet.

        Args:
            every_s: between two turns.
            ended_max: ends that are kept until they were told often enough.
        """
        self._guard_ms = round(GUARD_ROUNDS * every_s * 1000)
        self._ended_max = ended_max
        self._turn = 1
        self._told: dict[Labels, _Told] = {}
        self._ended: dict[Labels, _Ended] = {}
        self.given_up = 0
        """Ends that were too many to be kept."""

    def begin_turn(self) -> None:
        """From now on everything is to be told once more."""
        self._turn += 1

    def found(self, notices: Iterable[Notice]) -> None:
        """These fire there. Those that shouldn't will be ended."""
        for notice in notices:
            self._told.setdefault(notice.labels, _Told(notice))

    def due(self, wanted: Mapping[Labels, Notice], now_ms: int) -> list[Labels]:
        """What it has yet to be told in this turn: ends, then what changed, then what is repeated.

        Args:
            wanted: what should fire.
            now_ms: the end of what shouldn't fire any more.
        """
        for labels in [labels for labels in self._told if labels not in wanted]:
            ends_ms = now_ms - CLOCKS_APART_MS
            notice = self._told.pop(labels).notice
            # It refuses what ends before it starts.
            self._ended[labels] = _Ended(notice._replace(starts_ms=min(notice.starts_ms, ends_ms)), ends_ms)
        for labels in [labels for labels in self._ended if labels in wanted]:
            del self._ended[labels]
        while len(self._ended) > self._ended_max:
            del self._ended[next(iter(self._ended))]
            self.given_up += 1
        changed, repeated = [], []
        for labels, notice in wanted.items():
            told = self._told.get(labels)
            if told is None or told.notice != notice:
                # Counted as told from here on, even if it doesn't get through: nobody knows then.
                told = self._told[labels] = _Told(notice)
            if told.turn == 0:
                changed.append(labels)
            elif told.turn != self._turn:
                repeated.append(labels)
        ends = [labels for labels, ended in self._ended.items() if ended.turn != self._turn]
        return ends + changed + repeated

    def letter(self, labels: Labels, now_ms: int) -> Letter:
        """What it is told of one alert that is due."""
        if labels in self._ended:
            ended = self._ended[labels]
            return Letter(ended.notice, ended.ends_ms)
        notice = self._told[labels].notice
        return Letter(notice._replace(starts_ms=min(notice.starts_ms, now_ms)), now_ms + self._guard_ms)

    def delivered(self, letters: Sequence[Letter], now_ms: int) -> None:
        """These got through."""
        for letter in letters:
            labels = letter.notice.labels
            if labels in self._told:
                self._told[labels].turn = self._turn
            elif labels in self._ended:
                ended = self._ended[labels]
                ended.turn = self._turn
                ended.told_ms = now_ms if ended.told_ms is None else ended.told_ms
                if now_ms - ended.told_ms >= self._guard_ms:
                    del self._ended[labels]


class Attempt(StrEnum):
    """What became of one attempt to tell an Alertmanager what is due."""

    DONE = "done"
    MORE = "more"  # there is more to tell, and something more urgent came
    STUCK = "stuck"  # some of it got through, and then no more
    AWAY = "away"


class Courier:
    """Tells one Alertmanager, from a thread of its own: one that hangs doesn't hold up the others."""

    def __init__(
        self, alertmanager: Alertmanager, *, site: str, every_s: float, log: Any, now_ms: Callable[[], int]
    ) -> None:
        self._alertmanager = alertmanager
        self._site = site
        self._every_s = every_s
        self._log = log
        self._now_ms = now_ms
        self._ledger = Ledger(every_s)
        self._changed = Condition()
        self._wanted: Mapping[Labels, Notice] = {}
        self._news = False
        self._stopping = False
        self._thread = Thread(target=self._work, daemon=True, name=f"courier {alertmanager.name}")
        self._fault: BaseException | None = None
        self._asked = False
        """In this turn, what fires there."""
        self._known = False
        """It has said so, and has answered ever since."""
        self._reluctant = False
        self._away: bool | None = None
        """None: nobody knows yet."""
        self._tries = 0
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
        """Begin nothing more; wait so long for a request under way."""
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

    def attempt(self, *, new_turn: bool) -> Attempt:
        """Tell what is due.

        Args:
            new_turn: everything is due once more.
        """
        if new_turn:
            self._ledger.begin_turn()
            self._asked = False
        posted = self.posted
        try:
            done = self._tell_what_is_due()
        except AwayError as error:
            return self._fail(error, progress=self.posted > posted)
        if self._away is not False:
            self._log.info("alertmanager informed", **self.account(), failures_since=self._tries)
        self._away, self._tries = False, 0
        return Attempt.DONE if done else Attempt.MORE

    def _tell_what_is_due(self) -> bool:
        """Whether all is told.

        Raises: AwayError if something isn't taken.
        """
        with self._changed:
            wanted, self._news = self._wanted, False
        due = self._ledger.due(wanted, self._now_ms())
        if not self._known and not self._asked:
            self._post(due[:LETTERS_MAX])  # nothing, perhaps: then it shows that it takes alerts
            self._ask()
            due = self._ledger.due(wanted, self._now_ms())
        for start in range(0, len(due), LETTERS_MAX):
            if start and (self._news or self._stopping):
                return False
            self._post(due[start : start + LETTERS_MAX])
        return True

    def _post(self, due: Sequence[Labels]) -> None:
        now_ms = self._now_ms()
        letters = [self._ledger.letter(labels, now_ms) for labels in due]
        refusals = self._alertmanager.post(letters)
        self._ledger.delivered(letters, now_ms)
        self.posted += len(letters)
        if refusals and not self.refused:
            self._log.error("alertmanager refused alerts", alertmanager=self._alertmanager.name, reason=refusals[0])
        self.refused += len(refusals)

    def _ask(self) -> None:
        """Learn what fires there. One that takes alerts, and doesn't say, is told of them all the same."""
        self._asked = True
        try:
            self._ledger.found(self._alertmanager.standing(self._site))
            self._known = True
        except AwayError as error:
            self.failures += 1
            if not self._reluctant:
                self._log.warning("alertmanager doesn't say what fires", reason=str(error), note="old alerts end late")
            self._reluctant = True

    def _fail(self, error: AwayError, *, progress: bool) -> Attempt:
        self._tries = 1 if progress else self._tries + 1
        self.failures += 1
        if not self._away:
            self._log.warning("alertmanager away", reason=str(error), retry_s_max=self._retry_s_max)
        self._away = True
        if progress:
            return Attempt.STUCK
        self._known = False  # it may have been restarted, and know nothing
        return Attempt.AWAY

    @property
    def _retry_s_max(self) -> float:
        return min(RETRY_S_MAX, self._every_s)

    def _work(self) -> None:
        try:
            self._serve()
        except BaseException as error:  # noqa: BLE001 - `check` raises it
            self._fault = error

    def _serve(self) -> None:
        turn_due = 0.0
        finished = True
        self._wait(None, for_news=True)
        while not self._stopping:
            self._wait(GATHER_S)
            new_turn = finished and time.monotonic() >= turn_due
            if new_turn:
                turn_due = time.monotonic() + self._every_s
            outcome = self.attempt(new_turn=new_turn)
            finished = outcome is Attempt.DONE
            if finished:
                self._wait(turn_due - time.monotonic(), for_news=True)
            elif outcome is not Attempt.MORE:
                if outcome is Attempt.AWAY:  # begin again with everything
                    turn_due, finished = 0.0, True
                self._wait(min(self._retry_s_max, RETRY_S_MIN * 2 ** min(self._tries - 1, 10)))

    def _wait(self, wait_s: float | None, *, for_news: bool = False) -> None:
        """Wait so long, and no longer than until news come if they matter, or until it is time to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or (for_news and self._news), wait_s)
