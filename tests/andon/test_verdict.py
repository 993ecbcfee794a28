"""Which faults count as found, and which alerts as false."""

import pytest

from andon.plant import Fault
from andon.verdict import TAIL_MS, judge
from contracts.findings import Kind
from tests.andon import alert_bodies

T0 = 1_700_000_000_000
FAULT = Fault(kind=Kind.LIMIT, asset="pump", sensor="temp", start_ms=T0, end_ms=T0 + 60_000, size=1.0)


def alert(kind=Kind.LIMIT, asset="pump", sensor="temp", ts=T0 + 5000, *, annunciated=True, cleared=False):
    """Of the pump that is to fail, unless it says otherwise."""
    transition = "cleared" if cleared else "raised"
    return alert_bodies.alert(ts, transition, asset=asset, sensor=sensor, kind=kind, annunciated=annunciated)


def test_the_first_alert_of_its_kind_finds_a_fault():
    """A fault is found when its own alarm is raised, not when something else is."""
    verdict = judge([FAULT], [alert(Kind.ANOMALY), alert(ts=T0 + 7000), alert(ts=T0 + 9000)])

    assert verdict.document() == {
        "faults": [{"kind": "limit", "asset": "pump", "sensor": "temp", "found": True, "after_s": 7.0}],
        "false_alarms": 0,
    }
    assert verdict.good


def test_an_alert_of_another_kind_on_its_sensor_is_a_consequence_and_no_find():
    """A hot bearing is also unusual: not false, and not what was asked for."""
    verdict = judge([FAULT], [alert(Kind.ANOMALY)])

    assert verdict.document()["faults"][0] == {
        "kind": "limit", "asset": "pump", "sensor": "temp", "found": False, "after_s": None
    }  # fmt: skip
    assert verdict.false_alarms == ()
    assert not verdict.good


def test_an_alert_about_the_asset_as_a_whole_finds_its_fault():
    """An incident of the machine tells of its sensor's fault."""
    assert judge([FAULT], [alert(sensor=None)]).good


@pytest.mark.parametrize(
    "stray",
    [
        alert(asset="press"),
        alert(sensor="flow"),
        alert(ts=T0 - 1),
        alert(ts=FAULT.end_ms + TAIL_MS + 1),
    ],
)
def test_an_alert_beside_every_fault_is_false(stray):
    """Another machine, another sensor, too early or too late: a false alarm."""
    verdict = judge([FAULT], [alert(), stray])

    assert verdict.false_alarms == (stray,)


def test_one_false_alarm_is_forgiven_and_two_are_not():
    """The exit code of the demo says whether an operator would be content."""
    stray = alert(asset="press")

    assert judge([FAULT], [alert(), stray]).good
    assert not judge([FAULT], [alert(), stray, stray]).good


def test_what_is_cleared_or_not_annunciated_neither_finds_nor_disturbs():
    """Only what calls the operator counts."""
    quiet = [alert(annunciated=False), alert(cleared=True), alert(asset="press", annunciated=False)]

    verdict = judge([FAULT], quiet)

    assert verdict.found == (None,)
    assert verdict.false_alarms == ()
