"""NAB as it is read."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy.corpora.folder import MissingCorpusError, corpora_folder, corpus_folder
from benchmarks.accuracy.corpora.nab import read_labels, read_streams
from benchmarks.accuracy.streams import Stream, fresh_rows


def test_a_stream_holds_the_rows_of_its_file_and_no_label(corpora):
    """What a contender is given is what the sensor said, and when."""
    (taxi,) = read_streams(corpus_folder(corpora, "nab"), ["realKnownCause/nyc_taxi"])

    assert taxi.category == "realKnownCause"
    assert len(taxi.times_ms) == 10_320
    assert taxi.values[0] == [10_844.0]
    assert str(taxi.times_ms[:1].astype("datetime64[ms]")[0]) == "2014-07-01T00:00:00.000"
    assert set(Stream._fields) == {"name", "category", "sensors", "times_ms", "values"}


def test_labels_name_the_same_streams(corpora):
    """No stream is scored by the labels of another."""
    folder = corpus_folder(corpora, "nab")

    assert read_labels(folder).keys() == {stream.name for stream in read_streams(folder)}


def test_rows_that_go_back_or_stand_still_are_seen():
    """A clock that is set back repeats an hour: those rows are late, and aren't judged."""
    times = np.array([10, 20, 20, 30, 15, 25, 31])

    assert fresh_rows(times).tolist() == [True, True, False, True, False, False, True]


def test_a_part_of_a_stream_is_a_stream_of_the_same_asset():
    """The beginning of a recording is what a service has seen until then."""
    whole = Stream("a/b", "a", ("x",), np.arange(5), np.arange(5.0)[:, None])

    part = whole.part(1, 3)

    assert (part.name, part.times_ms.tolist(), part.values.tolist()) == ("a/b", [1, 2], [[1.0], [2.0]])


def test_a_missing_corpus_says_where_it_can_be_got(tmp_path):
    """Whoever hasn't the recordings reads where the public gets them."""
    with pytest.raises(MissingCorpusError, match=r"Get it from github.com/numenta/NAB .* in ANDON_CORPORA"):
        corpus_folder(tmp_path, "nab")


def test_the_folder_is_the_one_that_the_environment_names(monkeypatch, tmp_path):
    """Recordings may lie anywhere."""
    monkeypatch.setenv("ANDON_CORPORA", str(tmp_path))

    assert corpora_folder() == tmp_path
