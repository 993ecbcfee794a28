"""What an Alertmanager is told, when, and again."""

import threading

import pytest
import structlog

from andon.alertmanager import AwayError
from andon.courier import CLOCKS_APART_MS, GUARD_ROUNDS, Courier, Ledger
from andon.notices import notice_of
from contracts.alerts import State
from tests.alarm_states import T0, alarm_state

EVERY_S = 60
GUARD_MS = GUARD_ROUNDS * EVERY_S * 1000


def wanted_of(*sensors, **changed):
    """What should fire: a limit of each of these sensors."""
    notices = [notice_of(alarm_state(sensor=sensor, **changed)) for sensor in sensors]
    return {notice.labels: notice for notice in notices}


def shown(letters):
    """(sensor, start, end) of each, from T0."""
    return [
        (dict(letter.notice.labels)["sensor"], letter.notice.starts_ms - T0, letter.ends_ms - T0) for letter in letters
    ]


class Remote:
    """An Alertmanager that can be away, and remembers what it was told."""

    name = "http://am:9093"

    def __init__(self):
        self.away = False
        self.fires = []
        self.posts = []
        self.refusals = []
        self.asked = 0
        self.came = threading.Semaphore(0)

    def standing(self, site):
        """What fires there."""
        assert site == "plant-1"
        self._answer()
        self.asked += 1
        return self.fires

    def post(self, letters):
        """Be told."""
        self._answer()
        self.posts.append(shown(letters))
        self.came.release()
        return self.refusals

    def close(self):
        """Nobody asks any more."""
        self.away = True

    def _answer(self):
        if self.away:
            self.came.release()
            raise AwayError(f"{self.name}: refused")


@pytest.fixture
def remote():
    return Remote()


@pytest.fixture
def courier(remote):
    return Courier(remote, site="plant-1", every_s=EVERY_S, log=structlog.get_logger())


def test_each_alert_carries_an_end_that_a_repetition_moves_on():
    """If nobody repeats it, it ends four rounds later."""
    ledger = Ledger(EVERY_S)

    first = ledger.letters(wanted_of("temp"), everything=True, now_ms=T0 + 5_000)
    again = ledger.letters(wanted_of("temp"), everything=True, now_ms=T0 + 65_000)

    assert shown(first) == [("temp", 0, 5_000 + GUARD_MS)]
    assert shown(again) == [("temp", 0, 65_000 + GUARD_MS)]


def test_between_two_repetitions_only_what_changed_is_told():
    """One more alarm in a flood of thousands doesn't repeat the thousands."""
    ledger = Ledger(EVERY_S)
    ledger.letters(wanted_of("temp", "flow"), everything=True, now_ms=T0)

    nothing = ledger.letters(wanted_of("temp", "flow"), everything=False, now_ms=T0)
    one = ledger.letters(
        wanted_of("temp") | wanted_of("flow", state=State.ACTIVE_ACKED, value=98.0), everything=False, now_ms=T0
    )

    assert nothing == []
    assert shown(one) == [("flow", 0, GUARD_MS)]


def test_the_end_of_an_alert_is_told_for_some_rounds():
    """Also an Alertmanager that was restarted just then hears of it."""
    ledger = Ledger(EVERY_S)
    ledger.letters(wanted_of("temp"), everything=True, now_ms=T0)
    ended_ms = T0 + 30_000
    told = []

    for after_ms in (0, 60_000, GUARD_MS, GUARD_MS + 60_000):
        letters = ledger.letters({}, everything=True, now_ms=ended_ms + after_ms)
        ledger.delivered(letters, ended_ms + after_ms)
        told.append(shown(letters))

    the_end = [("temp", 0, 30_000 - CLOCKS_APART_MS)]
    assert told == [the_end, the_end, the_end, []]


def test_an_end_that_did_not_get_through_is_told_until_it_does():
    """The Alertmanager may be away for hours."""
    ledger = Ledger(EVERY_S)
    ledger.letters(wanted_of("temp"), everything=True, now_ms=T0)

    for after_ms in (0, GUARD_MS, 10 * GUARD_MS):
        assert len(ledger.letters({}, everything=False, now_ms=T0 + after_ms)) == 1
    ledger.delivered(ledger.letters({}, everything=False, now_ms=T0 + 10 * GUARD_MS), T0 + 10 * GUARD_MS)

    assert ledger.letters({}, everything=False, now_ms=T0 + 11 * GUARD_MS) == []
    assert len(ledger.letters({}, everything=True, now_ms=T0 + 11 * GUARD_MS)) == 1


def test_an_alert_that_is_back_is_not_ended_any_more():
    """An alarm that returns within a round fires, and nothing contradicts it."""
    ledger = Ledger(EVERY_S)
    ledger.letters(wanted_of("temp"), everything=True, now_ms=T0)
    ledger.letters({}, everything=False, now_ms=T0 + 10_000)

    letters = ledger.letters(wanted_of("temp", onset_ts=T0 + 15_000), everything=True, now_ms=T0 + 20_000)

    assert shown(letters) == [("temp", 15_000, 20_000 + GUARD_MS)]


def test_no_alert_begins_in_the_future_or_ends_before_it_begins():
    """A device's clock may be ahead of ours, and Alertmanager refuses an end before the start."""
    ledger = Ledger(EVERY_S)
    ahead = wanted_of("temp", onset_ts=T0 + 300_000)

    begins = ledger.letters(ahead, everything=True, now_ms=T0)
    ends = ledger.letters({}, everything=True, now_ms=T0 + 1_000)

    assert shown(begins) == [("temp", 0, GUARD_MS)]
    assert shown(ends) == [("temp", 1_000 - CLOCKS_APART_MS, 1_000 - CLOCKS_APART_MS)]


def test_what_fires_there_and_should_not_is_ended():
    """It is from before our restart, and nobody else will end it."""
    ledger = Ledger(EVERY_S)

    ledger.found(wanted_of("temp", "flow").values())
    letters = ledger.letters(wanted_of("flow"), everything=True, now_ms=T0 + 60_000)

    assert shown(letters) == [("temp", 0, 60_000 - CLOCKS_APART_MS), ("flow", 0, 60_000 + GUARD_MS)]


def test_ends_that_are_too_many_are_left_to_themselves():
    """Memory is bounded also where an Alertmanager is away for a week; the oldest end by the end that they carry."""
    ledger = Ledger(EVERY_S, ended_max=2)
    ledger.letters(wanted_of("a", "b", "c"), everything=True, now_ms=T0)

    letters = ledger.letters({}, everything=True, now_ms=T0)

    assert [sensor for sensor, _, _ in shown(letters)] == ["b", "c"]
    assert ledger.given_up == 1


def test_an_alertmanager_that_was_away_is_asked_what_it_knows_and_told_everything(remote, courier):
    """Whatever it forgot or missed meanwhile, its state is right again with its first answer."""
    assert courier.round(wanted_of("temp", "flow"), everything=True, now_ms=T0)
    remote.away = True
    assert not courier.round(wanted_of("flow", "pressure"), everything=False, now_ms=T0)
    assert not courier.round(wanted_of("flow", "pressure"), everything=False, now_ms=T0)
    remote.away = False
    remote.fires = list(wanted_of("level").values())

    assert courier.round(wanted_of("flow", "pressure"), everything=False, now_ms=T0)

    assert remote.asked == 2
    assert sorted(sensor for sensor, _, end in remote.posts[-1] if end < 0) == ["level", "temp"]
    assert sorted(sensor for sensor, _, end in remote.posts[-1] if end > 0) == ["flow", "pressure"]


def test_an_outage_is_logged_once_and_counted(remote, courier):
    """An Alertmanager that is away over night doesn't fill the disk."""
    remote.away = True

    with structlog.testing.capture_logs() as logs:
        for _ in range(5):
            courier.round({}, everything=True, now_ms=T0)
        remote.away = False
        courier.round({}, everything=True, now_ms=T0)
        courier.round({}, everything=True, now_ms=T0)

    assert [log["event"] for log in logs] == ["alertmanager away", "alertmanager informed"]
    assert logs[1]["failures_since"] == 5
    assert courier.account()["failures"] == 5


def test_alerts_that_are_refused_are_logged_once_and_counted(remote, courier):
    """Somebody should look at it; the others were taken."""
    remote.refusals = ["422: no"]

    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            assert courier.round(wanted_of("temp"), everything=True, now_ms=T0)

    assert [log["event"] for log in logs if log["log_level"] == "error"] == ["alertmanager refused alerts"]
    assert courier.account()["refused"] == 3


def test_the_thread_tells_what_it_is_told_and_ends_when_it_is_asked_to(remote, courier):
    """News travels at once, not with the next round."""
    courier.start()

    courier.tell(wanted_of("temp"))
    assert remote.came.acquire(timeout=10)
    courier.tell(wanted_of("temp", "flow"))
    assert remote.came.acquire(timeout=10)
    courier.stop(10)

    assert [[sensor for sensor, _, _ in post] for post in remote.posts] == [["temp"], ["flow"]]
    assert remote.away  # closed


def test_the_newest_state_arrives_after_an_outage(remote, courier):
    """It is tried again and again, with what is so then."""
    remote.away = True
    courier.start()
    courier.tell(wanted_of("temp"))
    assert remote.came.acquire(timeout=10)
    courier.tell(wanted_of("flow"))
    remote.away = False
    assert remote.came.acquire(timeout=10)
    courier.stop(10)

    assert [[sensor for sensor, _, _ in post] for post in remote.posts] == [["flow"]]


def test_all_is_repeated_every_so_often(remote):
    """Nothing changes, and still it is told: it may have been restarted."""
    courier = Courier(remote, site="plant-1", every_s=0.2, log=structlog.get_logger())
    courier.start()
    courier.tell(wanted_of("temp"))

    for _ in range(3):
        assert remote.came.acquire(timeout=10)
    courier.stop(10)

    assert all([sensor for sensor, _, _ in post] == ["temp"] for post in remote.posts)


def test_a_fault_of_the_program_is_not_hidden_in_a_thread(remote, courier):
    """A pager that nobody feeds any more must not look alive."""
    remote.standing = None
    courier.start()
    courier.tell({})
    courier._thread.join(10)

    with pytest.raises(TypeError):
        courier.check()
