"""Scores in files can be scored by anybody."""

from __future__ import annotations

import json

from click.testing import CliRunner

from benchmarks.accuracy.rescore import main


def test_published_files_come_to_their_published_figures(corpora):
    """The command scores NAB's own files as their authors did."""
    folder = corpora / "nab" / "published_scores" / "contextOSE"

    result = CliRunner().invoke(main, [str(folder)], env={"ANDON_CORPORA": str(corpora)}, catch_exceptions=False)

    figures = json.loads(result.stdout)
    assert {name: one["score"] for name, one in figures.items()} == {"standard": 69.9, "low_fp": 66.98, "low_fn": 73.18}


def test_a_folder_that_lacks_streams_is_refused(corpora, tmp_path):
    """A figure of a part isn't taken for one of the whole."""
    result = CliRunner().invoke(main, [str(tmp_path)], env={"ANDON_CORPORA": str(corpora)})

    assert result.exit_code == 1
    assert "not one a row, of artificialNoAnomaly/art_daily_no_noise" in result.stderr
