"""A report as one page for a browser, a printer or a mail: it asks no host for anything, and runs no script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from andon.plain_text import one_line
from andon.printing import clock_of, lasting
from andon.report.plots import column_periods, priority_plot, rate_plot, top_plot
from andon.report.text import named, standing_of, summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from andon.report.figures import Counted, Figures
    from andon.report.targets import Verdict

__all__ = ["page"]

ROWS_MAX = 100
"""Of each list; how many more there are is said."""

# Colours of M. Okabe and K. Ito, which people with any sort of colour vision can tell apart.
_STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1a1a1a; --muted: #595959; --line: #d0d0d0;
  --bar: #0072b2; --target: #b34700; --flood: #9c4f80; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181c; --ink: #ececec; --muted: #b0b0b0; --line: #44484f;
  --bar: #56b4e9; --target: #e69f00; --flood: #d89cc0; } }
@media print { :root { color-scheme: light; --paper: #ffffff; --ink: #000000; --muted: #444444; --line: #bbbbbb;
  --bar: #0072b2; --target: #b34700; --flood: #9c4f80; } figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; } main { max-width: none; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .3rem 0; } .muted, caption, figcaption { color: var(--muted); }
figure { margin: 0; } svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; } th, td { text-align: left; padding: .25rem .7rem .25rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; } .number { text-align: right; white-space: nowrap; }
.missed { font-weight: bold; color: var(--target); } .met { color: var(--bar); }
.bar { fill: var(--bar); } .grid { stroke: var(--line); } .target { stroke: var(--target); stroke-width: 1.5;
  stroke-dasharray: 6 3; } .hatch { stroke: var(--flood); stroke-width: 2; } .flood { opacity: .55; }
.axis { fill: var(--muted); } .name, .figure { fill: var(--ink); } .target-name { fill: var(--target); }
"""


def page(figures: Figures, verdicts: Sequence[Verdict]) -> str:
    """The whole page."""
    site = ", ".join(map(one_line, figures.sites)) or "no site"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            # Whatever a name of an asset might say: nothing is fetched, nothing is run.
            """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">""",
            f"<title>Alarm report: {escape(site)}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            f"<h1>Alarm report: {escape(site)}</h1>",
            *(f"<p>{escape(line)}</p>" for line in summary(figures)),
            *_sections(figures, verdicts),
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _sections(figures: Figures, verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield "<h2>Against EEMUA 191 and ISA-18.2</h2>"
    yield from _judged(verdicts)
    yield "<h2>Alarms per ten minutes</h2>"
    yield f"<figure>{rate_plot(figures)}</figure>"
    if (width := column_periods(figures)) > 1:
        yield f'<p class="muted">Each column is the highest of {width} periods of ten minutes.</p>'
    shares = ", ".join(f"{share * 100:.3g} % above {above}" for above, share in figures.rate.share_above.items())
    yield f'<p class="muted">Of all ten-minute periods: {escape(shares)}. Times are UTC.</p>'
    if figures.top_ten:
        yield "<h2>Most frequent alarms</h2>"
        yield f"<figure>{top_plot(figures.top_ten)}</figure>"
        yield "<h2>Priorities</h2>"
        yield f"<figure>{priority_plot(figures.priorities)}</figure>"
    yield from _lists(figures)


def _judged(verdicts: Sequence[Verdict]) -> Iterator[str]:
    rows = (
        (verdict.name, verdict.shown, verdict.target, "" if verdict.met is None else _MET[verdict.met], verdict.why)
        for verdict in verdicts
    )
    yield '<div class="scroll"><table>'
    yield "<caption>For one person who watches.</caption>"
    yield _head(("figure", "value", "target", "judged"), numbers=(1,))
    yield "<tbody>"
    for name, value, target, word, why in rows:
        judged = f'<span class="{word.split()[-1]}">{word}</span>' if word else escape(why)
        yield (
            f'<tr><th scope="row">{escape(name)}</th><td class="number">{escape(value)}</td><td>{escape(target)}</td>'
            f"<td>{judged}</td></tr>"
        )
    yield "</tbody></table></div>"


_MET = {True: "✓ met", False: "✗ missed"}


def _lists(figures: Figures) -> Iterator[str]:
    floods = (
        (
            clock_of(flood.start_ts),
            standing_of(flood),
            f"{flood.raised:,}",
            f"{flood.peak_per_10min:,}",
            ", ".join(named(key) for key in flood.first_up),
            ", ".join(flood.top_assets),
        )
        for flood in figures.floods
    )
    head = ("began", "lasted", "alarms", "peak in 10 min", "first up", "most alarms")
    yield from _list("Floods", head, floods, numbers=(2, 3))
    yield from _alarms("Chattering: raised three times or more within 60 s", figures.chattering)
    yield from _alarms("Fleeting: over within 60 s, and not acknowledged", figures.fleeting)
    stale = (
        (
            named(one.alarm),
            one.priority.value,
            clock_of(one.since_ts),
            lasting(((figures.end_ts if one.until_ts is None else one.until_ts) - one.since_ts) / 1000),
            "no" if one.until_ts is None else "yes",
        )
        for one in figures.stale
    )
    yield from _list("Stale: active for more than a day", ("alarm", "priority", "since", "for", "over"), stale)
    if figures.held is not None:
        held = (
            (
                named(one.what.removesuffix("/hold")),
                one.sort.replace("_", " "),
                one.by,
                clock_of(one.since_ts),
                "" if one.until_ts is None else clock_of(one.until_ts),
                one.comment or "",
            )
            for one in figures.held
        )
        yield from _list("Held back now", ("what", "how", "by", "since", "until", "comment"), held)
    yield from _list("By kind", ("kind", "alarms"), _figures_of(figures.kinds), numbers=(1,))
    yield from _list("By asset", ("asset", "alarms"), _figures_of(figures.assets), numbers=(1,))


def _alarms(title: str, alarms: Iterable[Counted]) -> Iterator[str]:
    rows = ((named(one.alarm), f"{one.count:,}", f"{one.share * 100:.3g} %") for one in alarms)
    yield from _list(title, ("alarm", "count", "share"), rows, numbers=(1, 2))


def _figures_of(counts: dict[str, int]) -> Iterator[tuple[str, ...]]:
    return ((name, f"{count:,}") for name, count in counts.items())


def _list(
    title: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = ()
) -> Iterator[str]:
    """A heading and a table of names and figures, all of them escaped here; "none" without rows."""
    listed = list(rows)
    yield f"<h2>{escape(title)}</h2>"
    if not listed:
        yield "<p>none</p>"
        return
    yield f'<div class="scroll"><table>{_head(head, numbers=numbers)}<tbody>'
    for row in listed[:ROWS_MAX]:
        cells = (f"<td{_of_number(place, numbers)}>{escape(one_line(cell))}</td>" for place, cell in enumerate(row))
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"
    if len(listed) > ROWS_MAX:
        yield f'<p class="muted">and {len(listed) - ROWS_MAX:,} more</p>'


def _head(names: Sequence[str], *, numbers: Sequence[int]) -> str:
    cells = (f'<th scope="col"{_of_number(place, numbers)}>{escape(name)}</th>' for place, name in enumerate(names))
    return f"<thead><tr>{''.join(cells)}</tr></thead>"


def _of_number(place: int, numbers: Sequence[int]) -> str:
    return ' class="number"' if place in numbers else ""
