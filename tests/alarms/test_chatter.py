"""An alarm that comes and goes is told less often, and never for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.chatter import HOLD_MS_MAX, HOLD_MS_MIN, QUIET_MS, WITHIN_MS, Chatter, raised, returned_too_soon


def after(*times: int) -> Chatter:
    """The memory after raises at these times (ms)."""
    chatter = None
    for ts in times:
        chatter = raised(chatter, ts)
    assert chatter is not None
    return chatter


@pytest.mark.parametrize(
    ("times", "on"),
    [
        ((0,), False),
        ((0, 1), False),
        ((0, 1, 2), True),
        ((0, 1, WITHIN_MS), True),
        ((0, 1, WITHIN_MS + 1), False),
        ((0, 50_000, 100_000, 109_999), True),
        ((0, 31_000, 62_000, 93_000, 124_000), False),
        ((10, 9, 8), False),
    ],
)
def test_three_raises_within_a_minute_are_chatter(times, on):
    """Slower alarms are for deadbands and delays; a clock that goes back proves nothing."""
    assert after(*times).on is on


def test_a_return_is_held_back_for_a_minute_and_twice_as_long_after_each_onset_meanwhile():
    """The more it chatters, the longer it must be quiet to be believed."""
    chatter = after(0, 1, 2)
    held = [chatter.held_until(10) - 10]

    for ts in range(20, 26):
        chatter = returned_too_soon(chatter, ts)
        held.append(chatter.held_until(ts) - ts)

    assert held == [60_000, 120_000, 240_000, 480_000, 600_000, 600_000, 600_000]


def test_ten_minutes_without_an_onset_end_it_and_whatever_is_held_back():
    """Who mended the sensor sees it in ten minutes at the latest."""
    chatter = returned_too_soon(returned_too_soon(returned_too_soon(after(0, 1, 2), 3), 4), 5)

    assert chatter.hold_ms == 480_000
    assert chatter.held_until(300_000) == chatter.ends_ts == 5 + QUIET_MS
    assert raised(chatter, 5 + QUIET_MS) == Chatter(5 + QUIET_MS, (5 + QUIET_MS,))


def test_it_goes_on_chattering_while_it_is_raised_now_and_then():
    """A raise after a return that was told doesn't begin the counting anew."""
    chatter = raised(after(0, 1, 2), 400_000)

    assert chatter == Chatter(400_000, (), HOLD_MS_MIN)


@given(st.lists(st.tuples(st.integers(0, 2 * QUIET_MS), st.booleans()), max_size=60))
def test_whatever_comes_the_memory_is_small_and_holds_back_for_ten_minutes_at_most(steps):
    """No sequence of onsets makes an alarm wait longer, or andon remember more."""
    chatter, now = None, 0
    for step, held in steps:
        now += step
        chatter = returned_too_soon(chatter, now) if held and chatter and chatter.on else raised(chatter, now)

        assert len(chatter.raises) <= 2
        assert chatter.hold_ms <= HOLD_MS_MAX
        assert now <= chatter.held_until(now) <= chatter.ends_ts == now + QUIET_MS
