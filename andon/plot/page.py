"""A recording as one page for a browser: streams, expected ranges, alarms, labels and scores, to zoom into.

The page asks no host for anything. Its numbers lie in it packed: columns of float64, deflated, as text.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson

from andon.plain_text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from andon.plot.collector import Stream
    from andon.plot.thinning import Thinned
    from andon.replay.spans import AlarmSpan
    from andon.score.labels import Label
    from contracts.readings import Rows

__all__ = ["CHARTS_MAX", "Shown", "page"]

CHARTS_MAX = 120
"""Streams on one page; those with alarms or labels come first."""

ALARMS_MAX = 2_000
"""Alarms on one page, the first ones."""

SCORES = ("surprise", "threshold", "spike", "s", "p")
FAMILIES = ("level", "spread", "season", "shape")
WINDOW_COLUMNS = ("end", "x", "low", "high", *SCORES, *FAMILIES)
READING_COLUMNS = ("ts", "value")

GAP = 20
"""A pause of so many usual steps is drawn as a gap."""


class Shown(NamedTuple):
    """What a page shows."""

    title: str
    streams: Sequence[Stream]
    alarms: Sequence[AlarmSpan]
    labels: Sequence[Label]
    ranked: frozenset[tuple[str, str | None]]
    """Streams whose threshold is one of P."""
    notes: Sequence[str]
    """What a reader must know: what was left out."""


def page(shown: Shown) -> str:
    """The whole page."""
    document, columns = _document(shown)
    packed = base64.b64encode(zlib.compress(columns, 6)).decode()
    style = _file("page.css") + _uplot("uPlot.min.css")
    scripts = [_uplot("uPlot.iife.min.js"), _file("page.js")]
    allowed = " ".join(f"'sha256-{_checksum(script)}'" for script in scripts)
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src {allowed}"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            # Whatever a name of an asset might say: nothing is fetched, and no script runs but these two.
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            f"<title>{escape(shown.title)}</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            "<main>",
            f"<h1>{escape(one_line(shown.title))}</h1>",
            _HELP,
            _KEY,
            *(f'<p class="muted">{escape(one_line(note))}</p>' for note in document["notes"]),
            '<div id="charts"><noscript>The charts need JavaScript.</noscript></div>',
            '<h2>Alarms</h2><div class="scroll"><table id="alarms"></table></div>',
            '<h2>Labels</h2><div class="scroll"><table id="labels"></table></div>',
            "</main>",
            f'<script type="application/json" id="document">{_embedded(document)}</script>',
            f'<script type="text/plain" id="columns">{packed}</script>',
            *(f"<script>{script}</script>" for script in scripts),
            "</body>",
            "</html>",
            "",
        ]
    )


_HELP = (
    '<p class="muted">Drag over a chart to zoom all of them, double-click to see all. A name in a legend shows or '
    "hides its line. Times are UTC.</p>"
)
_KEY = (
    '<p class="muted"><span class="key alarm"></span> alarm <span class="key asset"></span> alarm of the asset '
    '<span class="key label"></span> label <span class="key band"></span> expected range</p>'
)


def _document(shown: Shown) -> tuple[dict[str, Any], bytes]:
    """What the page says in words, and all its columns one after another, float64 in little-endian order."""
    columns: list[NDArray[np.float64]] = []
    drawn = _chosen(shown)
    charts = [
        {
            "asset": stream.asset,
            "sensor": stream.sensor,
            "ranked": (stream.asset, stream.sensor) in shown.ranked,
            "readings": _place(stream.readings, _reading_columns(stream.readings), columns),
            "windows": _place(stream.windows, _window_columns(stream.windows), columns),
        }
        for stream in drawn
    ]
    document = {
        "charts": charts,
        "reading_columns": READING_COLUMNS,
        "window_columns": WINDOW_COLUMNS,
        "alarms": [
            {
                "raised": span.raised_ts,
                "cleared": span.cleared_ts,
                "asset": span.asset,
                "sensor": span.sensor,
                "kind": span.kind,
                "rule": span.rule,
                "priority": span.priority,
                "message": one_line(span.message),
            }
            for span in shown.alarms[:ALARMS_MAX]
        ],
        "labels": [
            {"start": label.start, "end": label.end, "assets": sorted(label.assets), "sensor": label.sensor}
            for label in shown.labels
        ],
        "notes": [*shown.notes, *_left_out(shown, drawn)],
    }
    return document, b"".join(column.astype("<f8").tobytes() for column in columns)


def _chosen(shown: Shown) -> list[Stream]:
    """The streams that are drawn: those that something is told of, then as many others as there is room for."""
    told = {(span.asset, span.sensor) for span in shown.alarms}
    told |= {(asset, label.sensor) for label in shown.labels if label.sensor for asset in label.assets}
    there = [stream for stream in shown.streams if stream.readings.seen or stream.windows.seen]
    first = [stream for stream in there if (stream.asset, stream.sensor) in told]
    kept = {id(stream) for stream in [*first, *(one for one in there if one not in first)][:CHARTS_MAX]}
    return [stream for stream in there if id(stream) in kept]


def _left_out(shown: Shown, drawn: Sequence[Stream]) -> list[str]:
    """What the page doesn't show, in words."""
    notes: list[str] = []
    thinned = [stream for stream in drawn if stream.readings.interval_ms or stream.windows.interval_ms]
    if thinned:
        longest = max(max(stream.readings.interval_ms, stream.windows.interval_ms) for stream in thinned)
        notes.append(
            f"{len(thinned):,} of {len(drawn):,} charts are thinned: of each interval, at most {longest / 1000:,.3g} s "
            "long, the first, lowest and highest values are drawn, and every window in which an alarm began."
        )
    there = sum(bool(stream.readings.seen or stream.windows.seen) for stream in shown.streams)
    if there > len(drawn):
        notes.append(f"{there - len(drawn):,} more streams aren't drawn: replay some of them by --sensor-columns.")
    if len(shown.alarms) > ALARMS_MAX:
        notes.append(f"{len(shown.alarms) - ALARMS_MAX:,} later alarms aren't shown.")
    return notes


def _place(thinned: Thinned, found: list[NDArray[np.float64]], columns: list[NDArray[np.float64]]) -> dict[str, Any]:
    """Append a table's columns, and say where they are."""
    place = sum(map(len, columns))
    columns += found
    return {
        "at": place,
        "rows": len(found[0]) if found else 0,
        "seen": thinned.seen,
        "interval_ms": thinned.interval_ms,
    }


def _reading_columns(thinned: Thinned) -> list[NDArray[np.float64]]:
    rows = thinned.rows()
    if rows is None:
        return []
    return _with_gaps(rows["ts"].astype(np.float64), [rows["value"]], interval_ms=thinned.interval_ms)


def _window_columns(thinned: Thinned) -> list[NDArray[np.float64]]:
    rows: Rows | None = thinned.rows()
    if rows is None:
        return []
    found = [rows[name] for name in ("x", "low", "high", *SCORES)]
    found += [rows["z"][:, family] for family in range(len(FAMILIES))]
    return _with_gaps(rows["end"].astype(np.float64), found, interval_ms=thinned.interval_ms)


def _with_gaps(
    ts: NDArray[np.float64], found: list[NDArray[np.float64]], *, interval_ms: int
) -> list[NDArray[np.float64]]:
    """Columns with a row of NaN where a series paused: a line across a silence would be a lie."""
    if len(ts) < 3:
        return [ts, *found]
    steps = np.diff(ts)
    usual = max(float(np.median(steps)), float(interval_ms), 1.0)
    after = np.flatnonzero(steps > GAP * usual)
    return [
        np.insert(ts, after + 1, ts[after] + 1),
        *(np.insert(column.astype(np.float64), after + 1, np.nan) for column in found),
    ]


def _embedded(document: dict[str, Any]) -> str:
    """JSON that can't end the script it stands in, whatever a name says."""
    return orjson.dumps(document).decode().replace("<", "\\u003c")


def _file(name: str) -> str:
    return (files("andon.plot") / name).read_text(encoding="utf-8")


def _uplot(name: str) -> str:
    return (files("console") / "static" / "vendor" / "uplot" / name).read_text(encoding="utf-8")


def _checksum(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
