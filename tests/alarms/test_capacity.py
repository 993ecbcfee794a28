"""An alarm of kind capacity ends when nothing was refused for an hour."""

from __future__ import annotations

from alarms.capacity import QUIET_MS
from alarms.lifecycle import Alarms
from contracts.findings import Finding, Kind
from dataflows.series import REPORTED_AGAIN_S

from .given import HOUR, MINUTE, NOON, SETTINGS, alerts, said


def refused(*, ts: int = NOON) -> Finding:
    """A press has more sensors than the settings allow."""
    return Finding(
        asset="press-1",
        sensor=None,
        kind=Kind.CAPACITY,
        rule="sensors",
        active=True,
        onset_ts=ts,
        ts=ts,
        evidence={"sensors_max": 2},
    )


def test_it_is_over_an_hour_after_the_last_refusal() -> None:
    """Whoever made up names has been stopped: nobody need look any more, and the alert says so in plain words."""
    alarms = Alarms(SETTINGS)
    alarms.decide(refused())

    early = [told for minute in range(60) for told in alarms.tick(NOON + minute * MINUTE)]
    over = alarms.tick(NOON + QUIET_MS)

    assert early == []
    assert said(over) == [("cleared", "normal", True)]
    (alert,) = alerts(over)
    assert (alert.onset_ts, alert.ts) == (NOON, NOON + HOUR)
    assert alert.message == "press-1 refuses no new names any more after 1 h"
    assert alarms.empty or not alarms.table()
    assert alarms.tick(NOON + 3 * HOUR) == []


def test_it_lasts_while_something_is_refused() -> None:
    """Lanes tell it again and again, and make no second alarm of it."""
    alarms = Alarms(SETTINGS)
    told = list(alarms.decide(refused()))
    every_ms = round(REPORTED_AGAIN_S * 1000)

    for ms in range(0, 5 * HOUR, every_ms):
        told += alarms.decide(refused(ts=NOON + ms))
        told += alarms.tick(NOON + ms)

    assert [transition for transition, _, _ in said(told)] == ["raised"]
    assert every_ms < QUIET_MS / 2


def test_after_a_restart_it_has_an_hour_to_be_refused_again() -> None:
    """Lanes count anew, and the bound may have been raised: then nothing is refused any more."""
    before = Alarms(SETTINGS)
    before.decide(refused())

    after = Alarms.restore(SETTINGS, before.snapshot())
    told = [*after.tick(NOON + 50 * MINUTE), *after.tick(NOON + 100 * MINUTE)]
    over = after.tick(NOON + 110 * MINUTE)

    assert said(told) == []
    assert said(over) == [("cleared", "normal", True)]


def test_a_clock_that_was_set_back_ends_nothing_early() -> None:
    """The hour begins again."""
    alarms = Alarms(SETTINGS)
    alarms.decide(refused())
    told = [*alarms.tick(NOON), *alarms.tick(NOON - HOUR), *alarms.tick(NOON - MINUTE)]

    assert said(told) == []
    assert said(alarms.tick(NOON)) == [("cleared", "normal", True)]
