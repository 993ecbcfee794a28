"""The simulated plant as a producer: what goes wrong when, and what is sent first."""

from collections import Counter

from andon.plant import FAULT_KINDS, Plant
from andon.simulate import CYCLE_MS, FIRST_FAULT_MS, LIFE_MS, faults_from
from contracts.findings import Kind

NOW = 1_790_000_000_000


def test_the_first_fault_comes_two_minutes_after_the_start():
    """Whoever starts it needn't wait for an hour, and none has begun before anybody looked."""
    faults = faults_from(NOW, seed=7)

    assert (faults[0].kind, faults[0].start_ms) == (Kind.LIMIT, NOW + FIRST_FAULT_MS)
    assert [fault.start_ms for fault in faults] == sorted(fault.start_ms for fault in faults)


def test_all_six_faults_come_again_in_every_cycle():
    """A plant that is left running goes on having troubles, never on one machine alone."""
    faults = faults_from(NOW, seed=7)
    counts = Counter(fault.kind for fault in faults)

    cycles = LIFE_MS // CYCLE_MS
    assert set(counts) == set(FAULT_KINDS)
    assert all(cycles <= count <= cycles + 1 for count in counts.values())
    assert len({fault.asset for fault in faults}) == 12


def test_the_plant_can_be_made_for_its_whole_life():
    """Nothing is held in memory that grows with it: an hour is made in a moment."""
    plant = Plant(7, start_ms=NOW, end_ms=NOW + LIFE_MS, faults=faults_from(NOW, seed=7))

    first = next(iter(plant.chunks())).rows

    assert first["ts"].min() >= NOW
    assert len(first) == 360 * len(plant.names)
