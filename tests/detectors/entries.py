"""The battery's entries: for each module of `detectors`, what switches it on and makes it speak; or why it has none.

Whoever adds a detector adds a line here, or the battery fails. Modules that are parts of one detector share its entry.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from contracts.findings import Kind
from contracts.readings import READING, Rows
from contracts.settings import Rule, Settings
from tests.detectors.battery import Entry

__all__ = ["ENTRIES", "EXEMPT"]

START_MS = 1_700_000_040_000
"""A full minute."""
NAMES = (("press", "temp"), ("press", "flow"))


def _rows(values: Any, *, step_ms: int) -> Rows:
    """Readings of both sensors in turn.

    Args:
        values: shape (times, 2).
        step_ms: from one time to the next.
    """
    times = len(values)
    rows = np.zeros(2 * times, READING)
    rows["series"] = np.tile([0, 1], times)
    rows["ts"] = START_MS + step_ms * np.repeat(np.arange(times), 2)
    rows["value"] = np.asarray(values).ravel()
    rows["offset"] = np.arange(len(rows))
    return rows


def _noise(times: int, *, seed: int) -> Any:
    """Around 20, of standard deviation 1."""
    return np.random.default_rng(seed).normal(20.0, 1.0, (times, 2))


def _settings(
    rule: dict[str, Any],
    *,
    window_s: float = 60.0,
    maintenance: tuple[dict[str, Any], ...] = (),
    running: dict[str, Any] | None = None,
) -> Settings:
    off: dict[str, Any] = {"stale": False, "anomaly": False, "drift": False}
    return Settings.model_validate(
        {
            "service": {"clock": "event"},
            "rules": [{**off, **rule}],
            "assets": [{"window_s": window_s, "running": running}],
            "maintenance": maintenance,
        }
    )


def _per_second(rule: dict[str, Any], tells: tuple[Kind, str], fault: Any) -> Entry:
    """An entry for a rule on every reading: noise once a second, and `fault` done to 300 of the 1000 seconds."""
    values = _noise(1000, seed=1)
    values[400:700, 0] = fault(values[400:700, 0])
    return Entry(
        settings=_settings(rule),
        names=NAMES,
        fault=_rows(values, step_ms=1000),
        normal=_rows(_noise(1000, seed=2), step_ms=1000),
        tells=tells,
    )


def _stale() -> Entry:
    """One of two sensors says nothing for five minutes."""
    rows = _rows(_noise(1000, seed=3), step_ms=1000)
    silent = (rows["series"] == 0) & (rows["ts"] >= START_MS + 400_000) & (rows["ts"] < START_MS + 700_000)
    fault = rows[~silent].copy()
    fault["offset"] = np.arange(len(fault))
    return Entry(
        settings=_settings({"stale": {"after_s": "auto"}}),
        names=NAMES,
        fault=fault,
        normal=rows,
        tells=(Kind.STALE, "silent"),
    )


def _learned(
    rule: dict[str, Any],
    tells: tuple[Kind, str],
    *,
    times: int,
    first: int,
    long_readings: int = 200_000,
    maintenance: tuple[dict[str, Any], ...] = (),
    running: dict[str, Any] | None = None,
) -> Entry:
    """An entry for a learned detector: a window a minute, and one sensor off by ten sigmas from `first` on."""
    values = _noise(times, seed=4)
    values[first:, 0] += 10.0
    return Entry(
        settings=_settings(rule, maintenance=maintenance, running=running),
        names=NAMES,
        fault=_rows(values, step_ms=60_000),
        normal=_rows(_noise(times, seed=5), step_ms=60_000),
        tells=tells,
        long_readings=long_readings,
    )


EACH = {"per_sensor": True}
ANOMALY = _learned({"anomaly": EACH}, (Kind.ANOMALY, "sensor"), times=1500, first=1450)
INCIDENT = _learned({"anomaly": {}}, (Kind.ANOMALY, "asset"), times=1500, first=1450)
PAUSED = _learned(
    {"anomaly": EACH},
    (Kind.ANOMALY, "sensor"),
    times=1500,
    first=1450,
    maintenance=(
        {"asset": "press", "days": ["tue", "wed", "thu"], "at": "23:30", "for_h": 2.5, "time_zone": "Europe/Berlin"},
        {"start": datetime(2023, 11, 15, 12, 0, 30, tzinfo=UTC), "end": datetime(2023, 11, 15, 13, tzinfo=UTC)},
    ),
)
"""Two stretches of it aren't learned, one of them across a midnight and one that begins within a window."""


def _unusual(course: Any, fault: Any, *, step_s: int = 60, per_week: float = 20.0) -> Entry:
    """An entry for one of the families: 1500 windows of a course, and another one at usual values in the last 60.

    Only one of the two sensors is watched: its asset is none to be judged as a whole.

    Args:
        course: the values at places 0, 1 … of a window, before noise.
        fault: of values and places.
        step_s: from one window to the next.
        per_week: false alarms that are allowed.
    """
    place = np.arange(1500)

    def noisy(seed: int) -> Any:
        return course(place)[:, None] + np.random.default_rng(seed).normal(20.0, 0.2, (1500, 2))

    values = noisy(6)
    values[1440:, 0] = fault(values[1440:, 0], place[1440:])
    settings = _settings({"anomaly": {"false_alarms_per_week": per_week}}, window_s=step_s)
    return Entry(
        settings=settings.model_copy(update={"rules": (Rule(sensor="flow", anomaly=False), *settings.rules)}),
        names=NAMES,
        fault=_rows(values, step_ms=1000 * step_s),
        normal=_rows(noisy(7), step_ms=1000 * step_s),
        tells=(Kind.ANOMALY, "sensor"),
    )


def _cycle(length: int) -> Any:
    return lambda place: 3 * np.sin(2 * np.pi * place / length)


RUNNING = _learned(
    {"anomaly": EACH},
    (Kind.ANOMALY, "sensor"),
    times=1500,
    first=1450,
    running={"sensor": "flow", "min": 18.5, "settle_s": 90},
)
"""A machine that rests now and then, by one of its two sensors."""
SPREAD = _unusual(np.zeros_like, lambda values, place: values + np.where(place % 2, 1.6, -1.6), per_week=2.0)
"""A valve that hunts."""
SEASON = _unusual(_cycle(144), lambda values, _: 40.0 - values, step_s=600, per_week=2.0)
"""Night at noon, after ten days."""
SHAPE = _unusual(_cycle(24), lambda _, place: 20.0 + _cycle(96)(place), per_week=2.0)
"""A machine's cycle takes four times as long."""
SPIKE = _unusual(_cycle(144), lambda values, place: values + np.where(place == 1470, 4.0, 0.0))
"""One window, at a value that is usual at another time."""
DRIFT = _learned({"drift": {}}, (Kind.DRIFT, "level"), times=1500, first=900)
_TREES = {
    "model": "river.anomaly.HalfSpaceTrees",
    "params": {"n_trees": 10, "height": 6, "window_size": 50, "seed": 1},
    "false_alarms_per_week": 100,
}
RIVER = _learned({"anomaly": _TREES}, (Kind.ANOMALY, "sensor"), times=900, first=880, long_readings=3600)
RIVER_ASSET = _learned(
    {"anomaly": {**_TREES, "per": "asset"}}, (Kind.ANOMALY, "asset"), times=900, first=880, long_readings=3600
)
LIMIT = _per_second(
    {"limit": {"hh": 40, "h": 30, "l": 10, "deadband": 1, "on_delay_s": 2, "off_delay_s": 3}},
    (Kind.LIMIT, "h"),
    lambda values: values + 15,
)

ENTRIES: dict[str, Entry] = {
    "limit": LIMIT,
    "rate": _per_second(
        {"rate": {"rise_max_per_s": 10, "fall_max_per_s": 10}}, (Kind.RATE, "rise"), lambda values: values + 15
    ),
    "flatline": _per_second({"flatline": {"after_s": 60}}, (Kind.FLATLINE, "flat"), np.ones_like),
    "stale": _stale(),
    "assets": INCIDENT,
    "consensus": INCIDENT,
    "eigen": INCIDENT,
    "group": INCIDENT,
    "group_calibration": INCIDENT,
    "incident": INCIDENT,
    "level": ANOMALY,
    "spread": SPREAD,
    "season": SEASON,
    "hourly": SEASON,
    "shape": SHAPE,
    "spike": SPIKE,
    "combination": ANOMALY,
    "calibration": ANOMALY,
    "policy": ANOMALY,
    "episode": ANOMALY,
    "drift": DRIFT,
    "pause": PAUSED,
    "running": RUNNING,
    "river_model": RIVER,
    "asset_model": RIVER_ASSET,
}

EXEMPT: dict[str, str] = {
    "asset_row": "brings the windows of an asset together for the group monitor",
    "checking": "puts the rules together: each of their entries runs through it",
    "compiled": "compiles the others",
    "found": "the form in which rules write findings down",
    "judging": "puts the learned detectors together: each of their entries runs through it",
    "joined": "brings the windows of an asset together for asset_model",
    "order": "decides which readings count; says nothing",
    "profile": "the usual day, for season and drift",
    "recall": "reads what the alarm-state topic says after a start",
    "records": "arrays of state",
    "samples": "keeps the rules' states: each of their entries runs through it",
    "slots": "names",
    "trace": "what was made of each window, for tools; says nothing",
    "tracker": "a running mean and spread, for level and river_model",
    "tumbling": "makes the windows that the learned detectors see",
    "verdicts": "the form in which learned detectors write findings down",
    "windows": "keeps what the learned detectors know, and hears people: each of their entries runs through it",
}
