"""Detection at a fixed rate of false alarms."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy.contenders.pca import Pca
from benchmarks.accuracy.corpora.folder import corpus_folder
from benchmarks.accuracy.corpora.tep import FAULT_FROM, read_runs
from benchmarks.accuracy.scorers.detection import detection_of, limit_of, together


def test_the_limit_leaves_the_wanted_share_of_normal_rows_above_it():
    """One false alarm in a hundred rows means one, not two."""
    normal = np.random.default_rng(7).permutation(200).astype(float)

    assert (normal > limit_of(normal, 0.01)).sum() == 2
    assert (normal > limit_of(normal, 0.0)).sum() == 0
    assert (normal > limit_of(normal, 1.0)).sum() == 199


def test_a_statistic_that_stands_still_gives_no_false_alarm():
    """Rows that are equal are all normal."""
    assert (np.ones(50) > limit_of(np.ones(50), 0.1)).sum() == 0


def test_two_statistics_have_more_false_alarms_each_than_together():
    """Who looks at two things at 1 % each has up to 2 %."""
    random = np.random.default_rng(7)
    normal = [random.normal(size=2000), random.normal(size=2000)]
    faulty = {1: [random.normal(3, 1, 500), random.normal(size=500)], 2: [np.full(500, 9.0), np.full(500, 9.0)]}

    each, both = detection_of(normal, faulty, false=0.01), together(normal, faulty, false=0.01)

    assert 0.015 < each.false <= 0.02
    assert 0.009 < both.false <= 0.01
    assert both.by_fault[2] == 1.0
    assert both.by_fault[1] < each.by_fault[1] < 1.0
    assert each.mean == pytest.approx((each.by_fault[1] + 1.0) / 2)


def test_the_textbook_finds_what_the_textbook_says(corpora):
    """Fault 1 is found in nearly all rows and fault 3 in hardly any, by whoever has tried."""
    runs = read_runs(corpus_folder(corpora, "tep"))
    pca = Pca(runs.normal, 0.85)
    faulty = {fault: [one[FAULT_FROM:] for one in pca.statistics(runs.faulty[fault])] for fault in (1, 3)}

    found = together(pca.statistics(runs.normal_test), faulty, false=0.01)

    assert found.by_fault[1] > 0.99
    assert found.by_fault[3] < 0.05
