"""The four families with their policy, alarm state, calibration and drift in plain Python: slow, and easy to believe.

Written from the formulas, one value at a time, with no arrays and nothing compiled, so that tests can ask whether the
compiled detectors do what the formulas say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

HOUR_MS = 3_600_000


def short(x: float) -> float:
    """x as it is kept in 32 bits."""
    return float(np.float32(x))


def clip(x: float, low: float, high: float) -> float:
    """x, not below low and not above high."""
    return min(max(x, low), high)


@dataclass
class Tracker:
    """Mean and variance of y, its score against them."""

    m: float = 0.0
    v: float = 0.0

    def sd(self) -> float:
        """Spread with its floor."""
        return max(math.sqrt(self.v), 1e-9 * abs(self.m) + 1e-12)

    def score(self, y: float, n: int) -> float:
        """Sigmas from the mean."""
        return clip((y - self.m) / self.sd(), -50, 50) if n else 0.0

    def learn(self, y: float, n: int) -> None:
        """Take y in."""
        if n == 0:
            self.m = y
        d = y - self.m
        if n >= 100:
            d = clip(d, -10 * self.sd(), 10 * self.sd())
        a = max(1 / 8000, 1 / (n + 1))
        self.m += a * d
        self.v = (1 - a) * (self.v + a * d * d)


@dataclass
class Spread:
    """How much values differ from the ones before."""

    tracker: Tracker = field(default_factory=Tracker)
    x_prev: float = 0.0
    short: float = 0.0
    long: float = 0.0
    y: float = 0.0

    def softened(self, z: float, n: int) -> float:
        """What of z2 is heard in S."""
        return z * math.sqrt(self.tracker.v / (self.tracker.v + 3000 / (n + 1)))

    def score(self, x: float, n: int) -> float:
        """z2."""
        d = x - self.x_prev if n else 0.0
        self.x_prev = x
        self.short += max(2 / 25, 1 / (n + 1)) * (d * d - self.short)
        self.long += max(1 / 8000, 1 / (n + 1)) * (d * d - self.long)
        self.y = math.log(self.short + 1e-4 * self.long + 1e-24)
        return abs(self.tracker.score(self.y, n - 30)) if n >= 60 else 0.0


@dataclass
class Season:
    """How far values are from those of their hour of the day, which are followed elsewhere."""

    tracker: Tracker = field(default_factory=Tracker)
    g: float = 0.0
    rho: float = 0.0

    def score(self, x: float, n: int, usual: float | None) -> float:
        """z3; `usual` of this hour, None: it was never seen."""
        self.g += max(1 / 1000, 1 / (n + 1)) * (x - self.g)
        r = x - (self.g if usual is None else usual)
        self.rho += max(2 / 6, 1 / (n + 1)) * (r - self.rho)
        return abs(self.tracker.score(self.rho, n))


@dataclass
class Scale:
    """How far the newest 8 blocks are from the nearest 8 blocks of before, among so many; z from the `first` y on."""

    patterns: int
    smallest: float
    first: int
    blocks: list[float] = field(default_factory=list)
    m: float = 0.0
    v: float = 0.0
    known: int = 0
    z: float = 0.0

    def enter(self, mean: float) -> None:
        """Another block is full."""
        self.blocks.append(round(mean * 3000) / 3000)
        j = len(self.blocks) - 1
        ends = range(max(7, j - self.patterns - 8), j - 9 + 1)
        if len(ends) < 4:
            return
        newest = self.blocks[j - 7 : j + 1]
        y = min(math.dist(newest, self.blocks[e - 7 : e + 1]) for e in ends)
        if self.known == 0:
            self.m = y
        d = y - self.m
        if self.known >= self.first:
            self.z = clip(d / max(math.sqrt(self.v), 1e-3 * abs(self.m) + 1e-9), 0, 50)
        a = max(self.smallest, 1 / (self.known + 1))
        self.m += a * d
        self.v = (1 - a) * (self.v + a * d * d)
        self.known += 1


@dataclass
class Shape:
    """What is stranger: the course of the newest 48 values, or that of the newest 144."""

    mean: float = 0.0
    variance: float = 0.0
    open_block: list[float] = field(default_factory=list)
    fine: Scale = field(default_factory=lambda: Scale(128, 6 / 8000, 5))
    coarse: Scale = field(default_factory=lambda: Scale(96, 18 / 8000, 30))

    def score(self, x: float, n: int) -> float:
        """z4."""
        if n == 0:
            self.mean = x
        d, a = x - self.mean, max(1e-4, 1 / (n + 1))
        self.mean += a * d
        self.variance = (1 - a) * (self.variance + a * d * d)
        sd = math.sqrt(self.variance)
        self.open_block.append(clip((x - self.mean) / sd, -10, 10) if sd > 1e-12 else 0.0)
        if len(self.open_block) == 6:
            self.fine.enter(math.fsum(self.open_block) / 6)
            self.open_block = []
            if len(self.fine.blocks) % 3 == 0:
                self.coarse.enter(math.fsum(self.fine.blocks[-3:]) / 3)
        return max(self.fine.z, self.coarse.z)


@dataclass
class Hourly:
    """How strange each hour of the day usually gets."""

    usual: list[float] = field(default_factory=lambda: [0.0] * 24)
    hour: int | None = None
    largest: float = 0.0

    def beyond(self, s: float, b: int) -> float:
        """S."""
        return max(0.0, s - max(0.0, self.usual[b] - 2 * sum(self.usual) / 24))

    def learn(self, s: float, b: int) -> None:
        """Take a window in."""
        if b != self.hour:
            if self.hour is not None:
                before = self.usual[self.hour]
                self.usual[self.hour] = round(30 * (before + 0.3 * (self.largest - before))) / 30
            self.hour, self.largest = b, 0.0
        self.largest = max(self.largest, short(s))


@dataclass
class Jump:
    """How large the step from the value before is, beside what is usual, and usual at this hour."""

    usual: float = 0.0
    of_hour: list[float] = field(default_factory=lambda: [0.0] * 24)

    def score(self, x: float, d: float, n: int, b: int, visits: int) -> float:
        """K."""
        scale = 0.4 * self.usual + 0.6 * min(self.of_hour[b], 4 * self.usual) if visits >= 20 else self.usual
        return min(1000.0, abs(d) / (1.2533 * scale + 1e-9 * abs(x) + 1e-12)) if n > 10 else 0.0

    def learn(self, d: float, n: int, b: int, visits: int, hours: float) -> None:
        """Take d in."""
        f = min(abs(d), 5 * 1.2533 * self.usual) if n >= 100 else abs(d)
        self.usual += max(1 / 8000, 1 / (n + 1)) * (f - self.usual)
        a = max(1 - 0.85**hours, 1 / (visits + 1))
        self.of_hour[b] = float(np.float32(self.of_hour[b] + a * (f - self.of_hour[b])))


@dataclass
class Calibration:
    """How seldom a block of scores has one as high as this."""

    size: int
    lowest: float
    memory: float
    excesses: float
    u: float
    e: float
    prior: float
    margin: float
    lag: int
    blocks: int = 3
    above: int = 2
    pairs: int = 0
    block: list[float] = field(default_factory=list)
    past: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """What follows from the rest."""
        self.u, self.e, self.xi = short(self.u), short(self.e), short(self.prior)
        self.w, self.b = self.e, short(self.e * (1 - self.prior) / (2 - self.prior))

    def tail(self, y: float) -> float:
        """ln of how much rarer u + y is than u."""
        sigma = self.e * (1 - self.xi)
        return math.log(1 + self.xi * y / sigma) / self.xi if self.xi > 1e-3 else y / sigma

    def surprise(self, s: float) -> float:
        """L."""
        if s > self.u:
            return self.lowest + self.tail(s - self.u) / math.log(10)
        return self.lowest * s / self.u

    def learn(self, s: float) -> float | None:
        """Take a score in; at the end of a block return its largest."""
        self.block.append(short(s))
        if len(self.block) < self.size:
            return None
        y, self.block = max(self.block), []
        self.learn_block(y)
        return y

    def learn_block(self, y: float) -> None:
        """Take in the largest score of a block."""
        span, sigma = (2.4 - self.lowest) * math.log(10), self.e * (1 - self.xi)
        kept = min(y, self.u + sigma * ((math.exp(self.xi * span) - 1) / self.xi if self.xi > 1e-3 else span))
        self.blocks += 1
        a = max(1 / self.memory, 1 / self.blocks)
        w = self.w + a * (abs(kept - self.u) - self.w)
        self.w = short(w)
        if y > self.u:
            self._learn_excess(kept - self.u)
            self.u += 1.6 * a * w
        else:
            self.u -= 0.4 * a * w
        self.u = short(max(self.u, 1e-3))

    def _learn_excess(self, x: float) -> None:
        self.above += 1
        e, b = max(0.05, self.e + max(1 / self.excesses, 1 / self.above) * (x - self.e)), self.b
        if len(self.past) >= self.lag:
            self.pairs += 1
            share = max(1 / self.excesses, 1 / (self.pairs + 2))
            b += share * (min(x, self.past[-self.lag]) - b)
        self.past.append(short(x))
        self.e, self.b = short(e), short(b)
        b, k = clip(b, 0.05 * e, 0.95 * e), min(self.pairs, self.excesses)
        xi = (k * (2 - e / (e - b)) + 20 * self.prior) / (k + 20) + self.margin
        self.xi = short(clip(xi, 0, 0.8))


@dataclass
class PageHinkley:
    """Two-sided, after a reference phase of 500; events are "drift" and "settled"."""

    reference: list[float] = field(default_factory=list)
    m: float = 0.0
    sd: float = 1.0
    f: float = 1.0
    count: int = 0
    mean: float = 0.0
    up: float = 0.0
    up_min: float = 0.0
    down: float = 0.0
    down_max: float = 0.0
    rise: int = 0
    fall: int = 0
    onset: int | None = None
    testing: bool = False
    mode: str = "waiting"

    def start_over(self) -> None:
        """Begin the reference phase."""
        self.reference, self.testing = [], False

    def step(self, r: float, end: int, mode: str) -> str | None:
        """Take in one value."""
        if mode != self.mode:
            self.mode = mode
            self.start_over()
        if self.testing and mode == "waiting":
            self.start_over()
        if not self.testing:
            return self._refer(r, end)
        z = clip((r - self.m) / self.sd, -4, 4)
        self.count += 1
        self.mean += (z - self.mean) / self.count
        self.up += z - self.mean - 0.25
        self.down += z - self.mean + 0.25
        if self.up <= self.up_min:
            self.up_min, self.rise = self.up, end
        if self.down >= self.down_max:
            self.down_max, self.fall = self.down, end
        rises, falls = self.up - self.up_min > 20 * self.f, self.down_max - self.down > 20 * self.f
        if not rises and not falls:
            return None
        self.onset = self.rise if rises else self.fall
        self.start_over()
        return "drift"

    def _refer(self, r: float, end: int) -> str | None:
        self.reference.append(r)
        if len(self.reference) < 500:
            return None
        self.m = math.fsum(self.reference) / 500
        v = math.fsum((x - self.m) ** 2 for x in self.reference) / 500
        self.sd = max(math.sqrt(v), 1e-9 * abs(self.m) + 1e-12)
        cx = math.fsum((b - a) ** 2 for a, b in zip(self.reference, self.reference[1:], strict=False))
        rho = clip(1 - cx / (499 * 2 * v), 0, 0.95) if v > 0 else 0.0
        self.f = (1 + rho) / (1 - rho)
        self.count, self.mean, self.up, self.up_min, self.down, self.down_max = 500, 0.0, 0.0, 0.0, 0.0, 0.0
        self.rise = self.fall = end
        self.testing = True
        return "settled" if self.onset is not None else None


@dataclass
class Event:
    """What happened in one window."""

    what: str
    row: int
    onset: int
    score: float = 0.0
    rank: float = 0.0


class Judged(NamedTuple):
    """What was made of one window."""

    z: tuple[float, float, float, float]
    s: float
    p: float
    surprise: float
    spike: float
    restless: float


class Reference:
    """One series whose windows are all learned."""

    def __init__(self, *, ranked: bool, smallest_l: float = math.inf) -> None:
        self.ranked, self.smallest_l = ranked, smallest_l
        self.n = 0
        self.s = 0.0
        self.level = Tracker()
        self.spread, self.season, self.shape = Spread(), Season(), Shape()
        self.judged: list[Judged] = []
        """Of each window."""
        self.recent: list[float] = []
        self.hourly = Hourly()
        self.peaks = [0.3] * 16
        self.jump = Jump()
        self.calibration = Calibration(50, math.log10(5), 400, 80, u=1.2, e=0.3, prior=0.0, margin=0.25, lag=2)
        self.jumps = Calibration(10, 0.0, 1000, 200, u=2.0, e=0.5, prior=0.2, margin=0.15, lag=1)
        self.spreads = Calibration(50, math.log10(5), 400, 80, u=2.0, e=0.5, prior=0.2, margin=0.1, lag=1)
        self.spread_block: list[float] = []
        self.u = 0.0
        self.age = 10**9
        self.alarm: dict[str, float] | None = None
        self.mu, self.visits = [0.0] * 24, [0] * 24
        self.drift = PageHinkley()
        self.first = self.latest = 0

    def step(self, x: float, start: int, end: int) -> list[Event]:
        """Judge, then learn, one window."""
        events: list[Event] = []
        n = self.n
        before = (self.level.m, self.level.v, self.spread.tracker.m, self.spread.tracker.v)
        b = start // HOUR_MS % 24
        self.s += max(2 / 13, 1 / (n + 1)) * (x - self.s)
        d = x - self.spread.x_prev if n else 0.0
        z1, z2 = abs(self.level.score(self.s, n)), self.spread.score(x, n)
        z3 = self.season.score(x, n, self.mu[b] if self.visits[b] else None)
        z = (z1, self.spread.softened(z2, n), z3, self.shape.score(x, n))
        s0 = math.fsum(min(8.0, part) for part in z) / 4 if n >= 10 else 0.0
        self.recent = [*self.recent, short(s0)][-4:]
        as_it_is = sum(self.recent) / len(self.recent)
        s = self.hourly.beyond(as_it_is, b)
        p = s / (1.5 + sum(self.peaks) / 16)
        k = self.jump.score(x, d, n, b, self.visits[b])
        spike = self.jumps.surprise(k)
        restless = self.spreads.surprise(z2) if self.spreads.blocks >= 9 else 0.0
        p = max(p, spike / 4, restless / 4)
        surprise = max(self.calibration.surprise(s) - math.log10(2), max(spike, restless) - math.log10(4))
        score = max(surprise, 0.0)

        self.judged.append(Judged(z, s, p, surprise, spike - math.log10(4), restless - math.log10(4)))

        self.u *= math.exp(-1 / 1200)
        self.age += 1
        smallest_l = min(self.smallest_l, max(math.log10((n + 1) / 50 / 0.02), 2))
        strange = p >= 0.58 * (1 + 0.2 * self.u) if self.ranked else surprise >= smallest_l
        far_stranger = not self.ranked and self.alarm is None and surprise >= smallest_l + 1
        raises = (strange and self.age >= 120) or far_stranger
        if raises:
            self.age = 0
            self.u += 1
        held_too_long = False
        if self.alarm is not None:
            alarm = self.alarm
            alarm["held"] += 1
            away = abs(self.s - alarm["m"]) / math.sqrt(alarm["v"] + 1e-24)
            restless = abs(self.spread.y - alarm["m_b"]) / math.sqrt(alarm["v_b"] + 1e-24)
            alarm["peak"], alarm["peak_b"] = short(max(alarm["peak"], away)), short(max(alarm["peak_b"], restless))
            calm = away < max(3, 0.4 * alarm["peak"]) and restless < max(3, 0.4 * alarm["peak_b"])
            alarm["calm"] = alarm["calm"] + 1 if calm else 0
            held_too_long = alarm["calm"] < 12 and alarm["held"] > 480
            if alarm["calm"] >= 12 or held_too_long:
                events.append(Event("ended", n, int(alarm["onset"]), score, p))
                self.alarm = None
                if held_too_long and self.drift.onset is None and away >= 3:
                    self.drift.onset = int(alarm["onset"])
                    self.drift.start_over()
                    events.append(Event("drift", n, self.drift.onset))
        if raises and self.alarm is None and n >= 150:
            m, v, m_b, v_b = before
            self.alarm = {"m": m, "v": v, "m_b": m_b, "v_b": v_b, "held": 0, "calm": 0, "onset": start}
            self.alarm |= {"peak": 0.0, "peak_b": 0.0}
            events.append(Event("raised", n, start, score, p))
        self.level.learn(self.s, n)
        self._learn_spread(z2)
        self.season.tracker.learn(self.season.rho, n)
        hours = clip(start - self.latest, 0, HOUR_MS) / HOUR_MS if n else 1.0
        self.jump.learn(d, n, b, self.visits[b], hours)
        self.jumps.learn(k)
        self.hourly.learn(as_it_is, b)
        self._remember(s)
        events += self._drift(x, start, end)
        self.latest = start
        self.n += 1
        return events

    def _learn_spread(self, z: float) -> None:
        n = self.n
        if n < 30:
            return
        self.spread.tracker.learn(self.spread.y, n - 30)
        self.spread_block.append(short(z))
        if n % 50 == 49:
            if n > 50:
                self.spreads.learn_block(max(self.spread_block))
            self.spread_block = []

    def _remember(self, s: float) -> None:
        y = self.calibration.learn(s)
        if y is None:
            return
        self.peaks = sorted(peak * 0.5 ** (50 / 50_000) for peak in self.peaks)
        self.peaks[0] = max(self.peaks[0], y)

    def _drift(self, x: float, start: int, end: int) -> list[Event]:
        if self.n == 0:
            self.first = start
        b = start // HOUR_MS % 24
        complete = all(self.visits)
        offset = self.mu[b] - sum(self.mu) / 24 if complete else 0.0
        mode = "waiting" if start - self.first < 3 * 24 * HOUR_MS else "centred" if complete else "raw"
        what = self.drift.step(x - offset, end, mode)
        hours = clip(start - self.latest, 0, HOUR_MS) / HOUR_MS if self.n else 1.0
        a = max(1 - 0.7**hours, 1 / (self.visits[b] + 1))
        self.mu[b] += a * (x - self.mu[b])
        self.visits[b] += 1
        if what is None:
            return []
        onset = self.drift.onset
        assert onset is not None, "an event of the drift detector is about a drift"
        if what == "settled":
            self.drift.onset = None
        return [Event(what, self.n, onset)]
