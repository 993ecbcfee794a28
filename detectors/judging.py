"""How a closed window of a series is judged by what was learned before it, and then learned: the kernel of windows.py.

    1  families     z1: is the smoothed value where it usually is?             level.py
                    z2: does it move as much as it usually does?               spread.py
                    z3: is it where it usually is at this hour?                season.py
                    z4: was its course seen before?                            shape.py
       spike        K: has it jumped as it seldom does?                        spike.py
    2  combination  S: over the families and the last windows; P: as a rank    combination.py
                    what of S is usual at this hour of the day                 hourly.py
    3  calibration  L: as a tail probability, of S, of K and of z2             calibration.py
    4  policy       is it an alarm?                                            policy.py
    5  episode      is the alarm of before over?                               episode.py
    6  drift        has the level moved for good?                              drift.py
    7  learning     families, spike, combination, the day's profile            profile.py
    8  assets       do its asset's sensors go together as always?              assets.py

n counts the windows learned. The families, but for the level (drift asks for it, too), and the combination count from
where their scores began to be of one kind: since a model was switched off, or since a state was taken over from an
andon that had fewer families. So does the warm-up.

A window with `learn` = 0 is judged like any other: it moves the smoothing, S, the policy's ages and the alarm state.
It changes nothing that is learned: no tracker, peak, quantile, profile, reference, interval or River model, no count
of windows; and it isn't looked at for drift. So it is with every window while a person's word stands that an alarm of
the series is true (episode.py). A window whose mean isn't finite, or beyond 1e100 (the square of its
square would be no number), passes without a trace.

An alarm that was held for 480 windows ends with a drift, if the level is another by then: what it was about is the
new normal.

Catches and misses: see the files. Cost: a row of STATE a series, about 0.5 us a window.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from detectors import (
    assets,
    calibration,
    combination,
    drift,
    episode,
    hourly,
    level,
    policy,
    profile,
    season,
    shape,
    spike,
    spread,
    trace,
    tracker,
    verdicts,
)
from detectors.compiled import Record, compiled, inlined

if TYPE_CHECKING:
    from contracts.readings import Rows

__all__ = ["CONFIG", "FRESH", "OF_SCORES", "OUTSIDE", "STATE", "VALUE_MAX", "judge_rows"]

VALUE_MAX = 1e100
FAMILIES = len(combination.FAMILIES)
VERDICTS_PER_ROW_MAX = 4

STATE = np.dtype(
    [
        ("n", np.int64),  # windows learned
        ("scored", np.int64),  # of these, with a score of the kind that is judged by now
        ("first", np.int64),  # start of the first window, ms since the epoch
        ("latest", np.int64),  # start of the newest window
        ("level", level.STATE),
        ("spread", spread.STATE),
        ("season", season.STATE),
        ("shape", shape.STATE),
        ("spike", spike.STATE),
        ("combination", combination.STATE),
        ("hourly", hourly.STATE),
        ("calibration", calibration.STATE),
        ("policy", policy.STATE),
        ("episode", episode.STATE),
        ("profile", profile.STATE),
        ("drift", drift.STATE),
        ("seen", np.uint8),  # has closed a window
        ("paused", np.uint8),  # the newest window wasn't learned
    ],
    align=True,
)

CONFIG = np.dtype(
    [
        ("window_s", np.float64),  # 0: the learned interval
        ("alarms_per_week", np.float64),  # of all who share the budget
        ("budget", np.int32),  # index of the budget, from 1; 0: a row that nothing comes to any more
        ("ranked", np.uint8),
        ("own", np.uint8),  # judged by our own families
        ("series", np.uint8),  # 0: the row of an asset's model
        ("tells_anomaly", np.uint8),
        ("tells_drift", np.uint8),
        ("per_sensor", np.uint8),  # tells its anomalies also where its asset is judged as a whole
    ],
    align=True,
)

OUTSIDE = np.dtype([("z", np.float64), ("y", np.float64), ("m", np.float64), ("v", np.float64)], align=True)
"""A River model's standardised score of one window, NaN where it has none."""

FRESH = np.zeros((), STATE)
"""A series of which nothing is known."""
combination.fresh(FRESH["combination"])
calibration.fresh(FRESH["calibration"], calibration.TAIL_OF_S)
spread.fresh(FRESH["spread"])
spike.fresh(FRESH["spike"])
policy.fresh(FRESH["policy"])

OF_SCORES = ("scored", "spread", "season", "shape", "spike", "combination", "hourly", "calibration")
"""Parts of a state that are worth nothing once scores are of another kind."""


@compiled
def judge_rows(
    rows: Rows,
    slots: Rows,
    outside: Rows,
    first: int,
    states: Rows,
    configs: Rows,
    sharers: Rows,
    told: Rows,
    traced: Rows,
    arrays: assets.Arrays,
    rows_traced: int,
) -> tuple[int, int, int, int]:
    """Judge and learn rows[first:].

    `traced` is as long as `rows`, or empty where nobody wants it.

    Returns: the next row (all are done: their number), how many verdicts are told of series and of assets, and how many
    rows of assets are traced so far.
    """
    k = j = 0
    for i in range(first, rows.shape[0]):
        if k + VERDICTS_PER_ROW_MAX > told.shape[0] or j + assets.TOLD_PER_WINDOW_MAX > arrays.told.shape[0]:
            return i, k, j, rows_traced
        row = rows[i]
        state = states[slots[i]]
        config = configs[slots[i]]
        member = arrays.members[slots[i]]
        if state.seen == 0:
            state.seen = 1
            state.first = row.start
            sharers[config.budget] += 1
        if not abs(row.mean) <= VALUE_MAX:
            continue
        learning = row.learn != 0 and state.episode.confirmed == 0
        series = config.series != 0
        if traced.shape[0] > 0:
            _begin_trace(traced, i, slots[i], row, state, config)

        if state.episode.status == episode.ABANDONED:
            k = _abandon(state, member, told, k, i)
        own = config.own != 0
        n, b = state.scored, profile.hour(row.start)
        z1 = level.score(state.level, row.mean, state.n, learning) if series else 0.0
        d = 0.0
        if own:
            d = spread.difference(state.spread, row.mean, n, learning)
            z2 = spread.score(state.spread, d, n, learning)
            z3 = season.score(state.season, state.profile, b, row.mean, n, learning)
            z4 = shape.step(state.shape, row.mean, n) if learning else shape.held(state.shape)
            k_spike = spike.score(state.spike, state.profile, b, row.mean, d, n)
            z = (z1, spread.softened(state.spread, z2, n), z3, z4, k_spike, z2)
        else:
            z = (outside[i].z, math.nan, math.nan, math.nan, math.nan, math.nan)
        if not math.isnan(z[0]):
            k = _judge_score(
                state, config, member, row, z, outside, sharers[config.budget], learning, told, k, i, traced
            )
        elapsed_ms = row.start - state.latest if state.n > 0 else profile.HOUR_MS
        if own and learning:
            spread.learn(state.spread, z[verdicts.SPREAD], n)
            season.learn(state.season, n)
            spike.learn(state.spike, state.profile, b, d, z[verdicts.SPIKE], n, elapsed_ms)
        if series and learning:
            k = _judge_drift(state, config, row, b, told, k, i)
            profile.learn(state.profile, b, row.mean, elapsed_ms)
            level.learn(state.level, state.n)

        if learning:
            if state.n > 0:
                policy.learn_interval(state.policy, (row.start - state.latest) / 1000.0, state.n)
            state.n += 1
        state.latest = row.start
        state.paused = 0 if learning else 1
        if traced.shape[0] > 0:
            traced[i].active = 1 if state.episode.status == episode.ACTIVE else 0
            traced[i].learned = 1 if learning else 0
        member.met = 1
        if member.group > 0:
            active = state.episode.status == episode.ACTIVE
            j, rows_traced = assets.enter(arrays, slots[i], row, i, active, j, rows_traced)
    return rows.shape[0], k, j, rows_traced


@inlined
def _begin_trace(traced: Rows, i: int, slot: int, row: Record, state: Record, config: Record) -> None:
    m = sd = math.nan
    if config.own != 0 and state.n > 0:
        m, sd = state.level.tracker.m, tracker.sigma(state.level.tracker.m, state.level.tracker.v)
    trace.begin(traced, i, slot, row, m, sd)
    if config.series == 0:
        traced[i].x = math.nan


@inlined
def _abandon(state: Record, member: Record, told: Rows, k: int, i: int) -> int:
    """End an alarm whose model is gone; return how many verdicts are told."""
    ended = state.episode
    ended.status, ended.confirmed = episode.OVER, 0
    if member.told == 0:
        return k
    member.told = 0
    verdicts.write(told, k, i, verdicts.ENDED, episode.ENDED_ABANDONED, ended.onset, ended.held, 0.0, 0.0, 0.0)
    return k + 1


@inlined
def _judge_score(
    state: Record,
    config: Record,
    member: Record,
    row: Record,
    z: tuple[float, float, float, float, float, float],
    outside: Rows,
    sharing: int,
    learning: bool,  # noqa: FBT001 - compiled code knows no keywords
    told: Rows,
    k: int,
    i: int,
    traced: Rows,
) -> int:
    """Combination, calibration, policy and alarm state; return how many verdicts are told."""
    n, own = state.scored, config.own != 0
    evidence_only = member.served != 0 and config.per_sensor == 0
    ranked = config.ranked != 0 or evidence_only
    families = FAMILIES if own else 1
    total, leading = 0.0, 0
    for family in range(families):
        total += min(combination.Z_CLIP, z[family])
        if min(combination.Z_CLIP, z[family]) > z[leading]:  # beyond the clip the first is as good as any
            leading = family
    b = profile.hour(row.start)
    as_it_is = combination.smooth(state.combination, total, families, n, learning)
    s = hourly.beyond(state.hourly, b, as_it_is) if own else as_it_is
    surprise = calibration.surprise(state.calibration, s, calibration.TAIL_OF_S)
    member.surprise = surprise
    rank = combination.rank(state.combination, s)
    jumped = restless = math.nan
    if own:  # L and R of policy.py
        jumped = calibration.surprise(state.spike.calibration, z[verdicts.SPIKE], calibration.TAIL_OF_K)
        restless = spread.surprise(state.spread, z[verdicts.SPREAD])
        rank_of_s, rank = rank, max(rank, max(jumped, restless) / policy.L_PER_RANK)
        surprise -= policy.L_OF_HALF
        jumped -= policy.L_OF_QUARTER
        restless -= policy.L_OF_QUARTER
        best = policy.L_PER_RANK * rank_of_s - policy.L_OF_QUARTER if ranked else surprise
        if jumped > best:  # a jump makes the spread another, too: it is the simpler word
            leading = verdicts.SPIKE
        elif restless > best:
            leading = verdicts.SPREAD
        surprise = max(surprise, jumped, restless)
    member.loudest = surprise

    policy.age_by_one(state.policy, config.window_s)
    if ranked:
        threshold = policy.rank_threshold(state.policy)
        alarm = policy.step(state.policy, rank, threshold, math.inf)
    else:
        threshold = policy.threshold(state.policy, config.window_s, config.alarms_per_week, sharing, n)
        at_once = threshold + policy.SOONER if state.episode.status == episode.OVER else math.inf
        alarm = policy.step(state.policy, surprise, threshold, at_once)

    # What the alarm state watches, and its mean and variance from before this window is learned.
    if own:
        y, m, v, y_b = state.level.judged, state.level.tracker.m, state.level.tracker.v, state.spread.y
    else:
        y, m, v, y_b = outside[i].y, outside[i].m, outside[i].v, math.nan
    ended = episode.step(state.episode, y, y_b)
    before = state.episode
    if ended != episode.GOES_ON and member.told:
        member.told = 0
        sd = tracker.sigma(before.m, before.v)
        verdict = verdicts.write(told, k, i, verdicts.ENDED, ended, before.onset, before.held, before.m, sd, 0.0)
        verdict.score, verdict.rank, verdict.threshold = max(surprise, 0.0), rank, threshold
        verdict.found_by, verdict.z = before.found_by, z[before.found_by]
        k += 1
    if ended == episode.ENDED_HELD and config.series and state.drift.active == 0:
        k = _call_new_normal(state, config, told, k, i)
    raised = alarm and state.episode.status == episode.OVER and n >= policy.WARMUP
    if raised:
        episode.begin(state.episode, row.start, m, v, leading)
        if own:
            episode.watch_too(state.episode, state.spread.tracker.m, state.spread.tracker.v)
        if config.tells_anomaly and not evidence_only:
            member.told = 1
            sd = tracker.sigma(m, v)
            verdict = verdicts.write(told, k, i, verdicts.RAISED, 0, row.start, n, m, sd, 0.0)
            verdict.score, verdict.rank, verdict.threshold = max(surprise, 0.0), rank, threshold
            verdict.found_by, verdict.z = leading, z[leading]
            verdict.raised_by = state.policy.raised_by
            k += 1
    if traced.shape[0] > 0:
        trace.scored(traced, i, s, rank, surprise, jumped, restless, threshold, raised)
        for family in range(families):
            traced[i].z[family] = z[family]

    if learning:
        if own and state.combination.tainted == 0:
            hourly.learn(state.hourly, b, as_it_is)
        block_max = combination.learn(state.combination, s, n)
        if block_max != combination.NO_BLOCK:
            calibration.learn(state.calibration, block_max, calibration.TAIL_OF_S)
        state.scored += 1
    return k


@inlined
def _call_new_normal(state: Record, config: Record, told: Rows, k: int, i: int) -> int:
    """An alarm was held until what it was about is normal: if the level is another, begin a drift.

    Return how many verdicts are told.
    """
    alarm = state.episode
    m, v = alarm.m, alarm.v
    if config.own == 0:  # the alarm was about a model's score, which has no unit: the level says what has moved
        m, v = state.level.tracker.m, state.level.tracker.v
    elif not episode.off(state.level.judged, m, v):
        return k
    drift.begin(state.drift, alarm.onset)
    if config.tells_drift == 0:
        return k
    sd, now = tracker.sigma(m, v), state.level.judged
    verdicts.write(told, k, i, verdicts.DRIFTED, verdicts.BY_HOLDING, alarm.onset, alarm.held, m, sd, now)
    return k + 1


@inlined
def _judge_drift(state: Record, config: Record, row: Record, b: int, told: Rows, k: int, i: int) -> int:
    """Whether the level has moved; return how many verdicts are told."""
    offset = profile.offset(state.profile, b)
    drift.ready(state.drift, row.start - state.first, profile.complete(state.profile))
    m, sd, windows = state.drift.m, tracker.sigma(state.drift.m, state.drift.v), state.drift.count
    verdict = drift.step(state.drift, row.mean - offset, row.end)
    if verdict != drift.QUIET and config.tells_drift:
        what = verdicts.DRIFTED
        if verdict == drift.LEARNED:  # the reference phase that ends here has new figures
            what = verdicts.SETTLED
            m, sd, windows = state.drift.m, tracker.sigma(state.drift.m, state.drift.v), state.drift.count
        onset = state.drift.onset
        verdicts.write(told, k, i, what, verdicts.BY_LEVEL, onset, windows, m + offset, sd, state.level.s)
        k += 1
    return k
