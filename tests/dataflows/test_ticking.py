"""When a lane says what time it is."""

from __future__ import annotations

import itertools

import pytest

from contracts.readings import Tick
from dataflows.ticking import Ticking

GRACE_MS = 30_000


def ticking(grace_ms=GRACE_MS):
    """A lane that began at 0."""
    return Ticking(lane=3, grace_ms=grace_ms, now_ms=0)


def run(lane, start_ms, end_ms, *, answers=True, poll=True, step_ms=500):
    """The ticks while a lane that has read everything is asked twice a second."""
    ticks = []
    for now_ms in range(start_ms, end_ms, step_ms):
        if poll:
            lane.polled(now_ms)
        if answers:
            lane.broker_answered(now_ms)
        if tick := lane.due(now_ms, read_up_to_ms=now_ms):
            ticks.append(tick)
    return ticks


def test_nothing_is_said_before_the_grace_after_a_start_is_over():
    """Silence isn't judged for stale_grace_s after a start; the first tick excuses what was before it."""
    ticks = run(ticking(), 0, 33_000)

    assert ticks[0] == Tick(3, GRACE_MS, after_outage=True)
    assert [tick.after_outage for tick in ticks[1:]] == [False, False]


def test_ticks_are_a_second_apart():
    """However often the lane is asked."""
    ticks = run(ticking(0), 0, 10_000, step_ms=100)

    assert {after.now_ms - before.now_ms for before, after in itertools.pairwise(ticks)} == {1_000}


def test_a_tick_carries_the_time_up_to_which_everything_was_read():
    """Messages that arrived since can't be mistaken for silence."""
    lane = ticking(0)
    run(lane, 0, 5_000)

    assert lane.due(5_400, read_up_to_ms=5_100) == Tick(3, 5_100)


def test_a_broker_that_never_answered_is_not_believed():
    """No ticks from a lane that only thinks that it has caught up."""
    assert run(ticking(0), 0, 10_000, answers=False) == []


def test_answers_are_believed_for_three_seconds():
    """A broker of which nothing is heard any more stops the ticks, before anybody calls it away."""
    lane = ticking(0)
    run(lane, 0, 5_000)

    assert run(lane, 5_000, 20_000, answers=False)[-1].now_ms <= 4_500 + 3_000


def test_an_outage_stops_ticks_until_its_grace_is_over_and_is_excused():
    """Producers deliver what they held back: nobody is stale because the broker was away."""
    lane = ticking()
    run(lane, 0, 40_000)

    assert lane.broker_away(40_000)
    assert run(lane, 40_500, 50_000, answers=False) == []
    back = run(lane, 50_000, 82_000)

    assert back[0] == Tick(3, 50_000 + GRACE_MS, after_outage=True)
    assert not back[1].after_outage


def test_an_outage_is_news_once_and_so_is_its_end():
    """Logged once, not twice a second."""
    lane = ticking()
    lane.broker_answered(0)

    assert [lane.broker_away(500), lane.broker_away(1_000)] == [True, False]
    assert [lane.broker_answered(1_500), lane.broker_answered(2_000)] == [True, False]


def test_before_its_first_answer_a_broker_is_not_away():
    """A connection that is still being made is no outage."""
    assert not ticking().broker_away(500)


def test_readings_after_an_outage_are_preceded_by_an_excuse_once():
    """The gap before them isn't blamed on the sensors."""
    lane = ticking()
    lane.broker_answered(0)
    lane.broker_away(3_000)
    lane.broker_answered(9_000)

    assert lane.before_readings(9_100) == Tick(3, 9_100, after_outage=True)
    assert lane.before_readings(9_200) is None
    assert lane.before_readings(11_000) is None


def test_readings_that_come_while_the_broker_is_thought_away_leave_the_excuse_for_the_rest():
    """They were on their way before; the gap is still to come. No more than one excuse a second."""
    lane = ticking()
    lane.broker_answered(0)
    lane.broker_away(3_000)

    assert lane.before_readings(3_100) is not None
    assert lane.before_readings(3_200) is None
    lane.broker_answered(9_000)
    assert lane.before_readings(9_100) is not None


def test_without_an_outage_readings_are_not_excused():
    """A restart alone hides no gap: the readings themselves tell it."""
    assert ticking().before_readings(100) is None


@pytest.mark.parametrize(("stood_still_ms", "waits_ms"), [(1_500, 1_500), (3_500, 3_500), (9_500, 9_500)])
def test_a_lane_that_stood_still_waits_as_long_before_it_believes_itself(stood_still_ms, waits_ms):
    """What held it up may have held up producers: what they kept must be there and read before silence is judged."""
    lane = ticking(0)
    run(lane, 0, 5_000)
    resumed_ms = 4_500 + stood_still_ms

    assert not lane.polled(resumed_ms)
    ticks = run(lane, resumed_ms, resumed_ms + 20_000)

    assert ticks[0] == Tick(3, resumed_ms + waits_ms)


def test_a_broker_that_nothing_was_heard_of_is_believed_after_as_long_again():
    """Perhaps it was away, though nobody noticed: as on a machine without time to spare."""
    lane = ticking(0)
    run(lane, 0, 5_000)
    run(lane, 5_000, 9_000, answers=False)

    assert run(lane, 9_000, 20_000)[0] == Tick(3, 13_500)


@pytest.mark.parametrize("resumed_ms", [16_000, -3_600_000])
def test_a_long_standstill_or_a_clock_set_back_counts_as_an_outage(resumed_ms):
    """A machine that slept, or whose clock was corrected, blames nobody."""
    lane = ticking()
    run(lane, 0, 5_000)

    lane.polled(resumed_ms)
    lane.broker_answered(resumed_ms)

    assert lane.before_readings(resumed_ms) == Tick(3, resumed_ms, after_outage=True)
    assert run(lane, resumed_ms + 500, resumed_ms + GRACE_MS) == []
    assert run(lane, resumed_ms + GRACE_MS, resumed_ms + GRACE_MS + 1_000)[0].after_outage
