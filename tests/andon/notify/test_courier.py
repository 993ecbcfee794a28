"""What an Alertmanager is told, when, and again."""

import threading

import pytest
import structlog

from andon.notify.alertmanager import AwayError
from andon.notify.courier import CLOCKS_APART_MS, GUARD_ROUNDS, LETTERS_MAX, Attempt, Courier, Ledger
from andon.notify.notices import notice_of
from contracts.alerts import State
from tests.alarm_states import T0, alarm_state
from tests.kafka.service import wait_until

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


def tell(ledger, wanted, after_ms=0, *, turn=False, arrives=True):
    """What is told at this time, as (sensor, start, end) from T0."""
    if turn:
        ledger.begin_turn()
    now_ms = T0 + after_ms
    letters = [ledger.letter(labels, now_ms) for labels in ledger.due(wanted, now_ms)]
    if arrives:
        ledger.delivered(letters, now_ms)
    return shown(letters)


class Remote:
    """An Alertmanager that can be away, and remembers what it was told."""

    name = "http://am:9093"

    def __init__(self):
        self.away = False
        self.silent = False
        self.takes = 1_000_000
        self.fires = []
        self.posts = []
        self.refusals = []
        self.asked = 0
        self.came = threading.Semaphore(0)

    def standing(self, site):
        """What fires there."""
        assert site == "plant-1"
        if self.silent:
            raise AwayError(f"{self.name}: 403")
        self.asked += 1
        return self.fires

    def post(self, letters):
        """Be told."""
        refused = self.away or self.takes == 0
        if not refused:
            self.takes -= 1
            self.posts.append(shown(letters))
        self.came.release()
        if refused:
            raise AwayError(f"{self.name}: refused")
        return self.refusals

    def close(self):
        """Nobody asks any more."""
        self.away = True

    @property
    def sensors(self):
        """The sensors of each request that told anything."""
        return [[sensor for sensor, _, _ in post] for post in self.posts if post]


@pytest.fixture
def remote():
    return Remote()


@pytest.fixture
def courier(remote):
    return courier_to(remote)


def courier_to(remote, every_s=EVERY_S):
    return Courier(remote, site="plant-1", every_s=every_s, log=structlog.get_logger(), now_ms=lambda: T0)


def test_each_alert_carries_an_end_that_a_repetition_moves_on():
    """If nobody repeats it, it ends four turns later."""
    ledger = Ledger(EVERY_S)

    assert tell(ledger, wanted_of("temp"), 5_000) == [("temp", 0, 5_000 + GUARD_MS)]
    assert tell(ledger, wanted_of("temp"), 65_000, turn=True) == [("temp", 0, 65_000 + GUARD_MS)]


def test_between_two_repetitions_only_what_changed_is_told():
    """One more alarm in a flood of thousands doesn't repeat the thousands."""
    ledger = Ledger(EVERY_S)
    tell(ledger, wanted_of("temp", "flow"))

    assert tell(ledger, wanted_of("temp", "flow")) == []
    acknowledged = wanted_of("flow", state=State.ACTIVE_ACKED, value=98.0)
    assert tell(ledger, wanted_of("temp") | acknowledged) == [("flow", 0, GUARD_MS)]


def test_what_changed_is_told_before_what_is_repeated():
    """A page doesn't wait until ten thousand others were repeated."""
    ledger = Ledger(EVERY_S)
    tell(ledger, wanted_of("a", "b"))

    told = tell(ledger, wanted_of("b", "c"), turn=True)

    assert [sensor for sensor, _, _ in told] == ["a", "c", "b"]


def test_what_did_not_get_through_is_told_again_and_the_rest_is_not():
    """A slow Alertmanager is told piece by piece, and gets to the end of it."""
    ledger = Ledger(EVERY_S)
    wanted = wanted_of("a", "b", "c")
    ledger.delivered([ledger.letter(labels, T0) for labels in ledger.due(wanted, T0)[:2]], T0)

    assert [sensor for sensor, _, _ in tell(ledger, wanted)] == ["c"]
    assert tell(ledger, wanted) == []


def test_the_end_of_an_alert_is_told_for_some_turns():
    """Also an Alertmanager that was restarted just then hears of it."""
    ledger = Ledger(EVERY_S)
    tell(ledger, wanted_of("temp"))
    begin_ms = 30_000

    told = [tell(ledger, {}, begin_ms + after_ms, turn=True) for after_ms in (0, 60_000, GUARD_MS, GUARD_MS + 60_000)]

    the_end = [("temp", 0, begin_ms - CLOCKS_APART_MS)]
    assert told == [the_end, the_end, the_end, []]


def test_an_end_that_did_not_get_through_is_told_until_it_does():
    """The Alertmanager may be away for hours."""
    ledger = Ledger(EVERY_S)
    tell(ledger, wanted_of("temp"))

    for after_ms in (0, GUARD_MS, 10 * GUARD_MS):
        assert len(tell(ledger, {}, after_ms, arrives=False)) == 1

    assert len(tell(ledger, {}, 10 * GUARD_MS)) == 1
    assert tell(ledger, {}, 10 * GUARD_MS) == []
    assert len(tell(ledger, {}, 10 * GUARD_MS + 60_000, turn=True)) == 1


def test_an_alert_that_is_back_is_not_ended_any_more():
    """An alarm that returns within a turn fires, and nothing contradicts it."""
    ledger = Ledger(EVERY_S)
    tell(ledger, wanted_of("temp"))
    tell(ledger, {}, 10_000)

    told = tell(ledger, wanted_of("temp", onset_ts=T0 + 15_000), 20_000, turn=True)

    assert told == [("temp", 15_000, 20_000 + GUARD_MS)]


def test_no_alert_begins_in_the_future_or_ends_before_it_begins():
    """A device's clock may be ahead of ours, and Alertmanager refuses an end before the start."""
    ledger = Ledger(EVERY_S)

    assert tell(ledger, wanted_of("temp", onset_ts=T0 + 300_000)) == [("temp", 0, GUARD_MS)]
    assert tell(ledger, {}, 1_000) == [("temp", 1_000 - CLOCKS_APART_MS, 1_000 - CLOCKS_APART_MS)]


def test_what_fires_there_and_should_not_is_ended():
    """It is from before our restart, and nobody else will end it."""
    ledger = Ledger(EVERY_S)

    ledger.found(wanted_of("temp", "flow").values())

    assert tell(ledger, wanted_of("flow"), 60_000) == [
        ("temp", 0, 60_000 - CLOCKS_APART_MS),
        ("flow", 0, 60_000 + GUARD_MS),
    ]


def test_ends_that_are_too_many_are_left_to_themselves():
    """Memory is bounded also where an Alertmanager is away for a week; the oldest end by the end that they carry."""
    ledger = Ledger(EVERY_S, ended_max=2)
    tell(ledger, wanted_of("a", "b", "c"))

    assert [sensor for sensor, _, _ in tell(ledger, {})] == ["b", "c"]
    assert ledger.given_up == 1


def test_an_alertmanager_that_was_away_is_asked_what_it_knows_and_told_everything(remote, courier):
    """Whatever it forgot or missed meanwhile, its state is right again with its first answer."""
    courier.tell(wanted_of("temp", "flow"))
    assert courier.attempt(new_turn=True) is Attempt.DONE
    courier.tell(wanted_of("flow", "pressure"))
    remote.away = True
    assert [courier.attempt(new_turn=new) for new in (False, True)] == [Attempt.AWAY, Attempt.AWAY]
    remote.away = False
    remote.fires = list(wanted_of("level").values())
    remote.posts.clear()

    assert courier.attempt(new_turn=True) is Attempt.DONE

    told = [letter for post in remote.posts for letter in post]
    assert sorted(sensor for sensor, _, end in told if end < 0) == ["level", "temp"]
    assert sorted(sensor for sensor, _, end in told if end > 0) == ["flow", "pressure"]
    assert remote.asked == 2


def test_many_alerts_travel_in_several_requests(remote, courier):
    """No request is larger than those of Prometheus."""
    courier.tell(wanted_of(*(f"s{number}" for number in range(LETTERS_MAX + 1))))

    assert courier.attempt(new_turn=True) is Attempt.DONE

    assert [len(sensors) for sensors in remote.sensors] == [LETTERS_MAX, 1]


def test_an_alertmanager_that_stops_halfway_is_told_the_rest(remote, courier):
    """One that is overwhelmed by a flood of alerts isn't sent all of them again and again."""
    courier.tell(wanted_of(*(f"s{number}" for number in range(3 * LETTERS_MAX))))
    remote.takes = 1
    assert courier.attempt(new_turn=True) is Attempt.STUCK
    remote.takes = 5

    assert courier.attempt(new_turn=False) is Attempt.DONE

    assert len(remote.posts) == 3
    assert len({sensor for sensors in remote.sensors for sensor in sensors}) == 3 * LETTERS_MAX


def test_news_overtake_what_is_only_repeated(remote, courier):
    """A page isn't held up by the repetition of ten thousand alerts."""
    many = wanted_of(*(f"s{number}" for number in range(3 * LETTERS_MAX)))
    courier.tell(many)
    courier.attempt(new_turn=True)
    remote.posts.clear()
    take = remote.post

    def take_and_hear_news(letters):
        remote.post = take
        courier.tell(many | wanted_of("temp"))
        return take(letters)

    remote.post = take_and_hear_news
    outcomes = [courier.attempt(new_turn=new) for new in (True, False)]

    assert outcomes == [Attempt.MORE, Attempt.DONE]
    assert remote.sensors[1][0] == "temp"
    assert sum(map(len, remote.sensors)) == 3 * LETTERS_MAX + 1


def test_one_that_only_takes_alerts_is_told_of_them_all_the_same(remote, courier):
    """A proxy may let posts through and nothing else; it is asked again in each turn, and logged once."""
    remote.silent = True
    courier.tell(wanted_of("temp"))

    with structlog.testing.capture_logs() as logs:
        outcomes = [courier.attempt(new_turn=True) for _ in range(3)]

    assert outcomes == [Attempt.DONE] * 3
    assert [log["event"] for log in logs] == ["alertmanager doesn't say what fires", "alertmanager informed"]
    assert remote.sensors == [["temp"]] * 3
    assert courier.account()["failures"] == 3


def test_an_outage_is_logged_once_and_counted(remote, courier):
    """An Alertmanager that is away over night doesn't fill the disk."""
    remote.away = True

    with structlog.testing.capture_logs() as logs:
        for _ in range(5):
            courier.attempt(new_turn=True)
        remote.away = False
        courier.attempt(new_turn=True)
        courier.attempt(new_turn=True)

    assert [log["event"] for log in logs] == ["alertmanager away", "alertmanager informed"]
    assert logs[1]["failures_since"] == 5
    assert courier.account()["failures"] == 5


def test_alerts_that_are_refused_are_logged_once_and_counted(remote, courier):
    """Somebody should look at it; the others were taken."""
    courier.attempt(new_turn=True)
    courier.tell(wanted_of("temp"))
    remote.refusals = ["422: no"]

    with structlog.testing.capture_logs() as logs:
        outcomes = [courier.attempt(new_turn=True) for _ in range(3)]

    assert outcomes == [Attempt.DONE] * 3
    assert [log["event"] for log in logs] == ["alertmanager refused alerts"]
    assert courier.account()["refused"] == 3


def test_the_thread_tells_what_it_is_told_and_ends_when_it_is_asked_to(remote, courier):
    """News travels at once, not with the next turn."""
    courier.start()

    courier.tell(wanted_of("temp"))
    assert remote.came.acquire(timeout=60)
    courier.tell(wanted_of("temp", "flow"))
    assert remote.came.acquire(timeout=60)
    courier.stop(10)

    assert remote.sensors == [["temp"], ["flow"]]
    assert remote.away  # closed


def test_the_newest_state_arrives_after_an_outage(remote, courier):
    """It is tried again and again, with what is so then."""
    remote.away = True
    courier.start()
    courier.tell(wanted_of("temp"))
    assert remote.came.acquire(timeout=60)
    courier.tell(wanted_of("flow"))
    remote.away = False

    def fires():
        return [sensor for sensor, _, end in remote.posts[-1] if end > 0] if remote.posts else []

    wait_until(lambda: fires() == ["flow"], "what is so by now is told")  # it may have been tried in vain meanwhile
    courier.stop(10)

    assert fires() == ["flow"]


def test_all_is_repeated_every_so_often(remote):
    """Nothing changes, and still it is told: it may have been restarted."""
    courier = courier_to(remote, every_s=0.2)
    courier.start()
    courier.tell(wanted_of("temp"))

    for _ in range(3):
        assert remote.came.acquire(timeout=60)
    courier.stop(10)

    assert remote.sensors[:3] == [["temp"]] * 3


def test_a_fault_of_the_program_is_not_hidden_in_a_thread(remote, courier):
    """A pager that nobody feeds any more must not look alive."""
    remote.standing = None
    courier.start()
    courier.tell({})
    courier._thread.join(10)

    with pytest.raises(TypeError):
        courier.check()
