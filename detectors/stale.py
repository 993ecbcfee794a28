"""Stale: a sensor that no longer speaks, or a whole asset.

A *sign of life* is a reading of good or uncertain quality that is neither late nor a duplicate. A sensor is silent when
its time `after` passes without one. `after` is a setting, or learned:

    Δ        = time between two successive signs of life, at most 10·interval
    interval ← interval + (Δ − interval) / min(n, 64)          n: how many Δ were seen
    after    = max(30 s, 10·interval)                          not judged before n = 10

Capping Δ keeps one long silence from teaching that silence is normal; a source that truly slows down is followed within
some tens of readings.

The onset is `base + after`, where base is the event time of the last sign of life. However silence is noticed, the
onset is the same, so the alarm is the same. When every sensor of an asset is silent there is one finding, of the asset,
whose onset is the latest of theirs; when the asset speaks again, the base of its other sensors moves up to that moment:
they are not blamed for the same gap a second time. An asset with one sensor says the sensor's name. A sensor that isn't
judged (switched off, or still learning) is taken to hold its asset alive for as long as the most patient of the judged.

Two clocks tell that time passes:

    event   the newest event time of the asset: each accepted reading first judges all its sensors. An asset keeps a
            lower bound of their deadlines (`due_ts`), so that this costs one comparison nearly always, and the same
            findings come out however readings are cut into blocks.
    wall    the ticks of the lane that the asset's last reading came from, against the arrival of the last sign of life,
            because a device's clock may be wrong. Sensors that stop together are noticed some readings apart: while all
            others of the asset will be overdue within 2 s, judgement waits. A reading that ends a silence which no tick
            has noticed reveals it by its own event time. After an outage no reading does until the lane ticks again:
            producers that try again deliver out of order what they held back.

Catches: a dead device, a cut cable, a gateway that hangs. Misses: a device that repeats its last value (flatline).
Cost: 64 bytes a series, 56 an asset, about 30 ns a reading by the event clock; a tick visits each series of its lane,
for some nanoseconds each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from contracts.findings import Expected
from contracts.readings import Rows
from contracts.settings import ResolvedRule
from detectors.compiled import compiled, inlined
from detectors.found import ASSET_SILENT, SILENT, TICKED, Line, write
from detectors.recall import Silence

__all__ = [
    "ASSET",
    "CONFIG",
    "STATE",
    "attach",
    "config_of",
    "describe",
    "excuse",
    "notice",
    "recall",
    "settle",
    "sign_of_life",
    "tick",
]

STATE = np.dtype(
    [
        ("last_ts", np.int64),  # event time of the newest sign of life
        ("base_ts", np.int64),  # silence is counted from here: last_ts, or the end of the asset's silence after it
        ("arrived_ms", np.int64),  # the same by the wall clock
        ("onset_ts", np.int64),  # while raised
        ("last_value", np.float64),
        ("interval_ms", np.float64),
        ("intervals", np.int32),  # how many were seen, at most INTERVALS_MAX
        ("asset", np.int32),
        ("sibling", np.int32),  # 1 + slot of the asset's next sensor; 0: the last one
        ("alive", np.uint8),  # has spoken at least once
        ("raised", np.uint8),
        ("excused", np.uint8),  # gaps before its readings aren't judged: ONCE or UNTIL_TICK
    ],
    align=True,
)
ASSET = np.dtype(
    [
        ("due_ts", np.int64),  # no sensor is overdue before this event time
        ("onset_ts", np.int64),  # while raised
        ("after_ms", np.int64),
        ("last_ts", np.int64),
        ("sensors", np.int32),
        ("first", np.int32),  # 1 + slot of its first sensor
        ("last", np.int32),  # 1 + slot of its last sensor
        ("lane", np.int32),  # of its last reading
        ("raised", np.uint8),
    ],
    align=True,
)
CONFIG = np.dtype([("after_ms", np.int64), ("watched", np.uint8)], align=True)

LEARNED: Final = 0
"""`after_ms` of a sensor whose interval is learned."""
AFTER_MS_MIN: Final = 30_000
INTERVALS_MIN: Final = 10
INTERVALS_MAX: Final = 64
INTERVAL_FACTOR: Final = 10.0
PATIENCE_MS: Final = 2_000

NEVER: Final = np.iinfo(np.int64).max
ALWAYS: Final = np.iinfo(np.int64).min
UNJUDGED: Final = -1
ONCE: Final = 1
UNTIL_TICK: Final = 2
ALL: Final = -1


def config_of(rule: ResolvedRule) -> tuple[Any, ...]:
    """The values of CONFIG."""
    if rule.stale is None:
        return (LEARNED, 0)
    return (LEARNED if rule.stale.after_s == "auto" else max(1, round(rule.stale.after_s * 1000)), 1)


def attach(states: Rows, assets: Rows, slots: range, owners: Sequence[int]) -> None:
    """Make new series the last sensors of their assets, one after the other (in place).

    Args:
        states: dtype STATE.
        assets: dtype ASSET.
        slots: of the new series.
        owners: the asset of each of them.
    """
    asset_of, sibling = states["asset"], states["sibling"]
    first, last, sensors = assets["first"], assets["last"], assets["sensors"]
    for slot, asset in zip(slots, owners, strict=True):
        asset_of[slot] = asset
        before = int(last[asset])
        if before:
            sibling[before - 1] = slot + 1
        else:
            first[asset] = slot + 1
        last[asset] = slot + 1
        sensors[asset] += 1


def settle(states: Rows, assets: Rows, configs: Rows) -> None:
    """Forget, after a restart, what the settings no longer watch (in place).

    Args:
        states: dtype STATE, shape (series,).
        assets: dtype ASSET, shape (assets,).
        configs: dtype CONFIG, shape (series,).
    """
    watched = configs["watched"] != 0
    states["raised"][~watched] = 0
    watched_assets = np.zeros(len(assets), np.bool_)
    watched_assets[states["asset"][watched]] = True
    assets["raised"][~watched_assets] = 0
    assets["due_ts"] = ALWAYS


@inlined
def _after_ms(state: Any, config: Any) -> int:
    """How long this sensor may be silent, or UNJUDGED."""
    if not config.watched:
        return UNJUDGED
    if config.after_ms != LEARNED:
        return int(config.after_ms)
    if state.intervals < INTERVALS_MIN:
        return UNJUDGED
    return max(AFTER_MS_MIN, int(INTERVAL_FACTOR * state.interval_ms))


@inlined
def _learn_interval(state: Any, apart_ms: int) -> None:
    apart = float(apart_ms)
    if state.intervals >= INTERVALS_MIN:
        apart = min(apart, INTERVAL_FACTOR * state.interval_ms)
    state.intervals = min(state.intervals + 1, INTERVALS_MAX)
    state.interval_ms += (apart - state.interval_ms) / state.intervals


@compiled
def _raise_sensor(state: Any, after_ms: int, slot: int, row: int, found: Any, count: int) -> int:
    state.raised = 1
    state.onset_ts = state.base_ts + after_ms
    count = write(found, count, SILENT, True, slot, row, state.onset_ts, state.onset_ts, state.last_value)
    found[count - 1].after_ms = after_ms
    found[count - 1].last_ts = state.last_ts
    return count


@compiled
def _clear_sensor(state: Any, slot: int, row: int, ts: int, value: float, found: Any, count: int) -> int:
    state.raised = 0
    count = write(found, count, SILENT, False, slot, row, state.onset_ts, ts, value)
    found[count - 1].after_ms = state.onset_ts - state.base_ts
    found[count - 1].last_ts = state.last_ts
    if ts <= state.last_ts:  # out of order: this silence was blamed, and its end in event time is still to come
        state.base_ts = max(state.base_ts, state.onset_ts)
    return count


@compiled
def _raise_asset(
    states: Any, plans: Any, configs: Any, asset: Any, number: int, row: int, found: Any, count: int
) -> int:
    """One finding for all its sensors, by the latest onset; of equal ones, by the sensor that spoke last."""
    onset_ts = ALWAYS
    last_ts = ALWAYS
    after_ms = 0
    link = asset.first
    while link:
        state = states[link - 1]
        after = _after_ms(state, configs[plans[link - 1]].stale)
        if state.alive and not state.raised and after != UNJUDGED:
            onset = state.base_ts + after
            if onset > onset_ts or (onset == onset_ts and (state.last_ts, -after) > (last_ts, -after_ms)):
                onset_ts = onset
                last_ts = state.last_ts
                after_ms = after
        link = state.sibling
    asset.raised = 1
    asset.onset_ts = onset_ts
    asset.last_ts = last_ts
    asset.after_ms = after_ms
    count = write(found, count, ASSET_SILENT, True, number, row, onset_ts, onset_ts, np.nan)
    found[count - 1].after_ms = after_ms
    found[count - 1].last_ts = last_ts
    return count


@compiled
def _clear_asset(
    states: Any, asset: Any, number: int, row: int, ts: int, arrived_ms: int, found: Any, count: int
) -> int:
    """The asset speaks: the silence of its sensors counts from now, or from the onset if `ts` is before that."""
    asset.raised = 0
    asset.due_ts = ALWAYS
    since_ts = max(ts, asset.onset_ts)
    link = asset.first
    while link:
        state = states[link - 1]
        if not state.raised:
            state.base_ts = max(state.base_ts, since_ts)
            state.arrived_ms = max(state.arrived_ms, arrived_ms)
        link = state.sibling
    count = write(found, count, ASSET_SILENT, False, number, row, asset.onset_ts, ts, np.nan)
    found[count - 1].after_ms = asset.after_ms
    found[count - 1].last_ts = asset.last_ts
    return count


@compiled
def _judge(
    states: Any,
    plans: Any,
    configs: Any,
    asset: Any,
    number: int,
    now: int,
    by_arrival: bool,  # noqa: FBT001 - compiled code knows no keywords
    only: int,
    row: int,
    found: Any,
    count: int,
) -> int:
    """Raise what is overdue at `now`: the asset if all of it is, else its overdue sensors one by one.

    Args:
        now: event time of a reading, or the wall clock's if `by_arrival` (ms).
        only: the one slot that may be raised by itself, or ALL.
    """
    earliest = NEVER
    latest = ALWAYS
    patience_ms = 0
    alive = 0
    link = asset.first
    while link:
        state = states[link - 1]
        if by_arrival and state.excused == UNTIL_TICK:
            state.excused = ONCE
        if state.alive:
            alive += 1
            after = _after_ms(state, configs[plans[link - 1]].stale)
            if after != UNJUDGED and not state.raised:
                deadline = (state.arrived_ms if by_arrival else state.base_ts) + after
                earliest = min(earliest, deadline)
                latest = max(latest, deadline)
                patience_ms = max(patience_ms, after)
        link = state.sibling
    if not by_arrival:
        asset.due_ts = earliest
    if earliest >= now:
        return count
    link = asset.first
    while link:
        state = states[link - 1]
        if state.alive and _after_ms(state, configs[plans[link - 1]].stale) == UNJUDGED:
            latest = max(latest, (state.arrived_ms if by_arrival else state.base_ts) + patience_ms)
        link = state.sibling
    if latest < now and alive > 1:
        asset.due_ts = NEVER
        return _raise_asset(states, plans, configs, asset, number, row, found, count)
    if by_arrival and alive > 1 and latest < now + PATIENCE_MS:
        return count
    earliest = NEVER
    link = asset.first
    while link:
        slot = link - 1
        state = states[slot]
        after = _after_ms(state, configs[plans[slot]].stale)
        if state.alive and not state.raised and after != UNJUDGED:
            deadline = (state.arrived_ms if by_arrival else state.base_ts) + after
            if deadline < now and only in (ALL, slot):
                count = _raise_sensor(state, after, slot, row, found, count)
            else:
                earliest = min(earliest, deadline)
        link = state.sibling
    if not by_arrival:
        asset.due_ts = earliest
    return count


@inlined
def notice(
    states: Any, plans: Any, configs: Any, assets: Any, slot: int, ts: int, row: int, found: Any, count: int
) -> int:
    """Event clock: an accepted reading says that it is `ts` now for its whole asset. Before `sign_of_life`.

    Args:
        states: dtype STATE, shape (series,), changed in place.
        plans: row of `configs` by slot.
        configs: records with CONFIG in their field `stale`.
        assets: dtype ASSET, changed in place.
        slot: of the reading's series.
        ts: event time (ms).
        row: of the reading in its block.
        found: dtype FOUND, with room for as many rows as the asset has sensors.
        count: rows that are in it.
    Returns: rows that are in `found` now.
    """
    number = states[slot].asset
    asset = assets[number]
    if ts <= asset.due_ts or asset.raised:
        return count
    return _judge(states, plans, configs, asset, number, ts, False, ALL, row, found, count)


@inlined
def sign_of_life(
    states: Any,
    plans: Any,
    configs: Any,
    assets: Any,
    slot: int,
    ts: int,
    value: float,
    arrived_ms: int,
    by_arrival: bool,  # noqa: FBT001 - compiled code knows no keywords
    row: int,
    found: Any,
    count: int,
) -> int:
    """A good or uncertain reading, accepted or out of order: clear what it ends, and count silence from it.

    Args:
        arrived_ms: of its block, by the wall clock.
        by_arrival: the wall clock rules: reveal a silence that no tick has noticed.
        others, returns: as `notice`; room for three rows.
    """
    state = states[slot]
    number = state.asset
    asset = assets[number]
    config = configs[plans[slot]].stale
    if by_arrival and state.alive and not state.raised and not asset.raised and not state.excused:
        after = _after_ms(state, config)
        if after != UNJUDGED and ts > state.base_ts + after:
            count = _judge(states, plans, configs, asset, number, ts, False, slot, row, found, count)
    if asset.raised:
        count = _clear_asset(states, asset, number, row, ts, arrived_ms, found, count)
    if state.raised:
        count = _clear_sensor(state, slot, row, ts, value, found, count)
    if state.excused == ONCE:
        state.excused = 0
    state.arrived_ms = arrived_ms
    if not state.alive or ts > state.last_ts:
        if state.alive:
            _learn_interval(state, ts - state.last_ts)
        else:
            state.alive = 1
            state.base_ts = ts
        state.last_ts = ts
        state.last_value = value
        state.base_ts = max(state.base_ts, ts)
    after = _after_ms(state, config)
    if after != UNJUDGED:
        asset.due_ts = min(asset.due_ts, state.base_ts + after)
    return count


@compiled
def tick(
    states: Any,
    plans: Any,
    configs: Any,
    assets: Any,
    asset_count: int,
    begin: int,
    lane: int,
    now_ms: int,
    found: Any,
    written: Any,
) -> int:
    """Wall clock: judge the assets that listen to this lane, from number `begin` on.

    Args:
        found: dtype FOUND, with room for as many rows as the largest asset has sensors.
        written: shape (1,): receives the count of rows in `found`.
    Returns: the number of the asset to go on with: it stops where `found` could overflow.
    """
    count = 0
    number = begin
    while number < asset_count:
        asset = assets[number]
        if count + asset.sensors > len(found):
            break
        if asset.lane == lane and not asset.raised:
            count = _judge(states, plans, configs, asset, number, now_ms, True, ALL, TICKED, found, count)
        number += 1
    written[0] = count
    return number


def excuse(states: Rows, assets: Rows, lane: int, now_ms: int) -> None:
    """After an outage of the lane: silence counts from now, and gaps before readings aren't judged until it ticks.

    Nor is the one before each first reading after that.

    Args:
        states: dtype STATE, shape (series,), changed in place.
        assets: dtype ASSET.
        lane: that was cut off.
        now_ms: by the wall clock.
    """
    listening = (states["alive"] != 0) & (assets["lane"][states["asset"]] == lane)
    states["arrived_ms"][listening] = now_ms
    states["excused"][listening] = UNTIL_TICK


def recall(states: Rows, assets: Rows, configs: Rows, asset: int, slot: int | None, silence: Silence) -> bool:
    """After a start: raise a silence that was told before, if it lasts and isn't raised; by the wall clock.

    It lasts if the last sign of life that it told of is still the last one: of the sensor; of the asset, if none of
    its sensors has spoken after its onset.

    Args:
        states: dtype STATE, shape (series,), changed in place.
        assets: dtype ASSET, changed in place.
        configs: dtype CONFIG, shape (series,).
        asset: number of the asset.
        slot: of the sensor; None: the silence is of the asset as a whole.
    Returns: whether it was raised.
    """
    own = (states["asset"] == asset) & (states["alive"] != 0)
    if slot is not None:
        own &= np.arange(len(states)) == slot
    last_ts = states["last_ts"][own]
    newest_ts = silence.last_ts if slot is not None else max(silence.last_ts, silence.onset_ts)
    subject = assets[asset] if slot is None else states[slot]
    if (
        subject["raised"]
        or not (configs["watched"][own] != 0).any()
        or silence.last_ts not in last_ts
        or last_ts.max() > newest_ts
    ):
        return False
    subject["raised"] = 1
    subject["onset_ts"] = silence.onset_ts
    if slot is None:
        subject["after_ms"] = silence.after_ms
        subject["last_ts"] = silence.last_ts
        subject["due_ts"] = NEVER
    else:
        subject["base_ts"] = silence.onset_ts - silence.after_ms
    return True


def describe(line: Line) -> tuple[Expected, dict[str, float | int | str | None]]:
    """The expected range (none) and the evidence of one row of FOUND."""
    return Expected(), {"after_ms": line.after_ms, "last_ts": line.last_ts}
