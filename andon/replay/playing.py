"""A recording through the real dataflow, within this process: what replay, its scores and comparisons stand on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from andon.engine import run_flow
from contracts.loading import load, parse
from dataflows.collect import Hand
from dataflows.commands import NoCommands
from dataflows.detect import Sinks, build
from dataflows.happenings import Happenings
from dataflows.playback import Pace, Playback

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from threading import Event

    from contracts.alarm_states import AlarmRecord
    from contracts.alerts import Alert
    from contracts.readings import Reject
    from contracts.settings import Settings
    from dataflows.chunks import Recording
    from detectors.trace import Tracer

__all__ = ["order_of", "play", "settings_of"]


def settings_of(path: Path | None) -> Settings:
    """Settings for a recording: those of the file, or the defaults; the clock is the recording's own.

    Raises: ConfigError
    """
    settings = load(path, os.environ) if path else parse("", "the defaults", os.environ)
    service = settings.service.model_copy(update={"clock": "event"})
    return settings.model_copy(update={"service": service})


def play(
    recording: Recording,
    settings: Settings,
    *,
    on_alert: Callable[[Alert], None],
    on_reject: Callable[[Reject], None],
    on_progress: Callable[[int, int], None],
    stop: Event,
    speed: float | None = None,
    tracer: Tracer | None = None,
) -> Happenings:
    """Run a recording through the detectors and alarms, to its end or until `stop` is set.

    Args:
        settings: from `settings_of`.
        on_alert: called with every alert; the order among key groups isn't defined (`order_of` gives one).
        on_reject: called with every bad line or value.
        on_progress: called with the readings handed out so far and the newest event time (ms).
        speed: times the world's; None: as fast as it goes.
        tracer: called with what the learned detectors made of each window.

    Returns: what was counted.

    Raises: SourceError if the recording can't be read on.
    """
    happenings = Happenings()
    source = Playback(
        recording,
        settings,
        pace=Pace(speed=speed),
        happenings=happenings,
        stop=stop,
        on_progress=on_progress,
    )
    sinks = Sinks(
        alerts=Hand(lambda record: on_alert(record.alert)), dead_letters=Hand(on_reject), alarms=Hand(_not_kept)
    )
    run_flow(build(settings, source, NoCommands(), sinks, happenings, tracer), epoch_s=settings.service.epoch_s)
    return happenings


def _not_kept(record: AlarmRecord) -> None:
    """The alerts say it all: nobody comes later and asks what stands."""


def order_of(alert: Alert) -> tuple[int, str, str, str, str, str, str]:
    """The order in which alerts are shown: the same whatever the lanes and batches."""
    sensor = alert.sensor or ""
    return (alert.ts, alert.asset, sensor, alert.kind, alert.rule, alert.transition, alert.alert_id)
