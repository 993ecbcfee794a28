"""The simulated plant: the same for the same seed, lifelike enough, with the faults that it says it has."""

import numpy as np
import pytest

from andon.plant import DAY_MS, FAULT_KINDS, HOUR_MS, LIVE_MS_MIN, SAMPLE_MS, Plant, faults_of
from contracts.findings import Kind

T0 = 20_000 * DAY_MS


def rows_of(plant):
    return np.concatenate([chunk.rows for chunk in plant.chunks()])


def series_of(plant, rows, asset, sensor):
    mine = rows[rows["name"] == plant.names.pairs.index((asset, sensor))]
    return mine["ts"], mine["value"]


def fault_of(kind, *, seed=3, hours=5):
    return next(fault for fault in faults_of(seed, start_ms=T0, end_ms=T0 + hours * HOUR_MS) if fault.kind is kind)


def with_and_without(fault, *, seed=3, hours=5):
    """(times, values) of the fault's sensor in the plant with this fault, and in the same plant without."""
    both = []
    for faults in ([fault], []):
        plant = Plant(seed, start_ms=T0, end_ms=T0 + hours * HOUR_MS, faults=faults)
        both.append(series_of(plant, rows_of(plant), fault.asset, fault.sensor))
    return both


def test_a_seed_gives_the_same_plant_and_another_seed_another():
    """What one person sees in the demo, another can see too."""
    first, again, other = (rows_of(Plant(seed, start_ms=T0, end_ms=T0 + HOUR_MS)) for seed in (7, 7, 8))

    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_a_shorter_time_is_the_beginning_of_a_longer_one():
    """How long one watches doesn't change what happens."""
    short = rows_of(Plant(7, start_ms=T0, end_ms=T0 + HOUR_MS + HOUR_MS // 3))
    long = rows_of(Plant(7, start_ms=T0, end_ms=T0 + 2 * HOUR_MS))

    assert short.tobytes() == long[: len(short)].tobytes()
    assert short["ts"].max() < T0 + HOUR_MS + HOUR_MS // 3 <= long["ts"][len(short)]


def test_readings_come_in_order_of_time_from_three_kinds_of_machine():
    """Pumps, presses and ovens, at least three of each, speak in turn."""
    plant = Plant(7, start_ms=T0, end_ms=T0 + HOUR_MS)

    rows = rows_of(plant)

    assert (np.diff(rows["ts"]) >= 0).all()
    assert len(rows) == plant.reading_count == HOUR_MS // SAMPLE_MS * len(plant.names)
    machines = {asset for asset, _ in plant.names.pairs}
    assert all(sum(asset.startswith(kind) for asset in machines) >= 3 for kind in ("pump", "press", "oven"))


def test_sensors_of_one_machine_move_together_and_those_of_two_do_not():
    """A machine's load is seen by all of its sensors."""
    plant = Plant(7, start_ms=T0, end_ms=T0 + 6 * HOUR_MS)
    rows = rows_of(plant)

    flow, current, neighbour = (
        series_of(plant, rows, asset, sensor)[1].reshape(-1, 6).mean(axis=1)
        for asset, sensor in (("pump-01", "flow"), ("pump-01", "motor_current"), ("pump-02", "flow"))
    )

    assert np.corrcoef(flow, current)[0, 1] > 0.7
    assert abs(np.corrcoef(flow, neighbour)[0, 1]) < 0.4


@pytest.mark.parametrize("seed", range(10))
def test_each_kind_of_fault_happens_once_on_a_machine_of_its_own(seed):
    """No fault hides another, and all of them begin and, but for the drift, end in the time that is watched."""
    end_ms = T0 + LIVE_MS_MIN

    faults = faults_of(seed, start_ms=T0, end_ms=end_ms)

    assert tuple(fault.kind for fault in faults) == FAULT_KINDS
    assert len({fault.asset for fault in faults}) == len(faults)
    assert all(T0 < fault.start_ms < fault.end_ms <= end_ms for fault in faults)


def test_a_silent_sensor_says_nothing_while_its_neighbours_go_on():
    """Silence is of one sensor, so that the others can reveal it."""
    fault = fault_of(Kind.STALE)

    (ts, _), (whole, _) = with_and_without(fault)

    gap = (whole >= fault.start_ms) & (whole < fault.end_ms)
    assert gap.sum() > 60
    np.testing.assert_array_equal(ts, whole[~gap])


def test_a_stuck_sensor_repeats_its_last_value_and_then_moves_again():
    """Stuck, not silent."""
    fault = fault_of(Kind.FLATLINE)

    (ts, values), _ = with_and_without(fault)

    during = (ts >= fault.start_ms) & (ts < fault.end_ms)
    assert set(values[during]) == {values[ts < fault.start_ms][-1]}
    assert len(set(values[ts >= fault.end_ms])) > 20


@pytest.mark.parametrize("kind", [Kind.LIMIT, Kind.RATE, Kind.ANOMALY, Kind.DRIFT])
def test_a_sensor_that_goes_off_does_so_by_the_size_of_its_fault_and_only_then(kind):
    """What a fault adds is known, and it changes nothing else."""
    fault = fault_of(kind)

    (ts, values), (_, whole) = with_and_without(fault)

    during = (ts >= fault.start_ms) & (ts < fault.end_ms)
    np.testing.assert_array_equal(values[~during], whole[~during])
    added = (values - whole)[during]
    assert np.abs(added).max() == pytest.approx(abs(fault.size), rel=0.1)


def test_a_drift_creeps_for_hours():
    """No two readings of a drift are far apart: no limit and no rate would see it."""
    fault = fault_of(Kind.DRIFT)

    (ts, values), (_, whole) = with_and_without(fault)

    added = (values - whole)[ts >= fault.start_ms]
    assert np.abs(np.diff(added)).max() < abs(fault.size) / 20
    assert abs(added[len(added) // 5]) < abs(fault.size) / 2
