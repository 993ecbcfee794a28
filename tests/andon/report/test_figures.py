"""The figures of hand-made alerts are the ones that can be counted on paper, and they agree with each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.report.figures import Counted, Period, Portion, event_of, figures
from contracts.alerts import State
from contracts.findings import Kind
from tests.andon.alert_bodies import NOON, alert

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
HOURS_2 = Period(NOON, NOON + 2 * HOUR)


def figures_of(*alerts, period=HOURS_2, held=None):
    return figures([event_of(one) for one in alerts], period, held=held)


def episode(raised, over, *, acknowledged=None, **what):
    """The alerts of an alarm that came and went."""
    yield alert(raised, **what)
    if acknowledged is not None:
        yield alert(acknowledged, "acknowledged", onset_ts=raised, **what)
    if over is not None:
        yield alert(over, "cleared", onset_ts=raised, **what)


def test_a_quiet_time_has_figures_too():
    """No alarm at all is a result, and a good one."""
    found = figures_of()

    assert (found.annunciated, found.returned, found.alarms, found.stale_peak) == (0, 0, 0, 0)
    assert found.rate.per_10min == [0] * 12
    assert (found.rate.per_10min_mean, found.rate.per_10min_peak, found.rate.per_hour_peak) == (0, 0, 0)
    assert (found.flood_time_share, found.top_ten_share) == (0, 0)
    assert found.acknowledging.median_s is None
    assert found.sites == found.floods == found.chattering == found.fleeting == found.stale == []


def test_rates_are_counted_in_whole_periods_of_ten_minutes():
    """One alarm at each edge of two hours, and twelve in the second ten minutes."""
    times = [NOON, *(NOON + 10 * MINUTE + place for place in range(12)), NOON + 2 * HOUR - 1]
    found = figures_of(
        *(alert(ts, asset=f"press-{place}") for place, ts in enumerate(times)),
        alert(NOON - 1, asset="before"),
        alert(NOON + 2 * HOUR, asset="after"),
    )

    rate = found.rate
    assert found.annunciated == 14
    assert rate.per_10min == [1, 12, *[0] * 9, 1]
    assert rate.per_10min_mean == pytest.approx(14 / 12)
    assert rate.per_10min_peak == 12
    assert rate.share_above == {"1": 1 / 12, "2": 1 / 12, "5": 1 / 12, "10": 1 / 12}
    assert (rate.per_hour_mean, rate.per_hour_peak, rate.per_day_mean) == (7, 13, 168)


@pytest.mark.parametrize(
    ("start", "end", "count"),
    [(0, DAY, 144), (0, 1, 1), (0, 10 * MINUTE, 1), (0, 10 * MINUTE + 1, 2), (5, 30 * MINUTE, 3)],
)
def test_a_period_is_made_of_whole_ten_minutes_back_from_its_end(start, end, count):
    """No period of ten minutes is judged by its half."""
    period = Period.covering(start, end)

    assert period.end == end
    assert period.ten_min_count == count
    assert period.start <= start < period.start + 10 * MINUTE


def test_what_is_not_annunciated_disturbs_nobody_and_is_counted_apart():
    """Shelved alarms, and h while hh stands, are no load."""
    found = figures_of(alert(NOON), alert(NOON + 1, asset="press-2", annunciated=False))

    assert (found.annunciated, found.not_annunciated) == (1, 1)
    assert found.assets == {"press-1": 1}


def test_a_flood_alert_is_no_alarm_of_its_own():
    """It sums up others: counted, it would make every flood worse by one."""
    found = figures_of(alert(NOON, asset="plant-1", sensor=None, kind=Kind.FLOOD, rule="site"), alert(NOON))

    assert found.kinds == {"limit": 1}


def test_a_flood_is_found_with_its_first_alarms_and_its_share_of_the_time():
    """Twenty alarms, one every ten seconds: over ten minutes after the fifth newest."""
    raises = [alert(NOON + HOUR + place * 10 * SECOND, asset=f"press-{place}") for place in range(20)]

    found = figures_of(*raises)

    (flood,) = found.floods
    over = NOON + HOUR + 150 * SECOND + 10 * MINUTE
    assert (flood.start_ts, flood.end_ts) == (NOON + HOUR, over)
    assert (flood.raised, flood.peak_per_10min) == (20, 20)
    assert flood.first_up == [f"press-{place}/temp/limit/hh" for place in range(10)]
    assert found.flood_time_share == pytest.approx((over - NOON - HOUR) / (2 * HOUR))


def test_a_flood_that_began_before_the_time_counts_from_its_beginning():
    """Midnight divides reports, not floods."""
    found = figures_of(*(alert(NOON - MINUTE + place, asset=f"press-{place}") for place in range(20)))

    assert found.annunciated == 0
    assert [flood.start_ts for flood in found.floods] == [NOON - MINUTE]
    assert found.flood_time_share == pytest.approx((9 * MINUTE + 15) / (2 * HOUR))


def test_a_flood_that_is_not_over_lasts_to_the_end():
    """The report of a bad moment says that it isn't past."""
    start = NOON + 2 * HOUR - 5 * MINUTE
    found = figures_of(*(alert(start + place, asset=f"press-{place}") for place in range(30)))

    (flood,) = found.floods
    assert (flood.end_ts, flood.raised) == (None, 30)
    assert found.flood_time_share == pytest.approx(5 / 120)


def test_priorities_kinds_and_assets_are_told_with_their_shares():
    """Who writes rules sees which priority is handed out too freely."""
    found = figures_of(
        alert(NOON, severity=900),
        alert(NOON + 1, severity=300, kind=Kind.DRIFT, rule="level"),
        alert(NOON + 2, severity=300, asset="oven", kind=Kind.DRIFT, rule="level"),
        alert(NOON + 3, severity=500, kind=Kind.ANOMALY, rule="sensor"),
    )

    assert found.priorities == {
        "low": Portion(2, 0.5),
        "medium": Portion(1, 0.25),
        "high": Portion(0, 0.0),
        "critical": Portion(1, 0.25),
    }
    assert list(found.kinds.items()) == [("drift", 2), ("anomaly", 1), ("limit", 1)]
    assert list(found.assets.items()) == [("press-1", 3), ("oven", 1)]


def test_the_ten_most_frequent_alarms_are_named_with_their_share():
    """A few bad actors make most of the load."""
    raises = [alert(NOON + place * MINUTE, asset="bad") for place in range(8)]
    raises += [alert(NOON + place * MINUTE, asset=f"press-{place:02d}") for place in range(12)]

    found = figures_of(*raises)

    assert found.alarms == 13
    assert found.top_ten[0] == Counted("bad/temp/limit/hh", 8, 0.4)
    assert [one.alarm for one in found.top_ten[1:]] == [f"press-{place:02d}/temp/limit/hh" for place in range(9)]
    assert found.top_ten_share == pytest.approx(17 / 20)


@pytest.mark.parametrize(("gap_ms", "raises"), [(30 * SECOND, 3), (30 * SECOND + 1, 0)])
def test_three_raises_within_a_minute_are_chattering(gap_ms, raises):
    """Exactly a minute is still one."""
    found = figures_of(*(alert(NOON + place * gap_ms) for place in range(3)))

    assert [(one.alarm, one.count) for one in found.chattering] == [("press-1/temp/limit/hh", 3)] * bool(raises)


def test_only_the_raises_that_came_close_together_are_chattering():
    """An alarm that chattered for a minute isn't blamed for the rest of the day."""
    close = [NOON, NOON + 20 * SECOND, NOON + 40 * SECOND, NOON + 70 * SECOND]
    found = figures_of(*(alert(ts) for ts in [*close, NOON + 10 * MINUTE, NOON + 30 * MINUTE]))

    assert [one.count for one in found.chattering] == [4]
    assert found.chattering[0].share == pytest.approx(4 / 6)


def test_raises_of_different_alarms_are_no_chattering():
    """Three alarms at once are three alarms."""
    assert figures_of(*(alert(NOON + place, rule=rule) for place, rule in enumerate(("hh", "h", "l")))).chattering == []


@pytest.mark.parametrize(
    ("lasted_ms", "acknowledged_ms", "fleeting"),
    [(60 * SECOND, None, 1), (60 * SECOND + 1, None, 0), (30 * SECOND, 10 * SECOND, 0)],
    ids=["within a minute", "longer", "answered"],
)
def test_an_alarm_that_is_over_before_anybody_could_look_is_fleeting(lasted_ms, acknowledged_ms, fleeting):
    """It asked for nothing that a person could have done."""
    acknowledged = None if acknowledged_ms is None else NOON + acknowledged_ms
    found = figures_of(*episode(NOON, NOON + lasted_ms, acknowledged=acknowledged))

    assert sum(one.count for one in found.fleeting) == fleeting


def test_what_chatters_is_not_fleeting_as_well():
    """One fault is told once."""
    alerts = [one for place in range(3) for one in episode(NOON + place * 10_000, NOON + place * 10_000 + 5000)]
    found = figures_of(*alerts)

    assert len(found.chattering) == 1
    assert found.fleeting == []


def test_an_alarm_whose_rule_was_removed_is_not_fleeting():
    """A person took it away; its condition didn't pass."""
    assert figures_of(alert(NOON), alert(NOON + 1000, "removed", onset_ts=NOON)).fleeting == []


def test_an_alarm_that_stays_for_more_than_a_day_is_stale():
    """Whether it is over by now or not."""
    day = Period(NOON, NOON + DAY)
    found = figures_of(
        *episode(NOON - DAY, NOON + 1, asset="over"),
        *episode(NOON - 3 * DAY, None, asset="stands"),
        *episode(NOON, None, asset="exactly-a-day"),
        *episode(NOON - 3 * DAY, NOON - 1, asset="before"),
        *episode(NOON - 3 * DAY, None, asset="shelved", annunciated=False),
        period=day,
    )

    assert [(one.alarm.split("/")[0], one.until_ts) for one in found.stale] == [("stands", None), ("over", NOON + 1)]
    assert found.stale_peak == 2


def test_stale_alarms_that_follow_one_another_are_not_counted_as_many():
    """What the standards bound is how many clutter the screen at a time."""
    week = Period(NOON, NOON + 7 * DAY)
    found = figures_of(
        *episode(NOON, NOON + 2 * DAY, asset="first"), *episode(NOON + DAY, NOON + 3 * DAY, asset="second"), period=week
    )

    assert len(found.stale) == 2
    assert found.stale_peak == 1


def test_an_alarm_whose_raise_is_not_known_is_dated_by_its_onset():
    """It was raised before the first alert that was read."""
    found = figures_of(alert(NOON + HOUR, "cleared", onset_ts=NOON - 2 * DAY))

    assert [(one.since_ts, one.until_ts) for one in found.stale] == [(NOON - 2 * DAY, NOON + HOUR)]
    assert found.returned == 1


def test_people_are_timed_from_the_raise_to_the_first_acknowledgement():
    """The second person who acknowledges is no slower answer."""
    found = figures_of(
        *episode(NOON, NOON + HOUR, acknowledged=NOON + 10 * SECOND, asset="one"),
        *episode(NOON, None, acknowledged=NOON + 30 * SECOND, asset="two"),
        *episode(NOON - HOUR, None, acknowledged=NOON + MINUTE, asset="three"),
        *episode(NOON, None, asset="waits"),
        alert(NOON + MINUTE, "acknowledged", onset_ts=NOON, asset="two"),
    )

    answers = found.acknowledging
    assert (answers.count, answers.median_s, answers.max_s, answers.waiting) == (3, 30, 3660, 1)


def test_an_alarm_that_is_over_and_must_be_acknowledged_waits():
    """With ack_required it stays on the list."""
    found = figures_of(alert(NOON), alert(NOON + 9, "cleared", onset_ts=NOON, state=State.RETURNED_UNACKED))

    assert (found.returned, found.acknowledging.waiting) == (1, 1)


def test_what_comes_after_the_time_is_not_known_yet():
    """The report of yesterday stays as it was."""
    alerts = list(episode(NOON, NOON + 3 * HOUR, acknowledged=NOON + 2 * HOUR))

    assert figures_of(*alerts) == figures_of(alerts[0])


raises = st.builds(
    lambda minute, asset, severity, annunciated, lasted: (minute, asset, severity, annunciated, lasted),
    st.integers(-200, 400),
    st.integers(0, 3),
    st.sampled_from([100, 500, 700, 900]),
    st.booleans(),
    st.none() | st.integers(0, 4 * DAY // SECOND),
)


@given(st.lists(raises, max_size=60), st.randoms(use_true_random=False))
def test_all_sums_agree_whatever_the_order(made, random):
    """No two numbers of a report contradict each other."""
    period = Period(NOON, NOON + 5 * HOUR)
    alerts = []
    for place, (minute, asset, severity, annunciated, lasted) in enumerate(made):
        raised = NOON + minute * MINUTE + place  # no two at the same time: their order would be that of arrival
        over = None if lasted is None else raised + lasted * SECOND
        what = {"asset": f"press-{asset}", "severity": severity, "annunciated": annunciated}
        alerts += episode(raised, over, **what)
    found = figures_of(*alerts, period=period)
    random.shuffle(alerts)

    assert figures_of(*sorted(alerts, key=lambda one: one.transition != "raised"), period=period) == found
    within = [one for one in alerts if one.transition == "raised" and period.holds(one.ts)]
    total = found.annunciated
    assert total + found.not_annunciated == len(within)
    assert sum(found.rate.per_10min) == sum(found.kinds.values()) == sum(found.assets.values()) == total
    assert sum(portion.count for portion in found.priorities.values()) == total
    assert sum(portion.share for portion in found.priorities.values()) == pytest.approx(1 if total else 0)
    assert found.rate.per_10min_mean * period.ten_min_count == pytest.approx(total)
    assert found.rate.per_10min_peak <= found.rate.per_hour_peak <= total
    assert sum(one.count for one in found.top_ten) <= total
    assert 0 <= found.flood_time_share <= 1
    assert sum(one.count for one in found.chattering) + sum(one.count for one in found.fleeting) <= total
    assert found.stale_peak <= len(found.stale)
    assert found.floods or found.rate.per_10min_peak <= 10
