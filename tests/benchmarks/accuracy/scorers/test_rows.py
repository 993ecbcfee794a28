"""F1, false and missed alarms by rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.accuracy.corpora.folder import corpus_folder
from benchmarks.accuracy.corpora.skab import TRAINING_ROWS, read_labels
from benchmarks.accuracy.scorers.rows import Counts, best_f1_threshold, counts_of, total


def test_figures_are_those_of_the_definitions():
    """Three of four faulty rows noticed, one of six others called faulty."""
    faulty = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    said = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0], bool)

    counts = counts_of(faulty, said)

    assert counts == Counts(tp=3, fp=1, fn=1, tn=5)
    assert counts.f1 == pytest.approx(0.75)
    assert counts.far == pytest.approx(1 / 6)
    assert counts.mar == pytest.approx(1 / 4)


def test_every_row_an_alarm_has_an_f1_of_698_on_skab(corpora):
    """Whoever reads an F1 must know what one gets for alarming always."""
    labels = read_labels(corpus_folder(corpora, "skab"))

    always = total([counts_of(one[TRAINING_ROWS:], np.ones(len(one) - TRAINING_ROWS, bool)) for one in labels.values()])

    assert always.f1 == pytest.approx(0.698, abs=5e-4)
    assert (always.far, always.mar) == (1.0, 0.0)


def test_where_nothing_can_be_found_there_is_no_share():
    """No division by zero becomes a figure."""
    assert math.isnan(total([]).f1)
    assert math.isnan(Counts(tn=3).mar)
    assert math.isnan(Counts(tp=3).far)


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.5, 2.0, float("nan")])), min_size=1, max_size=30
    ).filter(lambda rows: any(faulty for faulty, _ in rows))
)
def test_no_threshold_is_better_than_the_best(rows):
    """Contenders without a decision of their own get the best one that there is."""
    faulty = np.array([one for one, _ in rows])
    scores = np.array([score for _, score in rows])

    best = best_f1_threshold([faulty[:5], faulty[5:]], [scores[:5], scores[5:]])

    every = [counts_of(faulty, scores >= cut).f1 for cut in (0.0, 0.1, 0.5, 2.0)]
    assert counts_of(faulty, scores >= best).f1 == pytest.approx(max(every))


def test_nothing_scored_is_nothing_called_faulty():
    """A contender that says nothing gets no threshold that makes it say something."""
    assert best_f1_threshold([np.array([True])], [np.array([np.nan])]) == math.inf
