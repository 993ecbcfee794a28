"""`python -m benchmarks.accuracy`: what andon finds, and what it calls wrongly, on public recordings with labels.

Recordings are read from the folder that ANDON_CORPORA names (nab/, skab/, tep/), and noise is drawn. Each contender is
given the rows in their order, without labels; andon gets them through its own dataflow. Tables go to stdout, and
everything else into a folder: scores and alarms of every row as CSV, figures as JSON, the tables, and plots. The last
line is one JSON object.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.accuracy.corpora.folder import SOURCES, MissingCorpusError, corpora_folder, corpus_folder
from benchmarks.accuracy.markdown import paragraph
from benchmarks.accuracy.plots import write_plots
from benchmarks.accuracy.reports import nab, noise, skab, tep
from benchmarks.accuracy.reports.report import Size
from benchmarks.accuracy.results import write_run

if TYPE_CHECKING:
    from benchmarks.accuracy.reports.report import Report

REPORTS = {"nab": nab.report, "skab": skab.report, "tep": tep.report, "noise": noise.report}
TITLES = {
    "nab": "NAB: one sensor",
    "skab": "SKAB: a water circuit with eight sensors",
    "tep": "Tennessee Eastman: a chemical plant with 52 sensors",
    "noise": "Noise: budgets and drift",
}
TABLES = "tables.md"
VERSIONS = ("andon", "bytewax", "numba", "numpy", "river")
BEGIN, END = "<!-- make bench-accuracy: from here -->", "<!-- make bench-accuracy: to here -->"


@click.command(help=__doc__)
@click.option("--corpus", type=click.Choice([*REPORTS, "all"]), default="all", show_default=True)
@click.option(
    "--size",
    type=click.Choice([size.value for size in Size]),
    default=Size.USUAL.value,
    show_default=True,
    help="smoke: does it still run? full: with contenders that take long.",
)
@click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/accuracy"),
    show_default=True,
    help="Where scores, figures, tables and plots are written.",
)
@click.option(
    "--page",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A Markdown page whose part between the marks is replaced by the tables of all corpora in the results.",
)
def main(corpus: str, *, size: str, results: Path, page: Path | None) -> None:
    """Measure, print and write; the last line is one JSON object."""
    names = list(REPORTS) if corpus == "all" else [corpus]
    try:
        corpora = corpora_folder()
        folders = {name: corpus_folder(corpora, name) if name in SOURCES else corpora for name in names}
    except MissingCorpusError as error:
        raise click.ClickException(str(error)) from error
    if page is not None:
        _parts(page)  # a page without the marks is refused before the work, not after it
    figures: dict[str, dict[str, Any]] = {}
    for name in names:
        began = time.monotonic()
        report = REPORTS[name](folders[name], size=Size(size), told=_tell)
        seconds = time.monotonic() - began
        figures[name] = {"corpus": name, **report.figures, "seconds": round(seconds, 1)}
        tables = "\n".join([f"### {TITLES[name]}", "", *_setting(), *report.lines, ""])
        print(tables, flush=True)
        _write(results / name, report, figures[name], tables)
    if page is not None:
        before, after = _parts(page)
        known = [file.read_text(encoding="utf-8") for name in REPORTS if (file := results / name / TABLES).exists()]
        page.write_text("\n".join([f"{before}{BEGIN}", "", *known, f"{END}{after}"]), encoding="utf-8")
    _tell(f"scores, alarms, figures, tables and plots are in {results}")
    print(json.dumps(figures[corpus] if corpus != "all" else {"corpus": "all", **figures}), flush=True)


def _setting() -> list[str]:
    """When, where and with what."""
    versions = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    return paragraph(
        f"Measured {datetime.now(UTC):%Y-%m-%d} with Python {platform.python_version()}, {versions}, on",
        f"{os.cpu_count()} cores with a load of {os.getloadavg()[0]:.1f}: times say little,",
        "figures don't depend on it.",
    )


def _write(folder: Path, report: Report, figures: dict[str, Any], tables: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for one in report.runs:
        write_run(folder, one, report.streams)
    if report.runs:
        _draw(folder, report)
    (folder / TABLES).write_text(tables, encoding="utf-8")
    (folder / "figures.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _draw(folder: Path, report: Report) -> None:
    drawn = [stream for stream in report.streams if stream.name in report.drawn]
    write_plots(folder / "plots", drawn, report.runs[0].judged, report.faulty)


def _parts(page: Path) -> tuple[str, str]:
    """What stands before and after the tables."""
    text = page.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise click.ClickException(f"{page} must hold the lines {BEGIN} and {END}, once each")
    before, _, rest = text.partition(BEGIN)
    return before, rest.partition(END)[2]


def _tell(what: str) -> None:
    """Progress goes to stderr: stdout is the result."""
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
