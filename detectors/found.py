"""Findings as rows: what a kernel writes down, and what `samples` makes words of."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from detectors.compiled import inlined

__all__ = [
    "ASSET_SILENT",
    "FALL",
    "FLAT",
    "FOUND",
    "LIMIT_H",
    "LIMIT_HH",
    "LIMIT_L",
    "LIMIT_LL",
    "RISE",
    "SILENT",
    "TICKED",
    "Line",
    "write",
]

FOUND = np.dtype(
    [
        ("onset_ts", np.int64),
        ("ts", np.int64),
        ("value", np.float64),  # of the reading that decided; NaN: of none
        ("rate_per_s", np.float64),  # of RISE and FALL
        ("after_ms", np.int64),  # of SILENT and ASSET_SILENT
        ("last_ts", np.int64),  # of SILENT and ASSET_SILENT
        ("subject", np.int32),  # slot of the series; of ASSET_SILENT: number of the asset
        ("row", np.int32),  # of the reading in its block; TICKED: a tick caused it
        ("rule", np.uint8),
        ("active", np.uint8),
    ],
    align=True,
)


class Line(NamedTuple):
    """One row of FOUND, in plain numbers."""

    onset_ts: int
    ts: int
    value: float
    rate_per_s: float
    after_ms: int
    last_ts: int
    subject: int
    row: int
    rule: int
    active: int


LIMIT_HH: Final = 0
LIMIT_H: Final = 1
LIMIT_LL: Final = 2
LIMIT_L: Final = 3
RISE: Final = 4
FALL: Final = 5
FLAT: Final = 6
SILENT: Final = 7
ASSET_SILENT: Final = 8

TICKED: Final = -1


@inlined
def write(
    found: Any,
    count: int,
    rule: int,
    active: bool,  # noqa: FBT001 - compiled code knows no keywords
    subject: int,
    row: int,
    onset_ts: int,
    ts: int,
    value: float,
) -> int:
    """Write one row at `count`, with the parts that only some rules have at zero; returns the count after it."""
    line = found[count]
    line.rule = rule
    line.active = active
    line.subject = subject
    line.row = row
    line.onset_ts = onset_ts
    line.ts = ts
    line.value = value
    line.rate_per_s = 0.0
    line.after_ms = 0
    line.last_ts = 0
    return count + 1
