"""Who doesn't judge as usual, and why."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from andon.status_lists import status_lists
from contracts.settings import Settings
from dataflows.happenings import Happenings, Refused
from detectors.windows import Adjusted, Paused, Warming

NOON_MS = round(datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp() * 1000)
OVERHAUL = {
    "asset": "pump-*",
    "start": datetime(2026, 3, 4, 11, tzinfo=UTC),
    "end": datetime(2026, 3, 4, 13, tzinfo=UTC),
    "comment": "overhaul",
}


class Group:
    """A key group in which something is out of service."""

    def __init__(self, *names):
        self.names = list(names)

    def out_of_service(self):
        """As `Samples` says it."""
        return self.names

    def resting(self):
        """As `Samples` says it."""
        return [(asset, None) for asset, sensor in self.names if sensor is None]


def lists_of(*, warming=(), paused=(), adjusted=(), group=None, refused=(), **settings):
    """What is told of one key group."""
    happenings = Happenings()
    happenings.learner_met(lambda: warming, lambda: paused, lambda: adjusted)
    if group is not None:
        happenings.sampler_met(group.out_of_service, group.resting)
    for one in refused:
        happenings.capacity_met(one)
    return status_lists(Settings.model_validate(settings), happenings, now_ms=NOON_MS)


@pytest.mark.parametrize(
    ("window_s", "why"),
    [
        (60, "warming 37/150 windows: 1 h 53 min of data to go"),
        (3600, "warming 37/150 windows: 4 d 17 h of data to go"),
        (0, "warming 37/150 windows: 113 readings to go"),
    ],
)
def test_a_series_that_warms_up_says_how_long_it_still_will(window_s, why):
    """Nobody waits for a detector without knowing for what, and how long."""
    warming = (Warming("press-1", "temp", 37, 150), Warming("press-1", None, 37, 150))

    told = lists_of(warming=warming, assets=[{"window_s": window_s}])["warming"]

    assert told == [
        {"asset": "press-1", "sensor": sensor, "seen": 37, "needed": 150, "why": why} for sensor in ("temp", None)
    ]


def test_a_series_that_is_not_learned_says_why():
    """A person's word, a command, the calendar, or the data."""
    paused = [Paused(asset, "temp", asset == "leak") for asset in ("leak", "out", "half-out", "pump-1", "noisy")]
    group = Group(("out", None), ("half-out", "temp"), ("noisy", "flow"))

    told = lists_of(paused=paused, group=group, maintenance=[OVERHAUL])

    assert {one["asset"]: one["why"].partition(":")[0] for one in told["paused"]} == {
        "leak": "its alarm was called true",
        "out": "out of service",
        "half-out": "out of service",
        "pump-1": "maintenance",
        "noisy": "its newest window has readings that aren't learned from",
    }
    assert told["paused"][3]["why"] == "maintenance: overhaul"
    assert told["out_of_service"][:2] == [{"asset": "out", "sensor": None}, {"asset": "half-out", "sensor": "temp"}]


def test_a_key_group_that_is_gone_is_asked_no_more():
    """A group that turned out to be empty leaves nothing behind."""
    group = Group(("press-1", None))
    happenings = Happenings()
    happenings.sampler_met(group.out_of_service)
    del group

    assert happenings.out_of_service() == []


def test_a_threshold_that_people_raised_is_told():
    """What feedback has done can be seen, and so be taken back."""
    told = lists_of(adjusted=(Adjusted("press-1", "temp", 0.29876),))["adjusted"]

    assert told == [{"asset": "press-1", "sensor": "temp", "raised_by": 0.299}]


def test_who_is_refused_is_told_with_the_setting_that_refuses():
    """New sensors that don't fit aren't dropped in silence; each bound is told once."""
    many = Refused("sensors", "press-1", "g0003", 10)
    full = Refused("series", "press-2", "g0004", 20)

    told = lists_of(refused=(many, full, many))["refused"]

    assert [(one["asset"], one["group"], one["bound"]) for one in told] == [
        ("press-1", "g0003", 10),
        ("press-2", "g0004", 20),
    ]
    assert (
        told[0]["why"]
        == "press-1 has as many sensors as service.sensors_per_asset_max allows (10): new ones are refused"
    )
    assert "the key group of press-2 has as many series as service.series_per_group_max allows" in told[1]["why"]


def test_the_lists_are_bounded():
    """A plant of a million fresh sensors, or of made-up names, doesn't make a page of a million lines."""
    warming = [Warming("press-1", f"s{number}", 1, 150) for number in range(90)]
    happenings = Happenings()
    for _ in range(3):
        happenings.learner_met(lambda: warming)
    for number in range(300):
        happenings.capacity_met(Refused("sensors", f"press-{number}", "g0000", 1))

    told = status_lists(Settings(), happenings, now_ms=NOON_MS)

    assert (len(told["warming"]), len(told["refused"])) == (100, 100)


def test_a_machine_that_rests_says_by_which_sensor():
    """Nobody wonders why a machine that is off has no anomalies."""
    running = {"sensor": "speed", "min": 1}
    group = Group(("press-1", None), ("press-1", "temp"))

    told = lists_of(group=group, assets=[{"running": running}])["resting"]

    why = "it doesn't run by its speed: nothing is judged or learned by the learned detectors"
    assert told == [{"asset": "press-1", "sensor": None, "why": why}]
