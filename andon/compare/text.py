"""Two runs side by side: for people, for `diff` and `grep`, and as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from andon.compare.matching import counts_by_kind
from andon.plain_text import one_line
from andon.printing import clock_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from andon.compare.matching import Matched
    from andon.replay.spans import AlarmSpan

__all__ = ["document_of", "lines_of", "shown"]

ALARMS_SHOWN = 200
"""On a terminal; the lines have all of them."""


def shown(matched: Matched, *, a: str, b: str, asset_days: float) -> Group:
    """What each run raises that the other doesn't, in order of time, then the counts.

    Args:
        a: what the first run is called.
        b: the second one.
        asset_days: recorded time of all assets.
    """
    alarms = Table(box=None, pad_edge=False)
    for head in ("raised", f"only {a}", f"only {b}"):
        alarms.add_column(head, overflow="fold")
    rows = list(_differences(matched))
    for mark, span in rows[:ALARMS_SHOWN]:
        words = one_line(f"{span.kind} {span.rule}: {span.message}")
        alarms.add_row(clock_of(span.raised_ts), words if mark == "-" else "", words if mark == "+" else "")
    more = len(rows) - ALARMS_SHOWN
    parts = [alarms] if rows else []
    told = [Text(f"and {more:,} more", style="dim")] if more > 0 else []
    return Group(*parts, *told, *([Text()] if rows else []), _counts(matched, a=a, b=b, asset_days=asset_days))


def _counts(matched: Matched, *, a: str, b: str, asset_days: float) -> Table:
    counts = Table(box=None, pad_edge=False)
    counts.add_column("alarms")
    for head in (f"only {a}", "both", f"only {b}", f"{a} per asset-day", f"{b} per asset-day"):
        counts.add_column(head, justify="right", overflow="fold")
    kinds = counts_by_kind(matched)
    total = (len(matched.only_a), len(matched.both), len(matched.only_b))
    for kind, (left, both, right) in [*kinds.items(), ("all", total)]:
        rates = (_rate(left + both, asset_days), _rate(both + right, asset_days))
        counts.add_row(kind, f"{left:,}", f"{both:,}", f"{right:,}", *rates)
    return counts


def lines_of(matched: Matched) -> Iterator[str]:
    """A line for each alarm that only one run raises: `-` the first, `+` the second."""
    for mark, span in _differences(matched):
        where = f"{span.asset} {span.sensor}" if span.sensor else span.asset
        yield one_line(f"{mark} {clock_of(span.raised_ts)}  {where}  {span.kind} {span.rule}  {span.message}")


def document_of(matched: Matched, *, tolerance_ms: int, asset_days: float) -> dict[str, Any]:
    """All of it."""
    return {
        "schema": 1,
        "same": not (matched.only_a or matched.only_b),
        "tolerance_ms": tolerance_ms,
        "asset_days": asset_days,
        "kinds": {
            kind: {"only_a": left, "both": both, "only_b": right}
            for kind, (left, both, right) in counts_by_kind(matched).items()
        },
        "only_a": [span._asdict() for span in matched.only_a],
        "only_b": [span._asdict() for span in matched.only_b],
        "both": len(matched.both),
    }


def _differences(matched: Matched) -> Iterator[tuple[str, AlarmSpan]]:
    marked = [*(("-", span) for span in matched.only_a), *(("+", span) for span in matched.only_b)]
    yield from sorted(marked, key=lambda one: (one[1].raised_ts, one[1].asset, one[1].sensor or "", one[0]))


def _rate(count: int, asset_days: float) -> str:
    return f"{count / asset_days:,.3g}" if asset_days else "–"
