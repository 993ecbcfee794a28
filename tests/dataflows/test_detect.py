"""The whole life of an event, from messages to alerts, in the one flow that everything runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from contracts.readings import Reason
from contracts.settings import Anomaly, AssetSettings, Limit, Rule, Service, Settings, Stale
from dataflows.collect import Hand
from dataflows.commands import NoCommands
from dataflows.detect import Sinks, build
from tests.fakes import Message, fresh_recovery, message, run_flow, sorted_bodies

if TYPE_CHECKING:
    from pathlib import Path

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

    alerts, rejects = run_flow(settings_with(), hot)

    assert [(record.alert.asset, record.alert.rule) for record in alerts] == [("press-1", "hh"), ("press-1", "h")]
    assert alerts[0].alert.message == "press-1 temp 97.1 degC above HH 95 degC"
    assert alerts[0].source.startswith("readings/")
    assert rejects == []


def test_a_bad_record_is_set_aside_and_its_neighbours_are_judged() -> None:
    """An undecodable record costs the plant that record, not the poll around it."""
    hot = message("press-1", "temp", BEGIN_MS, 97.1)
    cool = message("press-1", "temp", BEGIN_MS + 1000, 70.0)

    alerts, rejects = run_flow(settings_with(), [hot, Message(b"press-1", b'{"half'), cool])

    assert [reject.reason for reject in rejects] == [Reason.NOT_JSON]
    assert rejects[0].value == b'{"half'
    assert [record.alert.transition for record in alerts] == ["raised", "raised", "cleared", "cleared"]


def test_the_stream_of_the_tests_below_raises_every_kind_that_it_should() -> None:
    """A comparison of two empty lists would prove nothing."""
    alerts, rejects = run_flow(settings_with(), STREAM)

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
    flow = build(settings_with(), NoCommands(), NoCommands(), Sinks(Hand(nothing.append), Hand(nothing.append)))

    names = [step.step_id.removeprefix("andon.") for step in flow.substeps]
    assert names == [
        "lanes",
        "commands",
        "received",
        "rejects",
        "dead_letters",
        "samples",
        "closed",
        "windows",
        "findings",
        "alarms",
        "alerts",
    ]
