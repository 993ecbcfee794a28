"""The Tennessee Eastman process as it is read."""

from __future__ import annotations

import numpy as np

from benchmarks.accuracy.corpora.folder import corpus_folder
from benchmarks.accuracy.corpora.tep import NORMAL_ROWS, SENSORS, live_streams, read_runs


def test_all_runs_have_their_rows_one_below_the_other(corpora):
    """One of the files is turned; nothing is taken for a sensor that is a time."""
    runs = read_runs(corpus_folder(corpora, "tep"))

    assert runs.normal.shape == (500, 52)
    assert runs.normal_test.shape == (960, 52)
    assert {rows.shape for rows in runs.faulty.values()} == {(960, 52)}
    np.testing.assert_allclose(runs.normal.mean(axis=0), runs.normal_test.mean(axis=0), rtol=0.25)


def test_a_live_stream_is_the_normal_run_and_then_a_test_run(corpora):
    """A service learns what is normal, and meets the fault later."""
    runs = read_runs(corpus_folder(corpora, "tep"))

    streams = live_streams(runs)

    assert [stream.name for stream in streams[:2]] == ["tep/fault-00", "tep/fault-01"]
    assert len(streams) == 22
    assert len(SENSORS) == 52
    np.testing.assert_array_equal(streams[1].values[:NORMAL_ROWS], runs.normal)
    np.testing.assert_array_equal(streams[1].values[NORMAL_ROWS:], runs.faulty[1])
    assert (np.diff(streams[1].times_ms) == 180_000).all()
