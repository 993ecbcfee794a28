"""Alarms from their beginning to their end."""

from andon.replay.spans import alarm_spans
from contracts.findings import Kind
from tests.andon.alert_bodies import NOON, alert


def test_an_alarm_lasts_from_its_raise_to_its_end():
    """Episodes of one alarm are told apart, and one that stood at the end has none."""
    alerts = [
        alert(NOON),
        alert(NOON + 1, sensor="force", annunciated=False),
        alert(NOON + 5, "acknowledged", onset_ts=NOON),
        alert(NOON + 9, "cleared", onset_ts=NOON),
        alert(NOON + 20),
        alert(NOON + 30, "cleared", sensor="load", onset_ts=NOON - 5),  # raised before the recording began
        alert(NOON + 40, "removed", sensor="force", onset_ts=NOON + 1),
    ]

    spans = alarm_spans(alerts)

    assert [(span.raised_ts - NOON, span.cleared_ts and span.cleared_ts - NOON) for span in spans] == [
        (0, 9),
        (1, 40),
        (20, None),
    ]
    assert [(span.asset, span.sensor, span.kind, span.rule, span.priority, span.annunciated) for span in spans[:2]] == [
        ("press-1", "temp", "limit", "hh", "critical", True),
        ("press-1", "force", "limit", "hh", "critical", False),
    ]
    assert spans[0].message == "press-1 is too hot"


def test_floods_and_bounds_of_the_service_are_no_alarms_of_an_asset():
    """They sum up others, and count nowhere."""
    floods = [alert(NOON, kind=Kind.FLOOD, rule="site", sensor=None), alert(NOON, kind=Kind.CAPACITY, rule="series")]

    assert alarm_spans(floods) == []
