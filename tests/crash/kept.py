"""Rounds as lines of a file, so that runs of different days and seeds add up to one table."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.crash.bench import Outcome, Round
from tests.crash.judge import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["keep", "kept"]


def keep(file: Path, round_: Round) -> None:
    """Add a round at the end of a file."""
    verdict = round_.verdict
    row = {
        "outcomes": [outcome._asdict() for outcome in round_.outcomes],
        "verdict": {name: getattr(verdict, name) for name in Verdict.__dataclass_fields__},
        **{name: getattr(round_, name) for name in ("alerts", "readings", "memory_mb_max", "processes")},
    }
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(row) + "\n")


def kept(file: Path) -> list[Round]:
    """All rounds of a file; none if it isn't there."""
    if not file.exists():
        return []
    return [_round(json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


def _round(row: dict[str, Any]) -> Round:
    verdict = row.pop("verdict")
    return Round(
        outcomes=tuple(Outcome(**outcome) for outcome in row.pop("outcomes")),
        verdict=Verdict(
            **{name: _counted(verdict[name]) for name in ("lost", "doubled", "repeated")},
            **{name: tuple(verdict[name]) for name in ("states", "examples")},
        ),
        **row,
    )


def _counted(counts: Mapping[str, int]) -> Counter[int]:
    return Counter({int(number): count for number, count in counts.items()})
