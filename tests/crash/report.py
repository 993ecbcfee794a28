"""What came of it: a table for people, and one JSON object for programs."""

from __future__ import annotations

from collections import Counter, defaultdict
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from tests.crash.faults import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.crash.bench import Round

__all__ = ["failures", "summary", "table"]

BEFORE = -1
"""The number of the fault during which things happen that happen before the first one."""
MEMORY_MB_MAX = 1024
"""Of one process: a service of 2,000 series that needs more has a leak, or reads without a bound."""


def table(rounds: Sequence[Round]) -> str:
    """One line for each sort of fault, as Markdown."""
    resumes: dict[str, list[float]] = defaultdict(list)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for round_ in rounds:
        for outcome in round_.outcomes:
            resumes[outcome.name].append(outcome.resume_s)
        for what in ("lost", "doubled", "repeated"):
            for number, count in getattr(round_.verdict, what).items():
                name = round_.outcomes[number].name if number != BEFORE else "(before the first)"
                counts[name][what] += count
    lines = ["| fault | times | lost | doubled | written again | alerts flow again after, p50 | p99 |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name in [*FAULTS, "(before the first)"]:
        if name in resumes or name in counts:
            seconds = resumes[name]
            times = f"{_share(seconds, 50):.1f} s | {_share(seconds, 99):.1f} s" if seconds else "– | –"
            told = counts[name]
            lines.append(
                f"| {name} | {len(seconds)} | {told['lost']} | {told['doubled']} | {told['repeated']} | {times} |"
            )
    return "\n".join(lines)


def summary(rounds: Sequence[Round]) -> dict[str, Any]:
    """The totals."""
    seconds = [outcome.resume_s for round_ in rounds for outcome in round_.outcomes]
    return {
        "faults": len(seconds),
        "lost": sum(round_.verdict.lost.total() for round_ in rounds),
        "doubled": sum(round_.verdict.doubled.total() for round_ in rounds),
        "resume_s_p50": round(_share(seconds, 50), 1),
        "resume_s_p99": round(_share(seconds, 99), 1),
        "written_again": sum(round_.verdict.repeated.total() for round_ in rounds),
        "states_differing": sum(len(round_.verdict.states) for round_ in rounds),
        "untold": sum(bool(outcome.missing) for round_ in rounds for outcome in round_.outcomes),
        "alerts": sum(round_.alerts for round_ in rounds),
        "readings": sum(round_.readings for round_ in rounds),
        "memory_mb_max": round(max((round_.memory_mb_max for round_ in rounds), default=0)),
    }


def failures(rounds: Sequence[Round]) -> Iterator[str]:
    """All that isn't as it should be, a line each."""
    for round_ in rounds:
        verdict = round_.verdict
        if not verdict.clean:
            yield f"{verdict.lost.total()} lost, {verdict.doubled.total()} doubled, {len(verdict.states)} states differ"
        yield from verdict.examples
        for outcome in round_.outcomes:
            if outcome.missing:
                yield f"{outcome.name}: nothing in the log says {outcome.missing!r}"
        if round_.memory_mb_max > MEMORY_MB_MAX:
            yield f"a process took {round_.memory_mb_max:.0f} MB"
        if not round_.alerts:
            yield "nothing was told in the undisturbed run: there was nothing to compare"


def _share(seconds: Sequence[float], percent: int) -> float:
    """A percentile; of few values the nearest one that there is."""
    if len(seconds) < 2:
        return seconds[0] if seconds else 0.0
    return quantiles(seconds, n=100, method="inclusive")[percent - 1]
