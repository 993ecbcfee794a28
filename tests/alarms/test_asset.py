"""Who holds an alarm back, and which limit covers which."""

from __future__ import annotations

import pytest

from alarms.alarm import Alarm, HeldBack
from alarms.asset import Asset
from alarms.holds import Act, Holds
from contracts.alerts import State
from contracts.commands import Scope
from contracts.findings import Kind

from .given import NOON, limit


def asset(*alarms: Alarm) -> Asset:
    found = Asset("press-1", Holds("press-1"))
    found.alarms.update({alarm.subject: alarm for alarm in alarms})
    return found


def alarm(rule: str, state: State = State.ACTIVE_UNACKED, *, sensor: str = "temp") -> Alarm:
    return Alarm(asset="press-1", sensor=sensor, kind=Kind.LIMIT, rule=rule, state=state, alert_id=f"{rule} {sensor}")


@pytest.mark.parametrize(
    ("inner", "outer", "free"),
    [
        (alarm("h"), alarm("hh"), False),
        (alarm("l"), alarm("ll", State.ACTIVE_ACKED), False),
        (alarm("h"), alarm("hh", State.RETURNED_UNACKED), True),
        (alarm("h"), alarm("hh", State.NORMAL), True),
        (alarm("h"), alarm("hh", sensor="flow"), True),
        (alarm("h"), alarm("ll"), True),
        (alarm("hh"), alarm("h"), True),
    ],
)
def test_an_inner_limit_is_covered_while_the_outer_one_of_its_sensor_is_active(inner, outer, free):
    """One hot press is one alarm on the operator's screen."""
    assert asset(inner, outer).is_free(inner, NOON) is free


def test_an_outer_limit_whose_return_is_due_covers_no_more():
    """Whether that return was told a moment before or after makes no difference."""
    inner, outer = alarm("h"), alarm("hh")
    outer.held_back = HeldBack(limit(active=False), NOON + 10)

    assert not asset(inner, outer).is_free(inner, NOON + 9)
    assert asset(inner, outer).is_free(inner, NOON + 10)


def test_what_a_person_holds_back_is_not_free():
    """Whatever is shelved is quiet."""
    inner = alarm("h")
    press = asset(inner)
    press.holds.put(Scope("temp"), "out_of_service", Act("maria", None, NOON))

    assert not press.is_free(inner, NOON)


def test_only_what_stands_is_found_and_covered():
    """An alarm that is normal is remembered for a while, and nobody can acknowledge it."""
    hot, over, other = alarm("hh"), alarm("h", State.NORMAL), alarm("hh", sensor="flow")
    press = asset(hot, over, other)

    assert press.standing() == [hot, other]
    assert press.covered([Scope("temp"), Scope("temp", "limit")]) == [hot]
    assert press.find("hh temp") is hot
    assert press.find("h temp") is press.find(None) is None
