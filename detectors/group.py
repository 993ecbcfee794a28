"""The group monitor: do the sensors of one asset behave together as they always have?

Rows of the asset come in (asset_row.py). Over the warm-up, 400 rows, mean and sd of each sensor's x are taken, and then
kept. From then on

    y = y + 2/6 (clip((x - mean) / sd, -7, 7) - y)
    d = y - c                                     0 for a sensor that isn't present
    T2  = sum over j <= k of (v_j' d)^2 / w_j     too far out, along the ways in which the sensors move together
    SPE = |d|^2 - sum over j <= k of (v_j' d)^2   off them: the sensors no longer go together
    e = d - sum over j <= k of (v_j' d) v_j       where each is beside where the others put it
    H = max over i of e_i^2 / s_i                 off them by one sensor; s_i = C_ii - sum over j <= k of w_j v_ij^2
    t = t + 2/13 (T2 - t),   q = q + 2/13 (SPE - q),   h = h + 2/13 (H - h)

c is the mean and C the covariance of y, w_j and v_j the eigenvalues and eigenvectors of C (eigen.py), of which the
first k carry 90 % of the variance (k < p); w_j is at least 1e-3 of their mean. What is usual for t and q follows from
the warm-up: T2 was k on average, SPE the sum of the other eigenvalues. The limits are 5.5 times that; and the largest
of p squares of a normal variable is some 2 ln p on average:

    r = max(t / (5.5 k), q / (5.5 sum of w_j over j > k), h / (4 ln p + 2))

How usual it is to get so far is learned further on, (group_calibration.py), from block maxima of
9 + ln(t / limit), 9 + ln(q / limit) and 9 + ln(h / limit), at least 0. Of the three L the largest counts: a row is in
alarm when L >= 1.7 and r > 1, and stays so as long as L does.

In T2 and SPE one sensor of fifty has a fiftieth of the say. H is for it.

Only rows that aren't in alarm are learned; else the monitor would learn the fault:

    c = c + d / 3000;   C = (1 - 1/3000) (C + d d' / 3000);   new eigenvectors after 50 rows, or 4 p if that is more

The blocks are 50 such rows, and what is left at the end of an alarm is one as well: so that what alarms often must be
stranger to alarm again.

A *candidate* for what is usual takes running means and covariances of rows, and is taken over when it has enough:

    warm-up    400 rows, when nothing is known
    joining    400 rows that aren't in alarm, when a sensor has come to the asset; the others are watched meanwhile
    regime     600 rows of one and the same alarm: it is what is usual now

A row that isn't to be learned is judged by twins of y, t, q and h, so that it leaves no trace in what is learned.

Catches: what no sensor's own history shows: values that are usual each and never came together.
Misses: a fault that is there while it warms, or that lasts for 600 rows, unless a person calls it true.
Of symmetric matrices only the lower half is kept up to date.

Cost: 3 p^2 + 14 p floats, of which half are saved (`lasting`), and time with p^2: `make bench-detectors`.
Source: J. E. Jackson and G. S. Mudholkar, Control procedures for residuals associated with principal component
analysis, 1979.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.readings import Rows
from detectors import group_calibration as calibration
from detectors.compiled import Record, compiled, inlined
from detectors.eigen import diagonalise

__all__ = [
    "REGIME",
    "SENSORS_MAX",
    "STATE",
    "WARMUP",
    "forget_alarm",
    "fresh",
    "judge",
    "lasting",
    "learn",
    "moved",
    "progress",
    "ratio",
    "retold",
    "room",
    "room_before",
    "shares",
    "surprise",
    "takes_part",
]

SENSORS_MAX = 64
"""Of one asset that are watched together: matrices grow with the square."""

WARMUP = 400  # rows
REGIME = 600  # rows
SETTLING = 20  # rows of the warm-up until y is worth taking

IN = 2.0 / 6.0
OUT = 2.0 / 13.0
Z_MAX = 7.0
MEMORY = 1.0 / 3000.0
VARIANCE_SHARE = 0.9
W_MIN = 1e-3  # of the mean eigenvalue
S_MIN = 1e-3  # of the sensor's own variance
REFRESH = 50  # rows
REFRESH_PER_SENSOR = 4
LIMIT = 5.5
LIMIT_H = 2.0  # times what is usual for the largest of p
SCORE_OFFSET = 9.0
GATE = 1.7
TINY = 1e-9

SERVING, JOINING, ALARMED = 0, 1, 2

STATE = np.dtype(
    [
        ("n", np.int64),  # rows learned since the model was taken over
        ("seen", np.int64),  # rows of the candidate
        ("t", np.float64),
        ("q", np.float64),
        ("h", np.float64),
        ("t_judged", np.float64),  # with the rows since then that weren't learned
        ("q_judged", np.float64),
        ("h_judged", np.float64),
        ("limit_t", np.float64),
        ("limit_q", np.float64),
        ("limit_h", np.float64),
        ("surprise_t", np.float64),  # L of the newest row
        ("surprise_q", np.float64),
        ("surprise_h", np.float64),
        ("cur_t", np.float64),  # largest score of the block so far
        ("cur_q", np.float64),
        ("cur_h", np.float64),
        ("of_t", calibration.STATE),
        ("of_q", calibration.STATE),
        ("of_h", calibration.STATE),
        ("k", np.int32),  # eigenvectors that are looked at; 0: nothing is known yet
        ("inside", np.int32),  # sensors that take part
        ("stale", np.int32),  # rows learned since the eigenvectors were taken
        ("block", np.int32),  # rows in the block so far
        ("why", np.uint8),  # what the candidate is for
        ("alarm", np.uint8),
        ("kept", np.uint8),  # the newest learnable row is in alarm
        ("was", np.uint8),  # the one before it was
    ],
    align=True,
)

_Floats = NDArray[np.float64]

_MEAN: Final = 0  # of x
_SD: Final = 1  # of x; 0: the sensor doesn't take part
_Y: Final = 2
_Y_JUDGED: Final = 3
_CENTRE: Final = 4  # c
_D: Final = 5
_W: Final = 6  # eigenvalues
_SMOOTH: Final = 7  # x, smoothed
_N: Final = 8  # rows of the candidate in which the sensor was present; and its mean of x, its variance of x, and
_M: Final = 9
_V: Final = 10
_M_SMOOTH: Final = 11  # its mean of the smoothed x
_E: Final = 12
_S: Final = 13
_VECTORS: Final = 14
_VECTORS_BEFORE: Final = 12
"""Of a state that was saved before there was H."""


@inlined
def room(p: int) -> int:
    """How many floats so many sensors need."""
    return 3 * p * p + _VECTORS * p


def moved(floats: _Floats, before: int, after: int) -> _Floats:
    """The same with room for more sensors, of which nothing is known yet; shape (room(after),)."""
    larger = np.zeros(room(after))
    larger[: _VECTORS * after].reshape(_VECTORS, after)[:, :before] = floats[: _VECTORS * before].reshape(
        _VECTORS, before
    )
    for which in range(3):
        first = (_VECTORS + which * before) * before
        matrix = floats[first : first + before * before].reshape(before, before)
        first = (_VECTORS + which * after) * after
        larger[first : first + after * after].reshape(after, after)[:before, :before] = matrix
    return larger


def lasting(state: Record, p: int) -> NDArray[np.int64]:
    """Which of its floats a later row depends on, in order: all others may be anything."""
    return _lasting(p, int(state["k"]), candidate=bool(state["k"] == 0 or state["why"] != SERVING))


@lru_cache(maxsize=1024)
def _lasting(p: int, k: int, *, candidate: bool) -> NDArray[np.int64]:
    parts = np.arange(_VECTORS * p).reshape(_VECTORS, p)
    matrices = _VECTORS * p + np.arange(3 * p * p).reshape(3, p, p)
    lower = np.tril_indices(p)
    lasts = [parts[_SMOOTH]]
    if k > 0:
        lasts += [parts[which] for which in (_MEAN, _SD, _Y, _Y_JUDGED, _CENTRE, _S)]
        lasts += [parts[_W, :k], matrices[0][lower], matrices[1, :k].ravel()]
    if candidate:
        lasts += [parts[which] for which in (_N, _M, _V, _M_SMOOTH)]
        lasts += [matrices[2][lower]]
    found = np.sort(np.concatenate(lasts))
    found.flags.writeable = False
    return found


def fresh(state: Record) -> None:
    """Set what doesn't start at zero."""
    for part in ("of_t", "of_q", "of_h"):
        calibration.fresh(state[part], u=SCORE_OFFSET + math.log(0.5), c=10.0, ce=10.0)


def room_before(p: int) -> int:
    """How many floats so many sensors needed before there was H."""
    return 3 * p * p + _VECTORS_BEFORE * p


def retold(state: Record, saved: _Floats, p: int) -> _Floats:
    """The floats of a state from before there was H, as they are now, shape (room(p),); H begins afresh (in place).

    Args:
        saved: shape (room_before(p),).
    """
    floats = np.zeros(room(p))
    floats[: _VECTORS_BEFORE * p] = saved[: _VECTORS_BEFORE * p]
    floats[_VECTORS * p :] = saved[_VECTORS_BEFORE * p :]
    calibration.fresh(state["of_h"], u=SCORE_OFFSET + math.log(0.5), c=10.0, ce=10.0)
    if state["k"] > 0:
        state["limit_h"] = _limit_h(int(state["inside"]))
        state["h"] = state["h_judged"] = 0.2 * state["limit_h"]
        _take_axes(state, floats, p)
    return floats


def forget_alarm(state: Record) -> None:
    """What was collected of the alarm is a known fault: no new regime, and no usual block."""
    state["seen"] = 0
    state["cur_t"] = state["cur_q"] = state["cur_h"] = 0.0


@inlined
def takes_part(floats: _Floats, p: int, place: int) -> bool:
    """Whether a sensor belongs to those that are known."""
    return bool(floats[_SD * p + place] > 0.0)


def progress(state: Record) -> tuple[int, int]:
    """How many rows of the warm-up were seen, and are needed; (0, 0) once it is over."""
    return (0, 0) if state["k"] else (int(state["seen"]), WARMUP)


@inlined
def _vectors(floats: _Floats, p: int) -> _Floats:
    return floats[: _VECTORS * p].reshape((_VECTORS, p))


@inlined
def _matrix(floats: _Floats, p: int, which: int) -> _Floats:
    """0: C. 1: eigenvectors, by row. 2: covariance of the candidate's smoothed x. Of 0 and 2 the lower half counts."""
    first = (_VECTORS + which * p) * p
    return floats[first : first + p * p].reshape((p, p))


@compiled
def judge(
    state: Record,
    floats: _Floats,
    members: Rows,
    slots: Rows,
    learning: bool,  # noqa: FBT001 - compiled code knows no keywords
) -> None:
    """Judge the row that was taken, by what was learned of those before it.

    Args:
        floats: shape (room(p),).
        members: dtype asset_row.MEMBER, by slot.
        slots: of the asset's sensors, shape (p,).
        learning: it may be learned from.
    """
    p = slots.shape[0]
    parts = _vectors(floats, p)
    smooth, mean, sd, y, y_judged = parts[_SMOOTH], parts[_MEAN], parts[_SD], parts[_Y], parts[_Y_JUDGED]
    centre, d, w, e, s = parts[_CENTRE], parts[_D], parts[_W], parts[_E], parts[_S]
    squares = 0.0
    for i in range(p):
        member = members[slots[i]]
        d[i] = 0.0
        if member.present == 0:
            continue
        x = member.x
        if learning:
            smooth[i] += IN * (x - smooth[i])
        if sd[i] == 0.0:
            continue
        z = min(max((x - mean[i]) / sd[i], -Z_MAX), Z_MAX)
        if learning:
            y[i] += IN * (z - y[i])
            y_judged[i] = y[i]
        else:
            y_judged[i] += IN * (z - y_judged[i])
        d[i] = y_judged[i] - centre[i]
        squares += d[i] * d[i]
    e[:] = d
    before = state.kept if learning else state.alarm
    if state.k == 0:
        return
    axes = _matrix(floats, p, 1)
    t = along = 0.0
    for j in range(state.k):
        axis = axes[j]
        dot = 0.0
        for i in range(p):
            dot += axis[i] * d[i]
        t += dot * dot / w[j]
        along += dot * dot
        for i in range(p):
            e[i] -= dot * axis[i]
    q = max(0.0, squares - along)
    h = 0.0
    for i in range(p):
        if d[i] != 0.0:
            h = max(h, e[i] * e[i] / s[i])
    if learning:
        state.t += OUT * (t - state.t)
        state.q += OUT * (q - state.q)
        state.h += OUT * (h - state.h)
        state.t_judged, state.q_judged, state.h_judged = state.t, state.q, state.h
    else:
        state.t_judged += OUT * (t - state.t_judged)
        state.q_judged += OUT * (q - state.q_judged)
        state.h_judged += OUT * (h - state.h_judged)
    score_t, score_q = _score(state.t_judged, state.limit_t), _score(state.q_judged, state.limit_q)
    score_h = _score(state.h_judged, state.limit_h)
    state.surprise_t = calibration.surprise(state.of_t, score_t)
    state.surprise_q = calibration.surprise(state.of_q, score_q)
    state.surprise_h = calibration.surprise(state.of_h, score_h)
    reached = surprise(state) >= GATE
    beyond = ratio(state) > 1.0
    state.alarm = 1 if reached and (beyond or before != 0) else 0
    if learning:
        state.was, state.kept = state.kept, state.alarm
        state.cur_t, state.cur_q = max(state.cur_t, score_t), max(state.cur_q, score_q)
        state.cur_h = max(state.cur_h, score_h)


@inlined
def surprise(state: Record) -> float:
    """L_g: the largest L of the three statistics, of the newest row."""
    return float(max(state.surprise_t, state.surprise_q, state.surprise_h))


@inlined
def ratio(state: Record) -> float:
    """r: the largest of the three statistics by its limit, of the newest row, once the group judges."""
    return float(max(state.t_judged / state.limit_t, state.q_judged / state.limit_q, state.h_judged / state.limit_h))


@inlined
def _score(statistic: float, limit: float) -> float:
    return max(0.0, SCORE_OFFSET + math.log(statistic / limit + 1e-12))


@compiled
def learn(state: Record, floats: _Floats, members: Rows, slots: Rows) -> bool:
    """Learn the row that was judged, of which the caller knows that it may be learned.

    Returns: whether another regime was taken over, in the middle of an alarm.
    """
    p = slots.shape[0]
    changed = False
    why = SERVING
    if state.k > 0:
        if state.alarm:
            why = ALARMED
        else:
            _learn_usual(state, floats, p)
            why = JOINING if _somebody_new(floats, members, slots) else SERVING
    if why != state.why:
        state.why, state.seen = why, 0
    if state.k == 0 or why != SERVING:
        _collect(state, floats, members, slots)
        if state.seen >= (REGIME if why == ALARMED else WARMUP):
            changed = why == ALARMED
            _take_over(state, floats, p)
    return changed


@inlined
def _somebody_new(floats: _Floats, members: Rows, slots: Rows) -> bool:
    p = slots.shape[0]
    sd = _vectors(floats, p)[_SD]
    new = 0
    for i in range(p):
        new += sd[i] == 0.0 and members[slots[i]].present != 0
    return new > 0


@inlined
def _learn_usual(state: Record, floats: _Floats, p: int) -> None:
    parts = _vectors(floats, p)
    d, centre = parts[_D], parts[_CENTRE]
    c = _matrix(floats, p, 0)
    state.n += 1
    for i in range(p):
        step = MEMORY * d[i]
        centre[i] += step
        line = c[i]
        for j in range(i + 1):
            line[j] = (1.0 - MEMORY) * (line[j] + step * d[j])
    state.stale += 1
    if state.stale >= max(REFRESH, REFRESH_PER_SENSOR * p):
        _take_axes(state, floats, p)
    state.block += 1
    if state.block >= calibration.BLOCK or state.was:
        calibration.learn(state.of_t, state.cur_t)
        calibration.learn(state.of_q, state.cur_q)
        calibration.learn(state.of_h, state.cur_h)
        state.block, state.cur_t, state.cur_q, state.cur_h = 0, 0.0, 0.0, 0.0


@compiled
def _take_axes(state: Record, floats: _Floats, p: int) -> float:
    """Eigenvectors of C, the strongest first, as many as are looked at; returns the variance of the others."""
    parts = _vectors(floats, p)
    sd, w, s = parts[_SD], parts[_W], parts[_S]
    c, axes = _matrix(floats, p, 0), _matrix(floats, p, 1)
    here = np.empty(p, np.int64)
    size = 0
    for i in range(p):
        if sd[i] > 0.0:
            here[size] = i
            size += 1
    inner, vectors = np.empty((size, size)), np.empty((size, size))
    for i in range(size):
        for j in range(i + 1):
            inner[i, j] = inner[j, i] = c[here[i], here[j]]
    diagonalise(inner, vectors)
    values = np.empty(size)
    for i in range(size):
        values[i] = inner[i, i]
    order = np.argsort(values)[::-1]
    total = max(values.sum(), TINY)
    kept = 0.0
    k = 0
    while k < size - 1 and (k == 0 or kept < VARIANCE_SHARE * total):
        best = order[k]
        kept += values[best]
        w[k] = max(values[best], W_MIN * total / size)
        axes[k, :] = 0.0
        for i in range(size):
            axes[k, here[i]] = vectors[best, i]
        k += 1
    for i in range(p):
        s[i] = c[i, i]
        for j in range(k):
            s[i] -= values[order[j]] * axes[j, i] * axes[j, i]
        s[i] = max(s[i], S_MIN * c[i, i], TINY)
    state.k, state.inside, state.stale = k, size, 0
    return float(max(total - kept, TINY))


@inlined
def _collect(state: Record, floats: _Floats, members: Rows, slots: Rows) -> None:
    """Take the row into the candidate."""
    p = slots.shape[0]
    parts = _vectors(floats, p)
    smooth, n, m, v, m_smooth = parts[_SMOOTH], parts[_N], parts[_M], parts[_V], parts[_M_SMOOTH]
    covariance = _matrix(floats, p, 2)
    if state.seen == 0:
        n[:] = 0.0
        covariance[:, :] = 0.0
    state.seen += 1
    settled = np.empty(p)  # smoothed x from its mean; and the weight of this row, 0 for who doesn't count yet
    weights = np.empty(p)
    for i in range(p):
        settled[i] = weights[i] = 0.0
        member = members[slots[i]]
        if member.present == 0:
            continue
        if n[i] == 0.0:
            m[i], v[i] = member.x, 0.0
            if state.k == 0 or floats[_SD * p + i] == 0.0:
                smooth[i] = member.x
            m_smooth[i] = smooth[i]
        n[i] += 1.0
        dx = member.x - m[i]
        m[i] += dx / n[i]
        v[i] = (1.0 - 1.0 / n[i]) * (v[i] + dx * dx / n[i])
        count = n[i] - SETTLING
        if count < 1.0:
            m_smooth[i] = smooth[i]
            continue
        weights[i] = 1.0 / count
        settled[i] = smooth[i] - m_smooth[i]
        m_smooth[i] += settled[i] * weights[i]
    for i in range(p):
        if weights[i] == 0.0:
            continue
        line = covariance[i]
        for j in range(i + 1):
            if weights[j] > 0.0:
                a = max(weights[i], weights[j])
                line[j] = (1.0 - a) * (line[j] + a * settled[i] * settled[j])


@inlined
def _limit_h(inside: int) -> float:
    return LIMIT_H * (2.0 * math.log(float(inside)) + 1.0)


@compiled
def _take_over(state: Record, floats: _Floats, p: int) -> None:
    """The candidate is what is usual now, for each sensor that was present in half of its rows."""
    parts = _vectors(floats, p)
    mean, sd, y, y_judged, centre = parts[_MEAN], parts[_SD], parts[_Y], parts[_Y_JUDGED], parts[_CENTRE]
    smooth, n, m, v, m_smooth = parts[_SMOOTH], parts[_N], parts[_M], parts[_V], parts[_M_SMOOTH]
    c, covariance = _matrix(floats, p, 0), _matrix(floats, p, 2)
    seen, state.seen = state.seen, 0
    inside = 0
    for i in range(p):
        inside += 2.0 * n[i] >= seen
    if inside < 2:
        return
    for i in range(p):
        if 2.0 * n[i] < seen:
            sd[i] = 0.0
            continue
        mean[i] = m[i]
        sd[i] = math.sqrt(v[i]) + 1e-9 + 1e-6 * abs(m[i])
        centre[i] = (m_smooth[i] - m[i]) / sd[i]
        y[i] = y_judged[i] = min(max((smooth[i] - m[i]) / sd[i], -Z_MAX), Z_MAX)
    for i in range(p):
        for j in range(i + 1):
            c[i, j] = covariance[i, j] / (sd[i] * sd[j]) if sd[i] > 0.0 and sd[j] > 0.0 else 0.0
    others = _take_axes(state, floats, p)
    state.limit_t, state.limit_q, state.limit_h = LIMIT * state.k, LIMIT * others, _limit_h(state.inside)
    if state.n == 0 or state.alarm:
        state.t = state.t_judged = 0.2 * state.limit_t
        state.q = state.q_judged = 0.2 * state.limit_q
        state.h = state.h_judged = 0.2 * state.limit_h
    if state.alarm:
        state.block = calibration.BLOCK - 1  # the alarm that ends with this is a block, as any other is
    state.n = max(state.n, 1)
    state.alarm, state.kept, state.was, state.why = 0, 0, 0, SERVING


@compiled
def shares(state: Record, floats: _Floats, p: int, out: Rows) -> None:
    """Each sensor's part in the newest row: how much of T2 / limit + SPE / limit it could take back by itself.

    With both as one square, d' M d, where M = V' diag(1 / (5.5 k w_j) - 1 / q_limit) V + I / q_limit, that is
    (M d)_i^2 / M_ii: it names a faulty sensor where plain parts of the sum smear over those that go with it.

    A sensor that isn't present has none.

    Args:
        out: dtype float32, shape (SENSORS_MAX,): sums to 1, or is all 0.

    Source: C. F. Alcala and S. J. Qin, Reconstruction-based contribution for process monitoring, 2009.
    """
    d, w = _vectors(floats, p)[_D], _vectors(floats, p)[_W]
    axes = _matrix(floats, p, 1)
    out[:] = 0.0
    if state.k == 0:
        return
    md, m = d / state.limit_q, np.full(p, 1.0 / state.limit_q)
    for j in range(state.k):
        axis = axes[j]
        factor = 1.0 / (state.limit_t * w[j]) - 1.0 / state.limit_q
        dot = 0.0
        for i in range(p):
            dot += axis[i] * d[i]
        for i in range(p):
            md[i] += factor * dot * axis[i]
            m[i] += factor * axis[i] * axis[i]
    parts = np.where(d == 0.0, 0.0, md * md / np.maximum(m, TINY))
    total = parts.sum()
    if total > 0.0:
        for i in range(p):
            out[i] = parts[i] / total
