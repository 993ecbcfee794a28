"""andon's group monitor by itself: learned on a normal run, and then frozen, as the literature on this process does.

It runs the product's own kernels (detectors/group.py) on the rows of an asset: each of the normal rows is judged and
learned, and those of a test run are judged only. In the service it would go on learning, and what it says is heard
together with the sensors' own alarms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detectors import group
from detectors.asset_row import MEMBER

if TYPE_CHECKING:
    from benchmarks.accuracy.streams import Floats
    from contracts.readings import Rows

__all__ = ["FrozenGroup"]


class _Model(NamedTuple):
    state: Rows
    floats: Floats


class FrozenGroup:
    """The monitor after a normal run.

    Args:
        normal: shape (n, p), of which n is more than its warm-up.
    """

    def __init__(self, normal: Floats) -> None:
        sensors = normal.shape[1]
        self._members = np.zeros(sensors, MEMBER)
        self._members["known"] = self._members["present"] = 1
        self._slots = np.arange(sensors, dtype=np.int32)
        self._model = _Model(np.zeros(1, group.STATE), np.zeros(group.room(sensors)))
        group.fresh(self._model.state[0])
        for row in normal:
            self._judge(self._model, row, learning=True)
            group.learn(self._model.state[0], self._model.floats, self._members, self._slots)

    def statistics(self, rows: Floats) -> tuple[Floats, Floats]:
        """T2 and SPE, smoothed, of rows that come after the normal run, shape (n, p); both of shape (n,)."""
        model = _Model(self._model.state.copy(), self._model.floats.copy())
        both = np.empty((2, len(rows)))
        for place, row in enumerate(rows):
            self._judge(model, row, learning=False)
            both[:, place] = model.state[0]["t_judged"], model.state[0]["q_judged"]
        return both[0], both[1]

    def _judge(self, model: _Model, row: Floats, *, learning: bool) -> None:
        self._members["x"] = row
        group.judge(model.state[0], model.floats, self._members, self._slots, learning)
