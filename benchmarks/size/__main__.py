"""`python -m benchmarks.size`: what a sensor costs in memory, on disk and on the network, on a real Kafka.

For each number of sensors a fresh `andon run` reads twenty seconds of them, so that every sensor has all of its state
(windows of one second), and is asked what it holds once it has caught up and saved. What a sensor costs is the slope
between the smallest and the largest number: what a process needs before the first sensor stands apart. None of it hangs
on how busy the machine is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import click
import orjson
from confluent_kafka import Producer

from andon.saved import saved_of
from deploy.kafka.local import LocalKafka

if TYPE_CHECKING:
    from collections.abc import Iterator

SENSORS_PER_ASSET = 10
SECONDS = 20
T0_MS = 1_700_000_000_000
WAIT_S = 600

SETTINGS = """\
[site]
name = "bench"
[kafka]
bootstrap_servers = "{bootstrap}"
readings = ["{topic}"]
alerts = "{topic}.alerts"
alarms = "{topic}.alarms"
commands = "{topic}.commands"
dead_letters = "{topic}.dead-letters"
[service]
state_dir = "{state}"
lanes = 4
epoch_s = 2
metrics_port = 0
series_per_group_max = 1000000
[[rules]]
limit = {{ h = 200 }}
stale = false
[[assets]]
window_s = 1
"""


class Size(NamedTuple):
    """What one process with so many sensors holds."""

    sensors: int
    memory_bytes: int
    state_bytes: int
    """Of the snapshots, as the process counts them."""
    disk_bytes: int
    """Of the state directory: the store keeps more than the newest snapshot."""
    message_bytes: float
    """Of one reading on the topic, in messages of ten."""


@click.command(help=__doc__)
@click.option("--sensors", "numbers", multiple=True, type=click.IntRange(min=10), default=(1_000, 10_000, 40_000))
@click.option("--bootstrap", envvar="KAFKA_BOOTSTRAP", help="A broker; by default one is started.")
def main(numbers: tuple[int, ...], bootstrap: str | None) -> None:
    """Measure and print; the last line is one JSON object."""
    with tempfile.TemporaryDirectory(prefix="andon-bench-") as folder:
        directory = Path(folder)
        if bootstrap:
            sizes = [measure(directory, bootstrap, sensors) for sensors in numbers]
        else:
            with LocalKafka(directory / "kafka") as broker:
                sizes = [measure(directory, broker.bootstrap, sensors) for sensors in numbers]
    print("| sensors | memory MB | snapshots MB | state directory MB | bytes a reading on the topic |")
    print("|---|---|---|---|---|")
    for size in sizes:
        figures = (size.memory_bytes, size.state_bytes, size.disk_bytes)
        columns = " | ".join(f"{figure / 1e6:.1f}" for figure in figures)
        print(f"| {size.sensors:,} | {columns} | {size.message_bytes:.0f} |")
    print(json.dumps(per_sensor(sizes)), flush=True)


def per_sensor(sizes: list[Size]) -> dict[str, float]:
    """Bytes for each sensor more, between the smallest and the largest number."""
    least, most = min(sizes), max(sizes)
    more = max(1, most.sensors - least.sensors)
    return {
        "memory_bytes": round((most.memory_bytes - least.memory_bytes) / more),
        "state_bytes": round((most.state_bytes - least.state_bytes) / more),
        "disk_bytes": round((most.disk_bytes - least.disk_bytes) / more),
        "message_bytes": round(most.message_bytes, 1),
    }


def measure(directory: Path, bootstrap: str, sensors: int) -> Size:
    """Let a fresh service read so many sensors, and ask what it holds.

    Raises: RuntimeError if it ends before, or doesn't catch up in time.
    """
    topic = f"size-{uuid4().hex[:8]}"
    folder = directory / topic
    folder.mkdir()
    settings = folder / "andon.toml"
    settings.write_text(SETTINGS.format(bootstrap=bootstrap, topic=topic, state=folder / "state"), encoding="utf-8")
    andon = [sys.executable, "-m", "andon"]
    subprocess.run([*andon, "topics", "create", str(settings), "--partitions", "4"], check=True, capture_output=True)
    message_bytes = _publish(bootstrap, topic, sensors)
    log = folder / "andon.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen([*andon, "run", "--settings", str(settings)], stderr=stderr)
    try:
        served = _settled(process, log, sensors)
    finally:
        process.terminate()
        process.wait(WAIT_S)
    return Size(
        sensors=sensors,
        memory_bytes=int(served["process_resident_memory_bytes"]),
        state_bytes=_state_bytes(served),
        disk_bytes=saved_of(folder / "state")["bytes"],
        message_bytes=message_bytes / (sensors * SECONDS),
    )


def _publish(bootstrap: str, topic: str, sensors: int) -> int:
    """Send the readings; returns the bytes of all messages."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 1_000_000})
    size = 0
    for key, value in _messages(sensors):
        producer.produce(topic, value, key)
        size += len(key) + len(value)
        producer.poll(0)
    if left := producer.flush(WAIT_S):
        raise RuntimeError(f"{left} messages weren't delivered")
    return size


def _messages(sensors: int) -> Iterator[tuple[bytes, bytes]]:
    """Twenty seconds, ten sensors a message; values that move and never exceed a limit."""
    for second in range(SECONDS):
        for asset in range(sensors // SENSORS_PER_ASSET):
            values = {f"sensor-{at}": 70 + (asset + at + 3 * second) % 17 for at in range(SENSORS_PER_ASSET)}
            message = {"asset": f"machine-{asset:05}", "ts": T0_MS + 1000 * second, "values": values}
            yield message["asset"].encode(), orjson.dumps(message)  # type: ignore[attr-defined]


def _settled(process: subprocess.Popen[bytes], log: Path, sensors: int) -> dict[str, float]:
    """All samples once everything has been read, and saved: one snapshot later the state is as large as before."""
    deadline = time.monotonic() + WAIT_S
    saved_at, saved_bytes = 0.0, 0
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"andon ended: {log.read_text(encoding='utf-8')[-500:]}")
        served = _samples(log)
        read = served.get('andon_readings_total{result="accepted"}', 0)
        if read >= sensors * SECONDS and served["andon_last_snapshot_timestamp_seconds"] > saved_at + 1:
            if 0 < _state_bytes(served) == saved_bytes:
                return served
            saved_at, saved_bytes = served["andon_last_snapshot_timestamp_seconds"], _state_bytes(served)
        time.sleep(0.5)
    raise RuntimeError(f"andon didn't read and save {sensors * SECONDS:,} readings within {WAIT_S} s")


def _state_bytes(served: dict[str, float]) -> int:
    return int(sum(value for name, value in served.items() if name.startswith("andon_snapshot_bytes{")))


def _samples(log: Path) -> dict[str, float]:
    for line in log.read_text(encoding="utf-8").splitlines():
        if '"event": "metrics served"' in line:
            url = f"http://127.0.0.1:{json.loads(line)['port']}/metrics"
            with urllib.request.urlopen(url, timeout=30) as answer:
                lines = answer.read().decode().splitlines()
            return {name: float(value) for name, _, value in (one.rpartition(" ") for one in lines if one[0] != "#")}
    return {}


if __name__ == "__main__":
    main()
