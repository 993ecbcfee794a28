"""The Tennessee Eastman process: which share of a fault's rows is noticed, frozen at 1 % false alarms, and live."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from benchmarks.accuracy.contenders.andon import Andon
from benchmarks.accuracy.contenders.any_sensor import AnySensor
from benchmarks.accuracy.contenders.frozen_group import FrozenGroup
from benchmarks.accuracy.contenders.pca import Pca
from benchmarks.accuracy.corpora.tep import FAULT_FROM, NORMAL_ROWS, live_streams, read_runs
from benchmarks.accuracy.laws import RESTARTS, prove
from benchmarks.accuracy.markdown import figure, paragraph, table
from benchmarks.accuracy.reports.report import Report, Size, us_per_value
from benchmarks.accuracy.runs import run
from benchmarks.accuracy.scorers.detection import Detection, detection_of, together

if TYPE_CHECKING:
    from benchmarks.accuracy.contenders.judged import Contender
    from benchmarks.accuracy.corpora.tep import Runs
    from benchmarks.accuracy.runs import Run
    from benchmarks.accuracy.streams import Flags, Floats, Stream

__all__ = ["report"]

FALSE = 0.01
SMOKE_FAULTS = (1, 3)
HARD = (3, 9, 15)
"""Faults that hardly show in the data, by all who have tried."""


class Monitor(Protocol):
    """Two statistics by which rows are judged, learned beforehand."""

    def statistics(self, rows: Floats) -> tuple[Floats, Floats]:
        """T2 and SPE of rows, shape (n, p)."""


class Frozen(NamedTuple):
    """What one monitor finds at 1 % false alarms."""

    name: str
    t2: Detection
    spe: Detection
    either: Detection
    """Each with limits at 1 %: together they have more."""
    together: Detection
    """1 % for both together."""


def report(folder: Path, *, size: Size, told: Callable[[str], None]) -> Report:
    """The monitors that are frozen after the normal run, and andon as a service."""
    smoke = size is Size.SMOKE
    runs = read_runs(folder)
    if smoke:
        runs = runs._replace(faulty={fault: runs.faulty[fault] for fault in SMOKE_FAULTS})
    ours = _frozen("andon's group monitor", FrozenGroup(runs.normal), runs)
    frozen = [
        ours,
        _frozen("PCA, 90 % of the variance", Pca(runs.normal), runs),
        _frozen("PCA, 85 % of the variance", Pca(runs.normal, 0.85), runs),
    ]
    told("frozen monitors are done")
    streams = live_streams(runs)
    andon = Andon("andon, ranked", 'policy = "ranked"')
    contenders: list[Contender] = [andon]
    if not smoke:
        default = Andon("andon, as it comes: 0.5 alarms a week")
        contenders += [default, AnySensor(andon), AnySensor(default)]
    live = [run(contender, streams, told) for contender in contenders]
    proof = prove(andon, streams, told, restarts=1 if smoke else RESTARTS)
    figures = {
        "t2": round(ours.t2.mean, 4),
        "spe": round(ours.spe.mean, 4),
        "either": round(ours.together.mean, 4),
        "far": round(100 * ours.together.false, 2),
        "either_with_limits_of_their_own": round(ours.either.mean, 4),
        "far_with_limits_of_their_own": round(100 * ours.either.false, 2),
        "live_detection": round(_live_detection(live[0], streams), 4),
        "live_far": round(100 * _live_false(live[0], streams), 2),
        "streams": proof.streams,
        "no_look_ahead": proof.prefix,
        "restart_changes_nothing": proof.restart,
        "us_per_value": round(us_per_value(live[0]), 2),
    }
    lines = [
        *paragraph(
            f"{len(runs.faulty)} faults, 52 variables, a row every 3 minutes. The share of a",
            "fault's rows that is noticed,",
            "mean over the faults. Frozen: the model is that of the 500 normal rows, and",
            "limits are set so that 1 % of the",
            "rows of the normal test run are above them: they know that run. Faults",
            f"{', '.join(map(str, HARD))} hardly",
            "show in the data.",
        ),
        *_frozen_table(frozen),
        "",
        *paragraph(
            "Live: andon meets the 500 normal rows and then a test run, goes on learning all",
            "the while, and a row counts",
            "as noticed while the asset's incident is active. It reports that something has",
            "begun, and takes what lasts",
            "for usual after a while; the share of rows asks for something else.",
        ),
        *_live_table(live, streams),
        "",
        *paragraph(
            f"No look ahead: {proof.prefix} of {proof.streams} runs. Restarts change nothing: {proof.restart} of",
            f"{proof.streams} runs.",
        ),
        *paragraph("By fault, in per cent of its rows:"),
        *_by_fault(frozen, live[0], streams),
    ]
    faulty = {stream.name: _faulty(stream) for stream in streams}
    return Report(lines, figures, live, streams, faulty, tuple(stream.name for stream in streams[:6]))


def _frozen(name: str, monitor: Monitor, runs: Runs) -> Frozen:
    normal = monitor.statistics(runs.normal_test)
    faulty = {fault: tuple(one[FAULT_FROM:] for one in monitor.statistics(rows)) for fault, rows in runs.faulty.items()}
    t2 = {fault: statistics[:1] for fault, statistics in faulty.items()}
    spe = {fault: statistics[1:] for fault, statistics in faulty.items()}
    return Frozen(
        name,
        t2=detection_of(normal[:1], t2, false=FALSE),
        spe=detection_of(normal[1:], spe, false=FALSE),
        either=detection_of(normal, faulty, false=FALSE),
        together=together(normal, faulty, false=FALSE),
    )


def _active(run_: Run, stream: Stream) -> Flags:
    active = run_.judged[stream.name].active
    assert active is not None, "andon has an alarm state"
    return active


def _live_detection(run_: Run, streams: Sequence[Stream]) -> float:
    """Mean over the faults of the share of faulty rows in alarm."""
    return float(np.mean([_active(run_, stream)[NORMAL_ROWS + FAULT_FROM :].mean() for stream in streams[1:]]))


def _live_false(run_: Run, streams: Sequence[Stream]) -> float:
    """Share of the rows in alarm of the run that has no fault, after those to learn from."""
    return float(_active(run_, streams[0])[NORMAL_ROWS:].mean())


def _noticed(run_: Run, streams: Sequence[Stream]) -> int:
    """Faults of which at least one row is in alarm."""
    return sum(bool(_active(run_, stream)[NORMAL_ROWS + FAULT_FROM :].any()) for stream in streams[1:])


def _faulty(stream: Stream) -> Flags:
    faulty = np.zeros(len(stream.times_ms), np.bool_)
    if not stream.name.endswith("-00"):
        faulty[NORMAL_ROWS + FAULT_FROM :] = True
    return faulty


def _frozen_table(frozen: Sequence[Frozen]) -> list[str]:
    header = ["frozen monitor", "T²", "SPE", "either, 1 % each", "false %", "either, 1 % together", "false %"]
    return table(
        header,
        [
            [
                one.name,
                figure(one.t2.mean, 3),
                figure(one.spe.mean, 3),
                figure(one.either.mean, 3),
                figure(100 * one.either.false),
                figure(one.together.mean, 3),
                figure(100 * one.together.false),
            ]
            for one in frozen
        ],
    )


def _live_table(live: Sequence[Run], streams: Sequence[Stream]) -> list[str]:
    header = ["live", "rows noticed", "faults noticed", "false %", "µs a value"]
    rows = [
        [
            one.name,
            figure(_live_detection(one, streams), 3),
            f"{_noticed(one, streams)} of {len(streams) - 1}",
            figure(100 * _live_false(one, streams)),
            figure(us_per_value(one)),
        ]
        for one in live
    ]
    return table(header, rows)


def _by_fault(frozen: Sequence[Frozen], live: Run, streams: Sequence[Stream]) -> list[str]:
    faults = list(frozen[0].t2.by_fault)
    rows: list[list[str]] = []
    for one in frozen:
        found: Mapping[int, float] = one.together.by_fault
        rows.append([f"{one.name}, 1 % together", *(figure(100 * found[fault], 0) for fault in faults)])
    shares = [_active(live, stream)[NORMAL_ROWS + FAULT_FROM :].mean() for stream in streams[1:]]
    rows.append([f"{live.name}, live", *(figure(100 * float(share), 0) for share in shares)])
    return table(["fault", *map(str, faults)], rows)
