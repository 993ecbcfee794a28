"""Eigenvalues and eigenvectors, against numpy's."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.eigen import SWEEPS_MAX, diagonalise


def covariance(columns, *, seed=1):
    """Of as many columns, with very different variances."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(500, columns)) @ rng.normal(size=(columns, columns)) * np.exp(-np.arange(columns) / 3)
    return np.cov(rows.T)


@pytest.mark.parametrize("columns", [2, 3, 8, 52])
def test_they_are_those_of_numpy(columns):
    """The axes in which sensors move together are the textbook's."""
    matrix = covariance(columns)
    values, axes = matrix.copy(), np.empty_like(matrix)

    sweeps = diagonalise(values, axes)

    w = np.diag(values)
    np.testing.assert_allclose(np.sort(w), np.linalg.eigvalsh(matrix), atol=1e-9 * w.sum())
    np.testing.assert_allclose(axes.T @ np.diag(w) @ axes, matrix, atol=1e-9 * w.sum())
    np.testing.assert_allclose(axes @ axes.T, np.eye(columns), atol=1e-12)
    assert sweeps < SWEEPS_MAX // 2


def test_a_diagonal_matrix_is_left_as_it_is():
    """Sensors that have nothing to do with one another are their own axes."""
    matrix, axes = np.diag([3.0, 0.0, 1.0]), np.empty((3, 3))

    assert diagonalise(matrix, axes) == 0
    np.testing.assert_array_equal(np.diag(matrix), [3.0, 0.0, 1.0])
    np.testing.assert_array_equal(axes, np.eye(3))


def test_sensors_that_say_the_same_are_no_trouble():
    """Two thermometers in one pipe: a matrix without full rank."""
    matrix, axes = np.ones((4, 4)), np.empty((4, 4))

    diagonalise(matrix, axes)

    np.testing.assert_allclose(np.sort(np.diag(matrix)), [0.0, 0.0, 0.0, 4.0], atol=1e-12)


def test_the_same_matrix_gives_the_same_bits():
    """Whatever ran before, and wherever it is in memory."""
    matrix = covariance(8)
    first, again = matrix.copy(), np.pad(matrix, 1)[1:-1, 1:-1].copy()
    axes, same = np.zeros((8, 8)), np.full((8, 8), 7.0)

    diagonalise(first, axes)
    diagonalise(again, same)

    assert (first.tobytes(), axes.tobytes()) == (again.tobytes(), same.tobytes())
