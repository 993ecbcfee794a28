"""The whole life of an event, from messages to alerts, in the one flow that everything runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from contracts.alarm_states import AlarmState, HoldState, Recorded, alarm_key, hold_key
from contracts.alerts import alert_id
from contracts.commands import Scope
from contracts.readings import Reason, Tick
from contracts.settings import Anomaly, AssetSettings, Limit, Rule, Service, Settings, Stale
from dataflows.collect import Hand
from dataflows.commands import NoCommands
from dataflows.detect import Sinks, build
from dataflows.happenings import Happenings
from tests.fakes import Message, Said, compacted, fresh_recovery, message, run_flow, sorted_bodies

if TYPE_CHECKING:
    from pathlib import Path

    from contracts.alerts import AlertRecord

BEGIN_MS = 1_700_000_000_000


def settings_with(*, lanes: int = 4, window_s: float = 1.0) -> Settings:
    """Limits and silence on every temperature, learned detectors on everything."""
    return Settings(
        service=Service(lanes=lanes, clock="event"),
        rules=(
            Rule(sensor="temp", unit="degC", limit=Limit(hh=95, h=85, deadband=1.5), stale=Stale(after_s=20)),
            Rule(anomaly=Anomaly(false_alarms_per_week=50)),  # windows of one second: a week has 12,096 blocks of them
        ),
        assets=(AssetSettings(window_s=window_s),),
    )


def plant_stream(*, seed: int = 7, seconds: int = 1500) -> list[Message]:
    """Twelve presses at 1 Hz with noise, jumps, hot spells, a level that moves, gaps, late readings and rubbish."""
    random = np.random.default_rng(seed)
    messages = []
    for second in range(seconds):
        ts = BEGIN_MS + 1000 * second
        for press in range(12):
            asset = f"press-{press:04d}"
            if press == 3 and 400 <= second < 460:
                continue
            moved = 12.0 if press == 5 and second > 800 else 0.0
            hot = 20.0 if random.random() < 0.0003 else 0.0
            temp = round(72 + random.normal(0, 1) + moved + hot, 3)
            late = 3000 if random.random() < 0.01 else 0
            messages.append(message(asset, "temp", ts - late, temp))
            if press % 2 and not (press == 7 and second > 600):
                messages.append(message(asset, "pressure", ts, round(4 + random.normal(0, 0.1), 4)))
            if random.random() < 0.001:
                messages.append(Message(asset.encode(), b'{"asset":'))
    return messages


STREAM = plant_stream()


def test_a_hot_press_becomes_an_alert_and_its_neighbour_none() -> None:
    """The thinnest line through the house: one reading above HH, one alert that says so."""
    hot = [message("press-1", "temp", BEGIN_MS, 97.1), message("press-2", "temp", BEGIN_MS, 70.0)]

    alerts, rejects, _ = run_flow(settings_with(), hot)

    assert [(record.alert.asset, record.alert.rule) for record in alerts] == [("press-1", "hh"), ("press-1", "h")]
    assert alerts[0].alert.message == "press-1 temp 97.1 degC above HH 95 degC"
    assert alerts[0].source.startswith("readings/")
    assert rejects == []


def test_a_bad_record_is_set_aside_and_its_neighbours_are_judged() -> None:
    """An undecodable record costs the plant that record, not the poll around it."""
    hot = message("press-1", "temp", BEGIN_MS, 97.1)
    cool = message("press-1", "temp", BEGIN_MS + 1000, 70.0)

    alerts, rejects, _ = run_flow(settings_with(), [hot, Message(b"press-1", b'{"half'), cool])

    assert [reject.reason for reject in rejects] == [Reason.NOT_JSON]
    assert rejects[0].value == b'{"half'
    assert [record.alert.transition for record in alerts] == ["raised", "raised", "cleared", "cleared"]


def test_the_stream_of_the_tests_below_raises_every_kind_that_it_should() -> None:
    """A comparison of two empty lists would prove nothing."""
    alerts, rejects, _ = run_flow(settings_with(), STREAM)

    assert {record.alert.kind for record in alerts} == {"limit", "stale", "anomaly", "drift"}
    assert rejects


@pytest.mark.parametrize("lanes", [1, 3, 12])
@pytest.mark.parametrize("batch", [7, 10_000])
def test_lanes_and_batches_change_no_byte(lanes: int, batch: int) -> None:
    """The same readings give the same alerts, however they are cut."""
    expected = sorted_bodies(run_flow(settings_with(), STREAM).alerts)

    assert sorted_bodies(run_flow(settings_with(lanes=lanes), STREAM, batch=batch).alerts) == expected


@pytest.mark.parametrize("crashes", [(700,), (300, 1900, 150)])
def test_after_crashes_every_transition_is_there_once_when_seen_ids_are_dropped(
    crashes: tuple[int, ...], tmp_path: Path
) -> None:
    """A power cut costs nothing: no alert is lost, and a repeated one can be told by its id."""
    settings = settings_with(lanes=2)
    expected = run_flow(settings, STREAM).alerts
    recovery = fresh_recovery(tmp_path / "state")

    written = []
    for crash_after in crashes:
        written += run_flow(settings, STREAM, batch=50, crash_after=crash_after, recovery=recovery).alerts
    written += run_flow(settings, STREAM, batch=50, recovery=recovery).alerts
    written = [record for record in written if record.alert.kind != "flood"]

    bodies = {record.event_id: record for record in written}
    assert sorted_bodies(bodies.values()) == sorted_bodies(expected)
    again = [record for record in written if bodies[record.event_id].alert.body() != record.alert.body()]
    assert again == []


def test_a_restart_at_the_end_emits_nothing(tmp_path: Path) -> None:
    """Alarms that are active stay active without being said again."""
    settings = settings_with()
    recovery = fresh_recovery(tmp_path / "state")
    first = run_flow(settings, STREAM[:5000], recovery=recovery).alerts
    assert first

    assert run_flow(settings, STREAM[:5000], recovery=recovery).alerts == []


def test_step_names_are_the_schema_of_saved_state() -> None:
    """Renaming a step would silently forget every alarm: changing this list is a breaking change."""
    nothing: list[object] = []
    hand = Hand(nothing.append)
    flow = build(settings_with(), NoCommands(), NoCommands(), Sinks(hand, hand, hand))

    names = [step.step_id.removeprefix("andon.") for step in flow.substeps]
    assert names == [
        "lanes",
        "commands",
        "received",
        "beside",
        "rejects",
        "samples",
        "closed",
        "windows",
        "findings",
        "alarms",
        "raises",
        "site",
        "flood",
        "told",
        "refused",
        "set_aside",
        "dead_letters",
        "records",
        "alerts",
        "alarm_states",
        "news",
    ]


# ── Commands, what stands, floods ───────────────────────────────────────────────────────────────────────────────────

HOT = 97.1
HH = alarm_key(asset="press-1", sensor="temp", kind="limit", rule="hh")
H = alarm_key(asset="press-1", sensor="temp", kind="limit", rule="h")
HH_ID = alert_id(asset="press-1", sensor="temp", kind="limit", rule="hh", onset_ts=BEGIN_MS)


def by_wall() -> Settings:
    """Limits and silence, by the wall clock: then there are ticks."""
    return settings_with(lanes=1).model_copy(update={"service": Service(lanes=1, clock="wall")})


def temps(*values: float, asset: str = "press-1", step_ms: int = 1000) -> list[Message]:
    """One reading a second."""
    return [message(asset, "temp", BEGIN_MS + step_ms * at, value) for at, value in enumerate(values)]


def asked(command: str, *, after: int, asset: str = "press-1", ts_ms: int | None = None, **more: object) -> Said:
    """A command of Maria's, as it travels."""
    return Said(after, {"command": command, "asset": asset, "by": "maria", **more}, ts_ms)


def transitions(alerts: list[AlertRecord], rule: str = "hh") -> list[tuple[str, bool]]:
    """(transition, annunciated) of one rule's alerts."""
    return [(record.alert.transition, record.alert.annunciated) for record in alerts if record.alert.rule == rule]


def counted(happenings: Happenings, name: str, **labels: str) -> float:
    """The value of a metric."""
    value = happenings.registry.get_sample_value(name, labels)
    assert value is not None, name
    return value


def test_an_acknowledgement_says_who_and_why_and_points_to_the_command() -> None:
    """From Maria's message to the alert that all others see."""
    command = asked("acknowledge", after=1, alert_id=HH_ID, comment="checking the valve", ts_ms=BEGIN_MS + 700)

    alerts, rejects, states = run_flow(settings_with(), temps(HOT), commands=[command])

    told = alerts[-1]
    assert (told.alert.transition, told.alert.state, told.alert.alert_id) == ("acknowledged", "active_acked", HH_ID)
    assert (told.alert.by, told.alert.comment, told.alert.ts) == ("maria", "checking the valve", BEGIN_MS + 700)
    assert told.source == "commands/0/0"
    assert rejects == []
    state = AlarmState.model_validate_json(compacted(states)[HH])
    assert state.acknowledged is not None
    assert state.acknowledged.by == "maria"


def test_what_stands_is_on_the_alarm_state_topic_and_what_does_not_is_not() -> None:
    """Whoever reads the topic from its beginning knows what stands, and nothing else."""
    alerts, _, states = run_flow(settings_with(), STREAM)

    newest = {}
    for record in alerts:
        alert = record.alert
        key = alarm_key(asset=alert.asset, sensor=alert.sensor, kind=alert.kind, rule=alert.rule)
        newest[key] = alert
    stands = {key: alert for key, alert in newest.items() if alert.state != "normal"}
    table = {key: AlarmState.model_validate_json(body) for key, body in compacted(states).items()}
    assert stands
    assert {key: state.alert for key, state in table.items()} == stands


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (asked("acknowledge", after=2, alert_id="0" * 32), "alert_id"),
        (asked("acknowledge", after=2, asset="press-9", alert_id=HH_ID), "press-9"),
        (asked("shelve", after=2, sensor="tmep", until=BEGIN_MS + 60_000), "tmep"),
        (asked("shelve", after=2, sensor="temp", until=BEGIN_MS), "until"),
        (asked("unshelve", after=2, sensor="temp"), "shelved"),
        (asked("in_service", after=2), "service"),
        (asked("feedback", after=2, alert_id="0" * 32, verdict="false_alarm"), "anomaly"),
        (Said(2, b'{"command":"acknowledge"}'), "needs asset"),
    ],
)
def test_a_command_that_can_not_be_done_is_one_dead_letter_that_says_why(command: Said, reason: str) -> None:
    """Nobody believes that something was done, and it is counted once, wherever it was found."""
    happenings = Happenings()

    alerts, rejects, _ = run_flow(settings_with(), temps(HOT, 70.0), commands=[command], happenings=happenings)

    (reject,) = rejects
    assert reject.reason is Reason.BAD_COMMAND
    assert reason in reject.detail
    assert (reject.topic, reject.partition, reject.offset) == ("commands", 0, 0)
    assert [record.alert.transition for record in alerts] == ["raised", "raised", "cleared", "cleared"]
    readable = isinstance(command.what, dict)
    verb = str(command.what["command"]) if isinstance(command.what, dict) else "acknowledge"
    assert counted(happenings, "andon_commands_total", command=verb, result="refused") == readable
    assert counted(happenings, "andon_commands_total", command=verb, result="done") == 0


def test_a_shelf_quietens_what_comes_and_its_end_tells_what_lasts() -> None:
    """Shelved before it was raised; when the shelf ends by the readings' time, the alarm is there and is told."""
    shelve = asked("shelve", after=1, sensor="temp", kind="limit", until=BEGIN_MS + 3_500, comment="calibrating")
    happenings = Happenings()

    alerts, rejects, states = run_flow(
        settings_with(lanes=1), temps(70, HOT, HOT, HOT, HOT), batch=1, commands=[shelve], happenings=happenings
    )

    assert rejects == []
    assert transitions(alerts) == [("raised", False), ("unshelved", True)]
    key = hold_key("press-1", Scope("temp", "limit"))
    (held, over) = [record.body for record in states if record.key == key]
    assert held is not None
    shelf = HoldState.model_validate_json(held).shelved
    assert shelf is not None
    assert (shelf.by, shelf.comment, shelf.until_ts) == ("maria", "calibrating", BEGIN_MS + 3_500)
    assert over is None
    assert counted(happenings, "andon_commands_total", command="shelve", result="done") == 1


def test_a_shelf_ends_by_a_tick_though_no_reading_comes() -> None:
    """By the wall clock time passes also for an asset that says nothing."""
    shelve = asked("shelve", after=1, sensor="temp", until=BEGIN_MS + 5_000)
    late = Said(1, Tick(0, BEGIN_MS + 6_000))

    alerts, _, states = run_flow(by_wall(), temps(HOT), commands=[shelve, late])

    assert transitions(alerts) == [("raised", True), ("shelved", False), ("unshelved", True)]
    assert alerts[-1].alert.ts == BEGIN_MS + 5_000
    assert hold_key("press-1", Scope("temp")) not in compacted(states)


def test_out_of_service_holds_back_until_it_is_in_service_again() -> None:
    """Both steps obey: detection stops to learn, alarms stop to call."""
    out = asked("out_of_service", after=1, sensor="temp", comment="removed")
    back = asked("in_service", after=3, sensor="temp")

    alerts, rejects, states = run_flow(settings_with(), temps(70, HOT, HOT, HOT), batch=1, commands=[out, back])

    assert rejects == []
    assert transitions(alerts) == [("raised", False), ("in_service", True)]
    assert [record for record in compacted(states) if record.endswith("hold")] == []


def test_commands_survive_crashes_as_readings_do(tmp_path: Path) -> None:
    """After a power cut a shelf still holds, and what was said twice has the same id."""
    settings = settings_with(lanes=1)
    messages = temps(*[70.0] * 40, *[HOT] * 60)
    commands = [
        asked("shelve", after=10, sensor="temp", until=BEGIN_MS + 3_600_000),
        asked(
            "acknowledge",
            after=60,
            alert_id=alert_id(asset="press-1", sensor="temp", kind="limit", rule="hh", onset_ts=BEGIN_MS + 40_000),
        ),
        asked("unshelve", after=80, sensor="temp"),
    ]
    expected = run_flow(settings, messages, batch=5, commands=commands)
    recovery = fresh_recovery(tmp_path / "state")

    written, states, rejects = [], [], []
    for crash_after in (35, 30, 25, None):
        part = run_flow(settings, messages, batch=5, commands=commands, crash_after=crash_after, recovery=recovery)
        written += part.alerts
        states += part.states
        rejects += part.rejects

    assert transitions(expected.alerts) == [("raised", False), ("acknowledged", False), ("unshelved", True)]
    assert sorted_bodies({record.event_id: record for record in written}.values()) == sorted_bodies(expected.alerts)
    assert compacted(states) == compacted(expected.states)
    assert rejects == expected.rejects == []


def test_what_the_topic_says_and_nobody_knows_here_is_closed() -> None:
    """Before the crash a tick had raised it; now nothing raises it again, and nobody may wait for its end."""
    before = run_flow(by_wall(), temps(HOT), commands=[]).states
    happenings = Happenings()

    alerts, rejects, states = run_flow(
        by_wall(),
        temps(70.0),
        commands=[Said(1, Recorded(tuple(before), BEGIN_MS + 9_000))],
        happenings=happenings,
    )

    assert rejects == []
    assert [(record.alert.rule, record.alert.transition, record.alert.state) for record in alerts] == [
        ("hh", "reconciled", "normal"),
        ("h", "reconciled", "normal"),
    ]
    assert {record.key: record.body for record in states} == {HH: None, H: None}
    assert counted(happenings, "andon_alarms_reconciled_total") == 4


def test_what_was_recorded_and_is_known_makes_no_noise() -> None:
    """An ordinary restart tells nothing."""
    before = run_flow(by_wall(), temps(HOT)).states

    alerts, _, states = run_flow(by_wall(), temps(HOT), commands=[Said(1, Recorded(tuple(before), BEGIN_MS + 9_000))])

    assert transitions(alerts) == [("raised", True)]
    assert compacted(states) == compacted(before)


def test_many_raises_are_one_flood_with_a_beginning_and_an_end() -> None:
    """Twelve presses overheat at once: one alert says so, and one that it is over. No other alert is altered."""
    presses = [message(f"press-{number}", "temp", BEGIN_MS + number, HOT) for number in range(12)]
    later = [message("press-0", "temp", BEGIN_MS + 700_000, HOT), message("press-0", "temp", BEGIN_MS + 720_000, HOT)]
    happenings = Happenings()

    alerts, _, states = run_flow(settings_with(lanes=1), presses + later, batch=1, happenings=happenings)

    floods = [record.alert for record in alerts if record.alert.kind == "flood"]
    assert [(alert.transition, alert.asset, alert.sensor) for alert in floods] == [
        ("raised", "plant-1", None),
        ("cleared", "plant-1", None),
    ]
    first_up = floods[0].evidence["first_up"]
    assert isinstance(first_up, list)
    assert first_up[0] == "press-0/temp/limit/hh"
    assert transitions(alerts)[:12] == [("raised", True)] * 12
    flood = alarm_key(asset="plant-1", sensor=None, kind="flood", rule="site")
    assert [record.body is None for record in states if record.key == flood] == [False, True]
    assert counted(happenings, "andon_alarms_flood") == 0
    assert counted(happenings, "andon_alarms_active", kind="flood", priority="high") == 0


def test_the_gauge_of_active_alarms_is_what_stands() -> None:
    """A dashboard and the topic never disagree, whatever happened on the way."""
    happenings = Happenings()

    _, _, states = run_flow(settings_with(), STREAM, happenings=happenings)

    standing = [AlarmState.model_validate_json(body).alert for body in compacted(states).values()]
    for kind in ("limit", "stale", "anomaly", "drift", "flood"):
        for priority in ("critical", "high", "medium", "low"):
            expected = sum((alert.kind, alert.priority) == (kind, priority) for alert in standing)
            assert counted(happenings, "andon_alarms_active", kind=kind, priority=priority) == expected, (
                kind,
                priority,
            )
