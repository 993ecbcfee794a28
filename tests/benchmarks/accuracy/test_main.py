"""The accuracy benchmark in a small size, on real recordings: it must not rot between two measurements."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from benchmarks.accuracy.__main__ import BEGIN, END, main

pytestmark = pytest.mark.timeout(600)  # the one run that all of them look at comes with the first

PAGE = f"# How well\n\nBefore.\n\n{BEGIN}\n\nwhat was measured long ago\n\n{END}\n\nAfter.\n"


@pytest.fixture(scope="module")
def done(corpora, tmp_path_factory):
    """One run over some streams of each corpus: its output, its folder and the page that it wrote to."""
    folder = tmp_path_factory.mktemp("accuracy")
    page = folder / "page.md"
    page.write_text(PAGE)
    arguments = ["--size", "smoke", "--results", str(folder / "results"), "--page", str(page)]

    result = CliRunner().invoke(main, arguments, env={"ANDON_CORPORA": str(corpora)}, catch_exceptions=False)

    assert result.exit_code == 0, result.stderr
    return result.stdout, folder / "results", page.read_text()


def test_the_last_line_is_one_json_object(done):
    """A program can read the figures of every corpus."""
    figures = json.loads(done[0].splitlines()[-1])

    assert figures["corpus"] == "all"
    assert figures["nab"]["low_fp"] <= figures["nab"]["standard"] <= 100
    assert {"f1", "far", "mar"} <= figures["skab"].keys()
    assert {"t2", "spe", "either", "far"} <= figures["tep"].keys()
    assert figures["noise"]["largest_overrun"].keys() == {"10", "3", "1", "0.3"}
    assert figures["noise"]["false_drifts_per_10k"].keys() == {"normal"}
    assert all(figures[name]["no_look_ahead"] == figures[name]["streams"] for name in ("nab", "skab", "tep"))
    assert all(figures[name]["restart_changes_nothing"] == figures[name]["streams"] for name in ("nab", "skab", "tep"))


def test_andon_beats_a_clock(done):
    """On two streams, and far enough that no later change can hide behind luck."""
    figures = json.loads(done[0].splitlines()[-1])["nab"]

    assert figures["standard"] > figures["clock"] + 10


def test_tables_figures_scores_and_pictures_are_written(done):
    """All that is needed to look closer."""
    output, folder, _ = done

    assert (folder / "nab" / "tables.md").read_text().strip() in output
    assert json.loads((folder / "nab" / "figures.json").read_text())["corpus"] == "nab"
    assert (folder / "nab" / "andon-ranked" / "realKnownCause" / "nyc_taxi.csv").is_file()
    assert (folder / "skab" / "plots" / "anomaly-free__anomaly-free.svg").is_file()
    assert (folder / "tep" / "plots" / "index.html").is_file()


def test_the_page_gets_the_tables_and_keeps_its_words(done):
    """What people wrote around the tables stays."""
    page = done[2]

    assert page.startswith("# How well\n\nBefore.\n\n")
    assert page.endswith("\n\nAfter.\n")
    assert "what was measured long ago" not in page
    assert "| andon, ranked |" in page


def test_a_missing_corpus_ends_with_one_line(tmp_path):
    """Who hasn't the recordings reads where to get them, and no traceback."""
    result = CliRunner().invoke(main, ["--corpus", "nab"], env={"ANDON_CORPORA": str(tmp_path)})

    assert result.exit_code == 1
    assert "Get it from github.com/numenta/NAB" in result.stderr


def test_a_page_without_the_marks_is_not_overwritten(corpora, tmp_path):
    """Nobody's page is lost to a wrong argument."""
    page = tmp_path / "page.md"
    page.write_text("my own words\n")
    arguments = ["--corpus", "tep", "--size", "smoke", "--results", str(tmp_path), "--page", str(page)]

    result = CliRunner().invoke(main, arguments, env={"ANDON_CORPORA": str(corpora)})

    assert result.exit_code == 1
    assert "once each" in result.stderr
    assert page.read_text() == "my own words\n"
