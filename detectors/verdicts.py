"""What the learned detectors decided about one closed window, and how it is told as a finding.

The kernel of windows.py writes verdicts, fixed rows of numbers; here they become findings with names, ranges and
evidence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from contracts.findings import Expected, Finding, Kind, Share, Window
from detectors import episode
from detectors.combination import FAMILIES
from detectors.compiled import Record, inlined

if TYPE_CHECKING:
    from contracts.readings import Rows

__all__ = [
    "BY_HOLDING",
    "BY_LEVEL",
    "DRIFTED",
    "ENDED",
    "RAISED",
    "SETTLED",
    "SPIKE",
    "SPREAD",
    "VERDICT",
    "Subject",
    "anomaly_rule",
    "finding_of",
    "write",
]

VERDICT = np.dtype(
    [
        ("row", np.int64),  # index of the window
        ("onset", np.int64),  # ms since the epoch
        ("windows", np.int64),  # that were learned before, or that the alarm was held
        ("score", np.float64),  # L
        ("rank", np.float64),  # R
        ("z", np.float64),  # of found_by
        ("threshold", np.float64),  # of L or R
        ("raised_by", np.float64),  # of it, by people: in L
        ("mean", np.float64),  # that was expected
        ("sd", np.float64),
        ("moved_to", np.float64),  # level after a drift
        ("what", np.int32),
        ("why", np.int32),
        ("found_by", np.int32),  # index of what led when the alarm began: a family, or what raises by itself
    ],
    align=True,
)

RAISED, ENDED, DRIFTED, SETTLED = 0, 1, 2, 3
"""An anomaly began, or ended; a level has moved, and the new one is learned."""

BY_LEVEL, BY_HOLDING = 0, 1
"""Why a level counts as moved: drift.py found it, or an alarm was held until it was the new normal."""

SPIKE, SPREAD = len(FAMILIES), len(FAMILIES) + 1
"""What may raise by itself, beside all families together."""

_CHANNELS = (*FAMILIES, "spike", "spread")

SPREAD_SD = 3.0
_ENDED_BY = {episode.ENDED_CALM: "calm", episode.ENDED_HELD: "held", episode.ENDED_ABANDONED: "another model"}
_DRIFTED_BY = {BY_LEVEL: "level", BY_HOLDING: "held anomaly"}


@inlined
def write(
    verdicts: Rows,
    k: int,
    row: int,
    what: int,
    why: int,
    onset: int,
    windows: int,
    mean: float,
    sd: float,
    moved_to: float,
) -> Record:
    """Fill verdict k; the fields that only an anomaly has are 0."""
    verdict = verdicts[k]
    verdict.row, verdict.what, verdict.why, verdict.onset, verdict.windows = row, what, why, onset, windows
    verdict.mean, verdict.sd, verdict.moved_to = mean, sd, moved_to
    verdict.score, verdict.rank, verdict.z, verdict.threshold, verdict.raised_by = 0.0, 0.0, 0.0, 0.0, 0.0
    verdict.found_by = 0
    return verdict


class Subject(NamedTuple):
    """Whom a verdict is about."""

    asset: str
    sensor: str | None
    model: str | None
    """The River model that scored it; None: our own families."""
    ranked: bool
    """The policy judged by rank, not by the budget."""
    shares: tuple[Share, ...]


def anomaly_rule(sensor: str | None) -> str:
    """The rule of an anomaly: of a sensor, or of its asset as a whole."""
    return "asset" if sensor is None else "sensor"


def finding_of(verdict: Record, window: Record, subject: Subject, source: str) -> Finding:
    """The finding of one verdict.

    The expected range of an anomaly is m +- 3 sd of the smoothed value, as it was before the alarm; that of a drift is
    m +- 3 sd of the window means in the reference phase, at this hour of the day. A River model expects no range.
    """
    what = int(verdict["what"])
    anomaly = what in (RAISED, ENDED)
    evidence = _EVIDENCE[what](verdict, subject)
    mean, spread = float(verdict["mean"]), SPREAD_SD * float(verdict["sd"])
    abandoned = what == ENDED and int(verdict["why"]) == episode.ENDED_ABANDONED
    known = not anomaly or (subject.model is None and not abandoned)
    scored = anomaly and not abandoned
    return Finding(
        asset=subject.asset,
        sensor=subject.sensor,
        kind=Kind.ANOMALY if anomaly else Kind.DRIFT,
        rule=anomaly_rule(subject.sensor) if anomaly else "level",
        active=what in (RAISED, DRIFTED),
        onset_ts=int(verdict["onset"]),
        ts=int(window["end"]),
        value=None if subject.sensor is None else float(window["mean"]),
        expected=Expected(mean - spread, mean + spread) if known else Expected(),
        score=float(verdict["score"]) if scored else None,
        rank=float(verdict["rank"]) if scored else None,
        contributions=subject.shares,
        evidence=evidence,
        window=Window(int(window["start"]), int(window["end"]), int(window["count"])),
        source=source,
    )


_Evidence = dict[str, float | int | str | None]


def _found_by(verdict: Record, subject: Subject) -> str:
    return subject.model or _CHANNELS[int(verdict["found_by"])]


def _raised(verdict: Record, subject: Subject) -> _Evidence:
    evidence: _Evidence = {
        "found_by": _found_by(verdict, subject),
        "z": float(verdict["z"]),
        "policy": "ranked" if subject.ranked else "budget",
        "threshold": float(verdict["threshold"]),
        "windows": int(verdict["windows"]),
    }
    if verdict["raised_by"] > 0:
        evidence["threshold_raised"] = float(verdict["raised_by"])
    return evidence


def _ended(verdict: Record, subject: Subject) -> _Evidence:
    return {
        "found_by": _found_by(verdict, subject),
        "z": float(verdict["z"]),
        "ended_by": _ENDED_BY[int(verdict["why"])],
        "windows_held": int(verdict["windows"]),
    }


def _drifted(verdict: Record, _subject: Subject) -> _Evidence:
    before, latest, sd = float(verdict["mean"]), float(verdict["moved_to"]), float(verdict["sd"])
    return {
        "from": before,
        "to": latest,
        "change": latest - before,
        "change_sd": (latest - before) / sd,
        "found_by": _DRIFTED_BY[int(verdict["why"])],
        "windows": int(verdict["windows"]),
    }


def _settled(verdict: Record, _subject: Subject) -> _Evidence:
    return {"level": float(verdict["mean"]), "sd": float(verdict["sd"]), "windows": int(verdict["windows"])}


_EVIDENCE = {RAISED: _raised, ENDED: _ended, DRIFTED: _drifted, SETTLED: _settled}
