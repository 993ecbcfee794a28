"""The level family with its policy, alarm state, calibration and drift in plain Python: slow, and easy to believe.

Written from the formulas, one value at a time, with no arrays and nothing compiled, so that tests can ask whether the
compiled detectors do what the formulas say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

HOUR_MS = 3_600_000


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
            d = clip(d, -5 * self.sd(), 5 * self.sd())
        a = max(1 / 8000, 1 / (n + 1))
        self.m += a * d
        self.v = (1 - a) * (self.v + a * d * d)


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


class Reference:
    """One series whose windows are all learned."""

    def __init__(self, *, ranked: bool, smallest_l: float = math.inf) -> None:
        self.ranked, self.smallest_l = ranked, smallest_l
        self.n = 0
        self.s = 0.0
        self.level = Tracker()
        self.recent: list[float] = []
        self.peaks = [0.0] * 16
        self.cur = 0.0
        self.u = 0.0
        self.age = 10**9
        self.alarm: dict[str, float] | None = None
        self.quantile, self.excess, self.width, self.blocks, self.above = 1.8, 0.3, 0.3, 10, 2
        self.mu, self.visits = [0.0] * 24, [0] * 24
        self.drift = PageHinkley()
        self.first = self.latest = 0

    def step(self, x: float, start: int, end: int) -> list[Event]:
        """Judge, then learn, one window."""
        events: list[Event] = []
        n = self.n
        before = (self.level.m, self.level.v)
        self.s += max(2 / 13, 1 / (n + 1)) * (x - self.s)
        z = abs(self.level.score(self.s, n)) if n >= 10 else 0.0
        self.recent = [*self.recent, min(6.0, z)][-6:]
        s = sum(self.recent) / len(self.recent)
        p = s / (1 + sum(self.peaks) / 16)
        if s > self.quantile:
            score = math.log10(5) + (s - self.quantile) / (self.excess * math.log(10))
        else:
            score = math.log10(5) * s / self.quantile

        self.u *= math.exp(-1 / 2400)
        self.age += 1
        strange = p >= 0.6 * (1 + 0.2 * self.u) if self.ranked else score >= self.smallest_l
        raises = strange and self.age >= 120
        if raises:
            self.age = 0
            self.u += 1
        held_too_long = False
        if self.alarm is not None:
            alarm = self.alarm
            alarm["held"] += 1
            calm = abs(self.s - alarm["m"]) / math.sqrt(alarm["v"] + 1e-24) < 3
            alarm["calm"] = alarm["calm"] + 1 if calm else 0
            held_too_long = alarm["calm"] < 12 and alarm["held"] > 480
            if alarm["calm"] >= 12 or held_too_long:
                events.append(Event("ended", n, int(alarm["onset"]), score, p))
                self.alarm = None
                if held_too_long and self.drift.onset is None:
                    self.drift.onset = int(alarm["onset"])
                    self.drift.start_over()
                    events.append(Event("drift", n, self.drift.onset))
        if raises and self.alarm is None and n >= 150:
            self.alarm = {"m": before[0], "v": before[1], "held": 0, "calm": 0, "onset": start}
            events.append(Event("raised", n, start, score, p))
        self.level.learn(self.s, n)
        self._remember(s)
        events += self._drift(x, start, end)
        self.latest = start
        self.n += 1
        return events

    def _remember(self, s: float) -> None:
        self.cur = max(self.cur, s)
        if self.n % 50 != 49:
            return
        y, self.cur = self.cur, 0.0
        self.peaks = sorted(peak * 0.5 ** (50 / 50_000) for peak in self.peaks)
        self.peaks[0] = max(self.peaks[0], y)
        self.blocks += 1
        a = max(1 / 200, 1 / self.blocks)
        self.width += a * (abs(y - self.quantile) - self.width)
        if y > self.quantile:
            self.above += 1
            self.excess = max(0.05, self.excess + max(1 / 40, 1 / self.above) * (y - self.quantile - self.excess))
            self.quantile += 1.6 * a * self.width
        else:
            self.quantile -= 0.4 * a * self.width
        self.quantile = max(self.quantile, 1e-3)

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
