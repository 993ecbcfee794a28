"""Files, tables and pictures of the results."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from benchmarks.accuracy.bootstrap import Interval, interval_of
from benchmarks.accuracy.contenders.judged import Judged
from benchmarks.accuracy.markdown import figure, interval, paragraph, table
from benchmarks.accuracy.plots import drawing, write_plots
from benchmarks.accuracy.results import read_scores, write_run
from benchmarks.accuracy.runs import Run
from benchmarks.accuracy.streams import Stream

TIMES = np.array([1_700_000_000_000, 1_700_000_060_000, 1_700_000_120_000])
STREAM = Stream("some/pump & valve", "some", ("flow",), TIMES, np.array([[1.0], [2.0], [1.0]]))
JUDGED = Judged(np.array([np.nan, 0.1234567891, 2.0]), np.array([False, False, True]), None)


def test_every_row_can_be_scored_again_from_its_file(tmp_path):
    """Who has a better scorer needs no run of ours."""
    folder = write_run(tmp_path, Run("andon, ranked", {STREAM.name: JUDGED}, 1.0, 3, None), [STREAM])

    text = (folder / "some" / "pump & valve.csv").read_text()
    assert text.splitlines()[2] == "2023-11-14T22:14:20,0.1234567891,0,"
    np.testing.assert_allclose(read_scores(folder)[STREAM.name], JUDGED.scores, rtol=0)


def test_a_picture_shows_the_values_the_fault_and_the_alarm(tmp_path):
    """One look tells where andon was right."""
    faulty = np.array([False, True, True])

    picture = ET.fromstring(drawing(STREAM, JUDGED, faulty))  # noqa: S314 - our own

    kinds = [part.get("class") for part in picture if part.get("class")]
    assert kinds == ["fault", "value", "score", "alarm"]
    write_plots(tmp_path, [STREAM], {STREAM.name: JUDGED}, {STREAM.name: faulty})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "some__pump & valve.svg"]
    assert "some__pump &amp; valve.svg" in (tmp_path / "index.html").read_text()


def test_a_spike_is_not_lost_between_the_pixels():
    """The highest of ten thousand rows is in the picture."""
    values = np.zeros((10_000, 1))
    values[5_003] = 7.0
    stream = Stream("a/b", "a", ("x",), np.arange(10_000), values)

    picture = drawing(stream, Judged(np.zeros(10_000)), np.zeros(10_000, bool))

    assert f"{1200 * 5003 / 10_000:.1f},24.0" in picture


def test_tables_and_paragraphs_are_markdown():
    """They can be pasted as they are."""
    assert table(["who", "what"], [["andon", "1.0"]]) == ["| who | what |", "|---|---:|", "| andon | 1.0 |"]
    assert [figure(value) for value in (1.26, None, math.nan)] == ["1.3", "–", "–"]
    assert interval(Interval(1.0, 2.0)) == "1.0 to 2.0"
    assert interval(None) == "–"
    assert all(len(line) <= 120 for line in paragraph("word " * 100))
    assert paragraph("a", "b") == ["a b", ""]


def test_the_interval_holds_the_figure_and_is_the_same_every_time():
    """Two runs print the same interval; equal streams leave no doubt."""
    parts = list(range(50))

    spread = interval_of(parts, lambda drawn: float(np.mean(drawn)))

    assert spread.low < np.mean(parts) < spread.high
    assert spread == interval_of(parts, lambda drawn: float(np.mean(drawn)))
    assert interval_of([3.0] * 50, lambda drawn: float(np.mean(drawn))) == (3.0, 3.0)


def test_draws_with_nothing_to_score_do_not_count():
    """A corpus with a single anomaly still gets an interval."""

    def share(drawn):
        if not any(drawn):
            raise ValueError("nothing to score")
        return 1.0

    assert interval_of([True, False, False], share) == (pytest.approx(1.0), pytest.approx(1.0))
