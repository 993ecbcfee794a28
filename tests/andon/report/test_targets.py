"""Figures are held against the standards' targets, and where there are too few alarms nothing is claimed."""

from __future__ import annotations

import pytest

from andon.report.figures import Period, event_of, figures
from andon.report.targets import verdicts
from tests.andon.alert_bodies import NOON, alert

DAY = 86_400_000


def judged(alerts, *, days=1):
    found = figures([event_of(one) for one in alerts], Period(NOON, NOON + days * DAY))
    return {verdict.figure: verdict for verdict in verdicts(found)}


def spread(count, *, step_ms, severities=(300,), assets=1000):
    """Alarms at regular distances that nobody could complain about."""
    return [
        alert(NOON + place * step_ms, asset=f"press-{place % assets}", severity=severities[place % len(severities)])
        for place in range(count)
    ]


def test_a_good_day_meets_every_target():
    """A hundred and forty alarms, evenly spread, with the priorities that ISA-18.2 asks for."""
    severities = [300] * 84 + [500] * 12 + [700] * 4
    found = judged(spread(140, step_ms=600_000, severities=severities))

    missed = [name for name, verdict in found.items() if verdict.met is False]
    assert missed == []
    assert {name for name, verdict in found.items() if verdict.met is None} == {"top_ten_share", "acknowledge_median_s"}


@pytest.mark.parametrize(
    ("figure", "alerts"),
    [
        ("per_10min_mean", spread(145, step_ms=590_000)),
        ("per_10min_peak", spread(11, step_ms=1000)),
        ("per_hour_mean", spread(145, step_ms=590_000)),
        ("per_day_mean", spread(151, step_ms=560_000)),
        ("periods_above_10", spread(30, step_ms=50_000)),
        ("flood_time_share", spread(30, step_ms=50_000)),
        ("top_ten_share", spread(400, step_ms=200_000) + spread(40, step_ms=1, assets=1)),
        ("chattering", spread(3, step_ms=10_000, assets=1)),
        ("fleeting", [alert(NOON), alert(NOON + 1, "cleared", onset_ts=NOON)]),
        ("stale_peak", [alert(NOON - DAY - 1, asset=f"press-{place}") for place in range(5)]),
        ("priority_critical", spread(40, step_ms=600_000, severities=[900] + [300] * 39)),
        ("priority_high_or_critical", spread(40, step_ms=600_000, severities=[700] * 3 + [300] * 37)),
        ("priority_medium_or_above", spread(40, step_ms=600_000, severities=[500] * 9 + [300] * 31)),
    ],
)
def test_each_target_can_be_missed(figure, alerts):
    """A verdict that is always good would be none."""
    assert judged(alerts)[figure].met is False


@pytest.mark.parametrize(
    ("figure", "alerts"),
    [
        ("per_10min_mean", spread(144, step_ms=600_000)),
        ("per_10min_peak", spread(10, step_ms=1000)),
        ("stale_peak", [alert(NOON - DAY - 1, asset=f"press-{place}") for place in range(4)]),
        ("priority_high_or_critical", spread(40, step_ms=600_000, severities=[700] * 2 + [300] * 38)),
        ("priority_medium_or_above", spread(40, step_ms=600_000, severities=[500] * 8 + [300] * 32)),
    ],
)
def test_a_figure_that_just_reaches_its_target_meets_it(figure, alerts):
    """The bound itself is within it."""
    assert judged(alerts)[figure].met is True


def test_of_a_handful_of_alarms_no_mix_is_judged():
    """One critical alarm among five is no mistake in the rules."""
    found = judged(spread(5, step_ms=600_000, severities=[900]))

    assert {found[f"priority_{name}"].met for name in ("critical", "high_or_critical", "medium_or_above")} == {None}
    assert found["priority_critical"].why == "too few alarms"
    assert found["top_ten_share"].why == "too few different alarms"


def test_a_quiet_time_claims_no_shares():
    """Nought of nought isn't nought."""
    found = judged([])

    assert found["per_10min_mean"].met is True
    assert (found["top_ten_share"].value, found["priority_critical"].shown) == (None, "none")


def test_how_soon_people_answered_is_told_without_a_target():
    """The standards give none, and we invent none."""
    alerts = [alert(NOON), alert(NOON + 45_000, "acknowledged", onset_ts=NOON)]

    answer = judged(alerts)["acknowledge_median_s"]

    assert (answer.value, answer.shown, answer.met) == (45, "45 s", None)
