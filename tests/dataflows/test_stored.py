"""What is stored is smaller than what was saved, and comes back to the bit."""

from __future__ import annotations

import math
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scale.grown import SENSORS, Steps, block, bytes_per_series, names, readings
from dataflows.stored import LIST_MIN, recalled, size_of, stored

if TYPE_CHECKING:
    from dataflows.steps import Item

INNER = np.dtype([("count", np.uint16), ("value", np.float64)], align=True)
RECORD = np.dtype([("ts", np.int64), ("pair", INNER, (2,)), ("on", np.uint8)], align=True)
T0 = 1_700_000_040_000


@given(st.integers(1, 40), st.binary(min_size=1, max_size=3), st.integers(0, 7))
def test_records_come_back_to_the_bit(count: int, pattern: bytes, kept: int) -> None:
    """Whatever bytes they hold, not-a-number and the gaps between fields included."""
    size = count * RECORD.itemsize
    raw = np.resize(np.frombuffer(pattern, np.uint8), size) & np.resize(np.arange(kept + 1, dtype=np.uint8), size)
    rows = raw.copy().view(RECORD)

    again = recalled(pickle.loads(pickle.dumps(stored({"rows": rows}))))["rows"]  # noqa: S301 - as the state store does

    assert (again.dtype, again.tobytes()) == (RECORD, rows.tobytes())
    assert again.flags.writeable


@given(st.lists(st.sampled_from(["press", "pump", "", None, 60.0, 0.5, 0.0, math.nan]), max_size=3 * LIST_MIN))
def test_lists_come_back_as_they_were(names: list[Any]) -> None:
    """Names of assets, units that are not known, lengths of windows."""
    assert repr(recalled(stored({"names": names}))) == repr({"names": names})


def test_all_else_passes_as_it_is() -> None:
    """So does state that an earlier andon has saved in its own form."""
    state = {
        "version": 4,
        "floats": np.arange(3.0),
        "river": {3: {"n": 1}},
        "rows": [(1, "a")] * 20,
        "none": np.zeros(0, INNER),
    }

    assert recalled(stored(state)).keys() == state.keys()
    assert all(recalled(stored(state))[name] is part for name, part in state.items())
    assert recalled(state) == state


def test_what_is_the_same_in_all_rows_is_stored_once() -> None:
    """A thousand series with the same counts and no alarms cost what differs."""
    rows = np.zeros(1000, RECORD)
    rows["ts"] = T0 + np.arange(1000)

    state = {"rows": rows, "names": [f"press-{number // 10}" for number in range(1000)]}

    assert size_of(stored(state)) < 1000 * (2 + 1) + 1000
    assert size_of({"rows": rows}) == rows.nbytes


def test_a_series_takes_less_than_two_kilobytes() -> None:
    """The promise for assets of ten sensors: all detectors on, and nothing left to learn."""
    taken = bytes_per_series(assets=20)

    assert 1000 < sum(taken.values()) < 2000, taken


def test_steps_go_on_from_what_is_stored() -> None:
    """A restart changes no finding and no bit of the state."""
    assets, rows = 4, readings(4, 700)
    head, tail = block(rows[: 600 * assets * SENSORS], names(assets)), block(rows[600 * assets * SENSORS :])
    steady, broken = Steps.of(), Steps.of()
    steady.take(head)
    broken.take(head)

    samples, windows = (pickle.loads(saved) for saved in broken.saved())  # noqa: S301 - as the state store does
    broken = Steps.of((samples, windows))
    broken.samples.on_batch([block(rows[:0], names(assets))])
    after = findings(broken.take(tail))

    assert after == findings(steady.take(tail)) != []
    for one, other in zip(broken, steady, strict=True):
        again, same = recalled(one.snapshot()), recalled(other.snapshot())
        again.pop("asset_records", None)  # a bound of theirs is found anew
        for name, part in again.items():
            assert part.tobytes() == same[name].tobytes() if isinstance(part, np.ndarray) else part == same[name], name


def findings(items: list[Item]) -> list[Any]:
    """All that was found."""
    return [finding for item in items if isinstance(item, tuple) for finding in item]
