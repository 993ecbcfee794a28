"""The benchmark of sizes in a small size: it must not rot between two measurements."""

from benchmarks.size.__main__ import Size, measure, per_sensor


def test_it_measures_a_real_service(kafka, tmp_path):
    """A process with two hundred sensors holds some memory, and has saved them all."""
    size = measure(tmp_path, kafka, 200)

    assert size.sensors == 200
    assert size.memory_bytes > 50e6
    assert 200 * 500 < size.state_bytes < 200 * 50_000
    assert size.disk_bytes > 0
    assert 5 < size.message_bytes < 60


def test_a_sensor_costs_what_one_more_costs():
    """What a process needs for itself is no sensor's."""
    sizes = [Size(1000, 103_000_000, 3_000_000, 9_000_000, 20.0), Size(2000, 106_000_000, 6_000_000, 18_000_000, 20.0)]

    assert per_sensor(sizes) == {
        "memory_bytes": 3000,
        "state_bytes": 3000,
        "disk_bytes": 9000,
        "message_bytes": 20.0,
    }
