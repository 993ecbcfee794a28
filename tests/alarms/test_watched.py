"""An alarm is still watched exactly if detection can still end it."""

from __future__ import annotations

import pytest

from alarms.watched import is_watched
from contracts.findings import RULES, Kind
from contracts.settings import Flatline, Limit, Rate, Rule, Settings

ALL = Rule(
    limit=Limit(hh=4, h=3, l=2, ll=1), rate=Rate(rise_max_per_s=1, fall_max_per_s=1), flatline=Flatline(after_s=60)
)
NONE = Rule(limit=False, rate=False, flatline=False, stale=False, anomaly=False, drift=False)
ABOUT_ASSETS = {(Kind.ANOMALY, "asset"), (Kind.CAPACITY, "series"), (Kind.CAPACITY, "sensors"), (Kind.FLOOD, "site")}
NOT_OF_RULES = {Kind.CAPACITY, Kind.FLOOD, Kind.INVENTORY}
EVERY = [(kind, rule) for kind, rules in RULES.items() for rule in rules]


@pytest.mark.parametrize(("kind", "rule"), EVERY)
def test_what_the_settings_ask_for_is_watched(kind, rule):
    """No kind of alarm is closed by mistake."""
    sensor = "" if (kind, rule) in ABOUT_ASSETS else "temp"

    assert is_watched(Settings(rules=(ALL,)), asset="press-1", sensor=sensor, kind=kind, rule=rule)


@pytest.mark.parametrize(("kind", "rule"), [one for one in EVERY if one[0] not in NOT_OF_RULES])
def test_what_the_settings_switch_off_is_watched_no_more(kind, rule):
    """An alarm that nothing can clear doesn't stand for ever."""
    sensor = "" if (kind, rule) in ABOUT_ASSETS else "temp"

    assert not is_watched(Settings(rules=(NONE,)), asset="press-1", sensor=sensor, kind=kind, rule=rule)


@pytest.mark.parametrize(("kind", "rule"), [(Kind.LIMIT, "hh"), (Kind.RATE, "fall"), (Kind.LIMIT, "nonsense")])
def test_one_limit_of_several_may_go(kind, rule):
    """hh was taken away, h is still there."""
    settings = Settings(rules=(Rule(limit=Limit(h=3), rate=Rate(rise_max_per_s=1)),))

    assert not is_watched(settings, asset="press-1", sensor="temp", kind=kind, rule=rule)


def test_an_asset_is_watched_as_long_as_any_of_its_sensors_may_be():
    """Which sensors an asset has isn't known to the alarms: they keep what may still end."""
    settings = Settings(rules=(Rule(asset="press-*", sensor="temp", stale={"after_s": 30}), Rule(stale=False)))

    assert is_watched(settings, asset="press-1", sensor="", kind=Kind.STALE, rule="silent")
    assert not is_watched(settings, asset="oven-1", sensor="", kind=Kind.STALE, rule="silent")
