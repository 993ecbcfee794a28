"""The stateful steps tell what goes on inside of them."""

from __future__ import annotations

import numpy as np
import pytest
from structlog.testing import capture_logs

from alarms.flood import Raises
from contracts.alarm_states import AlarmRecord, Recorded
from contracts.alerts import AlertRecord, Transition
from contracts.commands import Command, Origin, Scope, Verb
from contracts.findings import CLOSED, Closed, Finding, Kind
from contracts.readings import READING, Block, Clock, SeriesName, Tick
from contracts.settings import Anomaly, AssetSettings, Limit, Rule, Service, Settings
from dataflows.happenings import Happenings
from dataflows.steps import AlarmsStep, FloodStep, Item, Lagging, SamplesStep, WindowsStep
from detectors.windows import Windows

SETTINGS = Settings(assets=(AssetSettings(window_s=60),))
RIVER = Settings(rules=(Rule(anomaly=Anomaly(model="river.anomaly.HalfSpaceTrees")),))


def closed(count: int) -> Closed:
    """Windows of one press."""
    rows = np.zeros(count, CLOSED)
    rows["start"] = 60_000 * np.arange(count)
    rows["end"] = rows["start"] + 60_000
    rows["mean"] = 20 + np.sin(np.arange(count))
    rows["count"], rows["learn"] = 60, 1
    return Closed(rows=rows, names=(SeriesName(0, "press-1", "temp"),), sources=("readings/0",))


def test_who_is_still_warming_can_be_asked_for() -> None:
    """An engineer who wonders why nothing is found sees `warming 37/150 windows`."""
    happenings = Happenings()
    step = WindowsStep(Windows(SETTINGS), happenings)

    step.on_batch([closed(37)])

    assert [(one.asset, one.sensor, one.seen, one.needed) for one in happenings.warming()] == [
        ("press-1", "temp", 37, 150)
    ]


def test_nobody_is_warming_after_enough_windows() -> None:
    """The list empties by itself."""
    happenings = Happenings()
    step = WindowsStep(Windows(SETTINGS), happenings)

    step.on_batch([closed(200)])

    assert happenings.warming() == []


def test_a_model_that_cannot_go_on_from_what_was_saved_says_why() -> None:
    """A changed model learns afresh, and the log tells whose and why."""
    with_model = Windows(RIVER)
    with_model.judge(closed(200))

    with capture_logs() as logs:
        WindowsStep.builder(SETTINGS, Happenings())(with_model.snapshot())

    told = [line for line in logs if line["event"] == "models restarted"]
    assert [(line["asset"], line["sensor"]) for line in told] == [("press-1", "temp")]
    assert told[0]["reason"]


@pytest.mark.parametrize("step", [SamplesStep, WindowsStep, AlarmsStep, FloodStep])
def test_a_step_goes_on_from_its_own_snapshot(step: type[SamplesStep | WindowsStep | AlarmsStep | FloodStep]) -> None:
    """What Bytewax saves is what it gives back after a restart."""
    builder = step.builder(SETTINGS, Happenings())
    saved = builder(None).snapshot()

    again = builder(saved).snapshot()

    assert again.keys() == saved.keys()
    assert again["version"] == saved["version"]


# ── Time, figures, and what is let go of ────────────────────────────────────────────────────────────────────────────

NOON = 1_700_000_000_000
BY_EVENTS = Settings(service=Service(clock="event"), assets=(AssetSettings(window_s=1, late_s_max=0),))
LIMITS = Settings(rules=(Rule(limit=Limit(h=85), anomaly=False, drift=False),))


def block(*seconds: float, named: bool = True) -> Block:
    """Readings of one press."""
    rows = np.zeros(len(seconds), READING)
    rows["ts"] = [NOON + round(1000 * second) for second in seconds]
    rows["offset"] = np.arange(len(seconds))
    names = (SeriesName(0, "press-1", "temp"),) if named else ()
    return Block(lane=0, rows=rows, names=names, sources=("readings/0",), arrived_ms=NOON)


def finding(*, active: bool = True, ts: int = NOON, asset: str = "press-1") -> Finding:
    """The press is too hot, or no longer so."""
    return Finding(
        asset=asset,
        sensor="temp",
        kind=Kind.LIMIT,
        rule="h",
        active=active,
        onset_ts=NOON,
        ts=ts,
        value=97.0,
        evidence={"limit": 85.0, "deadband": 0.0, "on_delay_ms": 0},
        source="readings/0/7",
    )


def value(happenings: Happenings, name: str, **labels: str) -> float | None:
    """Of a metric."""
    return happenings.registry.get_sample_value(name, labels)


def test_by_the_event_clock_the_newest_times_are_told_once_after_all_else() -> None:
    """Findings of a batch come before the time that its last reading tells, however it was cut."""
    step = SamplesStep.builder(BY_EVENTS, Happenings())(None)

    out, _ = step.on_batch([block(0, 0.1), block(0.2, 0.3, named=False)])

    assert out == [Clock((("press-1", NOON + 300),))]


def test_time_does_not_overtake_the_windows_that_closed_with_it() -> None:
    """What learned detectors find in them is older than the reading that closed them."""
    step = SamplesStep.builder(BY_EVENTS, Happenings())(None)

    out, _ = step.on_batch([block(0, 1.5), block(1.6, named=False)])

    assert isinstance(out[0], Closed)
    assert out[1:] == [Lagging(Clock((("press-1", NOON + 1600),)))]
    assert WindowsStep(Windows(BY_EVENTS), Happenings()).on_batch(out)[0] == [Clock((("press-1", NOON + 1600),))]


def test_by_the_wall_clock_alarms_hear_of_the_time_once_a_second() -> None:
    """Twelve lanes tick each second: one of them is enough. A clock that is set back is followed."""
    step = SamplesStep.builder(SETTINGS, Happenings())(None)

    heard = [
        item.now_ms - NOON
        for now_ms in (0, 80, 160, 999, 1000, 1080, 2500, -9000, -8500)
        for item in step.on_batch([Tick(0, NOON + now_ms)])[0]
        if isinstance(item, Tick)
    ]

    assert heard == [0, 1000, 2500, -9000]


def test_a_tick_leaves_nothing_behind_where_nothing_is_known() -> None:
    """A hundred key groups without alarms cost no state."""
    for step in (SamplesStep.builder(SETTINGS, Happenings())(None), AlarmsStep.builder(SETTINGS, Happenings())(None)):
        assert step.on_batch([Tick(0, NOON)])[1] is True


def test_an_alert_is_followed_by_what_stands_and_the_flood_hears_of_it() -> None:
    """In this order: nobody reads of a state whose transition was never told."""
    step = AlarmsStep.builder(LIMITS, Happenings())(None)

    out, discard = step.on_batch([(finding(),)])

    alert, record, raises = out
    assert isinstance(alert, AlertRecord)
    assert isinstance(record, AlarmRecord)
    assert isinstance(raises, Raises)
    assert [(one.asset, one.rule, one.alert_id) for one in raises.raises] == [("press-1", "h", alert.alert.alert_id)]
    assert not discard


def test_the_flood_hears_of_the_time_from_one_key_group_in_ten_seconds() -> None:
    """A hundred key groups tick; the one flood needn't hear all of them."""
    build = AlarmsStep.builder(LIMITS, Happenings())

    times = [
        item.now_ms - NOON
        for now_ms in range(0, 21_000, 1000)
        for step in (build(None), build(None))
        for item in step.on_batch([Tick(0, NOON + now_ms)])[0]
        if isinstance(item, Raises) and item.now_ms is not None
    ]

    assert times == [0, 10_000, 20_000]


def test_alarms_that_have_stood_for_a_day_are_counted_until_they_are_over() -> None:
    """What has stood for a day is furniture: somebody should mend the plant, or the limit."""
    happenings = Happenings()
    step = AlarmsStep.builder(LIMITS, happenings)(None)
    day_ms = 86_400_000

    step.on_batch([(finding(),)])
    step.on_batch([Tick(0, NOON + day_ms)])
    assert value(happenings, "andon_alarms_stale") == 0
    step.on_batch([Tick(0, NOON + day_ms + 11_000)])
    assert value(happenings, "andon_alarms_stale") == 1
    step.on_batch([(finding(active=False, ts=NOON + day_ms + 12_000),)])
    step.on_batch([Tick(0, NOON + day_ms + 700_000)])
    assert value(happenings, "andon_alarms_stale") == 0


def test_chattering_alarms_are_counted_until_they_are_quiet() -> None:
    """A loose contact shows on the dashboard, and leaves it."""
    happenings = Happenings()
    step = AlarmsStep.builder(LIMITS, happenings)(None)

    for second in range(0, 30, 5):
        step.on_batch([(finding(active=second % 10 == 0, ts=NOON + 1000 * second),)])
    assert value(happenings, "andon_alarms_chattering") == 1
    step.on_batch([Tick(0, NOON + 1000)])
    step.on_batch([Tick(0, NOON + 2_000_000)])

    assert value(happenings, "andon_alarms_chattering") == 0


def test_figures_do_not_keep_what_was_let_go_of() -> None:
    """Bytewax forgets a key group without alarms; a restart and a quiet hour show the same figures."""
    happenings = Happenings()
    build = AlarmsStep.builder(LIMITS, happenings)
    saved = None
    for hour in range(3):
        step = build(saved)
        step.on_batch([(finding(ts=NOON + 3_600_000 * hour),)])
        assert value(happenings, "andon_alarms_active", kind="limit", priority="high") == 1
        step.snapshot()
        step.on_batch([Recorded((), NOON), (finding(active=False, ts=NOON + 3_600_000 * hour + 1),)])
        _, discard = step.on_batch([Tick(0, NOON + 3_600_000 * hour + 3_000_000)])
        assert discard

    assert value(happenings, "andon_alarms_active", kind="limit", priority="high") == 0
    assert value(happenings, "andon_snapshot_bytes", step="alarms") == 0


def test_a_key_group_that_comes_after_the_comparison_is_let_go_of_like_others() -> None:
    """Only what was there at the start is compared; who comes later doesn't wait for that for ever."""
    build = AlarmsStep.builder(LIMITS, Happenings())
    build(None).on_batch([Recorded((), NOON)])
    build(None).on_batch([Tick(0, NOON + 11_000)])
    late = build(None)
    late.on_batch([(finding(ts=NOON + 12_000),), (finding(active=False, ts=NOON + 12_001),)])

    _, discard = late.on_batch([Tick(0, NOON + 3_000_000)])

    assert discard


def test_alarms_that_were_saved_are_in_the_figures_after_a_restart() -> None:
    """A dashboard isn't empty because andon was updated."""
    before = AlarmsStep.builder(LIMITS, Happenings())(None)
    before.on_batch([(finding(),)])
    happenings = Happenings()

    AlarmsStep.builder(LIMITS, happenings)(before.snapshot())

    assert value(happenings, "andon_alarms_active", kind="limit", priority="high") == 1


# ── Many alarms at once ──────────────────────────────────────────────────────────────────────────────────────────────

MANY = tuple(finding(asset=f"press-{number:05d}") for number in range(3_000))
"""More than can be decided in one turn, on any machine that there is."""


def raised(out: list[Item]) -> list[str]:
    """The assets of the alerts, in the order in which they are told."""
    return [item.alert.asset for item in out if isinstance(item, AlertRecord)]


def test_many_alarms_are_told_in_turns_and_in_their_order() -> None:
    """Between two turns readings are taken; nothing is lost, and nothing overtakes."""
    happenings = Happenings()
    step = AlarmsStep.builder(LIMITS, happenings)(None)

    first, discard = step.on_batch([MANY])
    waiting = value(happenings, "andon_findings_waiting")
    out = list(first)
    turns = 1
    while step.notify_at() is not None:
        out += step.on_notify()[0]
        turns += 1

    assert not discard
    assert turns > 1
    assert waiting == len(MANY) - len(raised(first))
    assert raised(out) == [one.asset for one in MANY]
    assert value(happenings, "andon_findings_waiting") == 0


def test_a_command_waits_behind_the_alarms_that_came_before_it() -> None:
    """Who shelves an alarm that isn't told yet finds it."""
    step = AlarmsStep.builder(LIMITS, Happenings())(None)
    last = MANY[-1]
    origin = Origin(topic="commands", partition=0, offset=7, ts_ms=NOON, key=None, value=None)
    shelve = Command(verb=Verb.SUPPRESS, asset=last.asset, by="maria", origin=origin, scope=Scope("temp"))

    out, _ = step.on_batch([MANY, shelve])
    told, _ = step.on_eof()

    alerts = [item.alert.transition for item in [*out, *told] if isinstance(item, AlertRecord)]
    assert alerts[-2:] == [Transition.RAISED, Transition.SUPPRESSED]
    assert len(alerts) == len(MANY) + 1


def test_what_waits_at_a_snapshot_is_decided_after_a_restart() -> None:
    """A power cut in the middle of a burst loses no alarm."""
    build = AlarmsStep.builder(LIMITS, Happenings())
    step = build(None)
    out, _ = step.on_batch([MANY])
    after = AlarmsStep.builder(LIMITS, Happenings())(step.snapshot())

    assert after.notify_at() is not None
    told, _ = after.on_eof()

    assert raised([*out, *told]) == [one.asset for one in MANY]
    assert after.notify_at() is None


def test_by_the_event_clock_all_alarms_are_told_at_once() -> None:
    """A replay tells the same on any machine."""
    events = LIMITS.model_copy(update={"service": Service(clock="event")})
    step = AlarmsStep.builder(events, Happenings())(None)

    out, _ = step.on_batch([MANY])

    assert len(raised(out)) == len(MANY)
    assert step.notify_at() is None
