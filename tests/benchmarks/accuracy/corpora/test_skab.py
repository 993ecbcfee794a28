"""SKAB as it is read."""

from __future__ import annotations

import pytest

from benchmarks.accuracy.corpora.folder import corpus_folder
from benchmarks.accuracy.corpora.skab import FAULTLESS, TRAINING_ROWS, read_labels, read_streams


@pytest.fixture(scope="module")
def skab(corpora):
    """The folder of SKAB."""
    return corpus_folder(corpora, "skab")


def test_no_contender_is_given_a_label(skab):
    """The columns that say where the fault is are no sensors."""
    streams = read_streams(skab)

    assert len(streams) == 35
    assert {len(stream.sensors) for stream in streams} == {8}
    assert not {"anomaly", "changepoint", "datetime"} & {sensor for stream in streams for sensor in stream.sensors}


def test_experiments_are_normal_while_they_are_learned_and_faulty_later(skab):
    """The first 400 rows hold no fault, but for the end of one; the others do."""
    labels = read_labels(skab)

    early = {name: int(faulty[:TRAINING_ROWS].sum()) for name, faulty in labels.items() if faulty[:TRAINING_ROWS].any()}

    assert len(labels) == 34
    assert not any(name.startswith(FAULTLESS) for name in labels)
    assert early == {"other/2": 296}
    assert all(faulty[TRAINING_ROWS:].any() for faulty in labels.values())
