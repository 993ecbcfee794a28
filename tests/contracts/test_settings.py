"""Which rules apply to a series, and what belongs to an asset."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from contracts.settings import Anomaly, AssetSettings, Drift, Limit, Rate, Rule, Settings, Stale


def test_out_of_the_box_anomaly_drift_and_silence_are_watched():
    """A plant that sets nothing is watched all the same."""
    rule = Settings().rule("press-1", "temp")

    assert (rule.anomaly, rule.drift, rule.stale) == (Anomaly(), Drift(), Stale(after_s="auto"))
    assert (rule.unit, rule.limit, rule.rate, rule.flatline) == (None, None, None, None)


def test_the_first_match_wins_for_each_key():
    """A rule for one press, then one for all presses, then one for everything."""
    settings = Settings(
        rules=(
            Rule(asset="press-1", sensor="temp", limit=Limit(h=90)),
            Rule(asset="press-*", limit=Limit(h=80), unit="degC", rate=Rate(rise_max_per_s=1)),
            Rule(unit="bar", stale=Stale(after_s=5)),
        )
    )

    rule = settings.rule("press-1", "temp")

    assert rule.limit.h == 90
    assert rule.rate.rise_max_per_s == 1
    assert rule.unit == "degC"
    assert rule.stale.after_s == 5
    assert settings.rule("press-2", "temp").limit.h == 80
    assert settings.rule("oven-1", "temp").limit is None
    assert settings.rule("press-1", "p").limit.h == 80


def test_false_switches_one_off_and_stops_the_search():
    """A sensor that is known to jump isn't judged, whatever the rules for all say."""
    settings = Settings(rules=(Rule(sensor="door", anomaly=False, limit=False), Rule(limit=Limit(h=1))))

    assert settings.rule("press-1", "door").anomaly is None
    assert settings.rule("press-1", "door").limit is None
    assert settings.rule("press-1", "temp").limit.h == 1


def test_nobody_has_to_acknowledge_until_a_rule_says_so():
    """One sensor's alarms stay listed until somebody has seen them; `false` stops the search, as ever."""
    settings = Settings(
        rules=(
            Rule(asset="press-1", sensor="door", ack_required=False),
            Rule(asset="press-1", ack_required=True),
            Rule(unit="bar"),
        )
    )

    assert settings.rule("press-1", "temp").ack_required is True
    assert settings.rule("press-1", "door").ack_required is False
    assert settings.rule("oven-1", "temp").ack_required is False
    assert Settings().rule("press-1", "temp").ack_required is False


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("press-*", "press-", True),
        ("press-?", "press-12", False),
        ("press-[12]", "press-2", True),
        ("press-[!12]", "press-2", False),
        ("Press-*", "press-1", False),
        ("*", "a/b c", True),
    ],
)
def test_patterns_match_as_in_file_names_and_by_case(pattern, name, matches):
    """The same on every machine."""
    settings = Settings(rules=(Rule(asset=pattern, unit="x"),))

    assert (settings.rule(name, "s").unit == "x") is matches


@pytest.mark.parametrize(
    ("parts", "window_ms", "late_ms_max"),
    [
        ([], 60_000, 5_000),
        ([{"window_s": 2}], 2_000, 2_000),
        ([{"window_s": 0}], 0, 5_000),
        ([{"window_s": 0, "late_s_max": 600}], 0, 600_000),
        ([{"late_s_max": 1.5}], 60_000, 1_500),
        ([{"asset": "oven-*", "window_s": 1}, {"window_s": 10}], 10_000, 5_000),
        ([{"late_s_max": 90}, {"window_s": 10}], 10_000, 10_000),
    ],
)
def test_windows_and_lateness_of_an_asset(parts, window_ms, late_ms_max):
    """Two windows are open at most: nothing may be later than a window is long."""
    settings = Settings(assets=tuple(AssetSettings(**part) for part in parts))

    asset = settings.asset("press-1")

    assert (asset.window_ms, asset.late_ms_max) == (window_ms, late_ms_max)


def test_settings_that_were_asked_are_the_same_as_others_that_say_the_same():
    """That a rule was looked up before is nobody's business; series alike share what is watched on them."""
    asked, fresh = (Settings(rules=(Rule(asset="press-*", limit=Limit(h=1)),)) for _ in range(2))

    rules = [asked.rule(asset, "temp") for asset in ("press-1", "press-2", "oven-1")]

    assert rules[0] is rules[1]
    assert rules[0] != rules[2]
    assert asked == fresh
    assert asked.model_dump() == fresh.model_dump()


def test_severities_that_are_not_given_are_those_of_the_limit():
    """The outer limits are more severe."""
    limit = Limit(hh=2, h=1, severity={"h": 700})

    assert [limit.severity_of(rule) for rule in ("hh", "h", "l", "ll")] == [900, 700, 650, 900]


def test_the_hash_of_a_rule_changes_with_the_rule_and_with_nothing_else():
    """An alert names the rule that decided it."""
    first = Settings(rules=(Rule(limit=Limit(h=1)),))
    same = Settings(rules=(Rule(asset="press-*", limit=Limit(h=1)), Rule(asset="oven-*")))
    other = Settings(rules=(Rule(limit=Limit(h=2)),))

    assert first.rule("press-1", "s").config_hash == same.rule("press-1", "s").config_hash
    assert first.rule("press-1", "s").config_hash != other.rule("press-1", "s").config_hash
    assert len(first.rule("press-1", "s").config_hash) == 16
    acknowledged = Settings(rules=(Rule(limit=Limit(h=1), ack_required=True),))
    assert acknowledged.rule("press-1", "s").config_hash != first.rule("press-1", "s").config_hash


def test_settings_do_not_change_once_they_are_read():
    """What was checked is what runs."""
    with pytest.raises(ValidationError):
        Settings().service.lanes = 3
