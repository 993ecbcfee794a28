"""The windowed Gaussian is the one whose scores were published."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy.contenders.gaussian import WINDOW, WindowedGaussian
from benchmarks.accuracy.contenders.row_by_row import RowByRow
from benchmarks.accuracy.corpora.folder import corpus_folder
from benchmarks.accuracy.corpora.nab import read_published_scores, read_streams


@pytest.mark.parametrize("name", ["realKnownCause/ambient_temperature_system_failure", "realTraffic/speed_7578"])
def test_its_scores_are_the_published_ones(corpora, name):
    """A rival that we had weakened would prove nothing: row by row it says what its authors say it says."""
    folder = corpus_folder(corpora, "nab")
    (stream,) = read_streams(folder, [name])
    published = read_published_scores(folder, "windowedGaussian")[name]

    scores = RowByRow("windowed Gaussian", WindowedGaussian).judge([stream])[name].scores

    np.testing.assert_allclose(scores, published, atol=2e-12)


def test_it_forgets_what_left_its_window():
    """After 6400 values the first ones go, 100 at a time."""
    scorer = WindowedGaussian(1)

    for _ in range(WINDOW):
        scorer.score_then_learn(np.array([5.0]))
    assert scorer.score_then_learn(np.array([9.0])) == 1.0
    for _ in range(WINDOW + 100):
        last = scorer.score_then_learn(np.array([9.0]))

    assert last == 0.5
