"""`python -m benchmarks.console`: the operators' page with 1,000 alarms, 500 changes a second and 100 screens.

A real Kafka, the real `andon console`, one real browser and 99 screens without one. Every change is a record on the
alarm-state topic. One alarm, on top of the list, says in its text when it was written: what is measured is from there
to the frame that shows it, through broker, console, network and browser. All share one machine.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from confluent_kafka import Producer
from playwright.sync_api import sync_playwright

from contracts.alarm_states import AlarmState, Heartbeat, alarm_key, heartbeat_key
from contracts.alerts import Alert, ExpectedRange, State, Transition, alert_id, priority_of
from contracts.findings import Kind
from deploy.browser import browser
from deploy.kafka.local import LocalKafka

if TYPE_CHECKING:
    from playwright.sync_api import Page

PROBE = "_probe"
WAIT_S = 60.0
STEP_S = 0.05
SETTLE_S = 5.0
BEAT_S = 20.0

# Each frame: how long since the last one, and, when the text of the probe is new, how late it is.
MEASURE = """() => {
  const m = window.measured = { frames: [], delays: [] };
  let before = performance.now(), told = "";
  const look = (now) => {
    m.frames.push(now - before);
    before = now;
    const row = document.querySelector('.row[data-key^="_probe/"] .message');
    const found = row && /probe (\\d{13})/.exec(row.textContent);
    if (found && found[1] !== told) {
      told = found[1];
      m.delays.push(Date.now() - Number(told));
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


@click.command(help=__doc__)
@click.option("--alarms", default=1_000, show_default=True, help="That stand at the same time.")
@click.option("--changes", default=500, show_default=True, help="A second.")
@click.option("--screens", default=100, show_default=True, help="One of them a browser.")
@click.option("--seconds", default=600.0, show_default=True, help="How long.")
def main(alarms: int, changes: int, screens: int, seconds: float) -> None:
    """Measure and print; the last line is one JSON object."""
    print(
        f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    with tempfile.TemporaryDirectory(prefix="andon-bench-") as folder, LocalKafka(Path(folder) / "kafka") as broker:
        settings = Path(folder) / "andon.toml"
        settings.write_text(
            f'[kafka]\nbootstrap_servers = "{broker.bootstrap}"\n'
            f'[console]\nport = 0\nstore = "{folder}/console.db"\n[service]\nmetrics_port = 0\n',
            encoding="utf-8",
        )
        subprocess.run(_andon("topics", "create", str(settings)), check=True, stdout=subprocess.DEVNULL)
        with (Path(folder) / "console.log").open("wb+") as log:
            console = subprocess.Popen(_andon("console", "--settings", str(settings)), stderr=log)
            try:
                url = _served(Path(log.name), console)
                report = _measure(broker.bootstrap, url, console.pid, alarms, changes, screens, seconds)
            finally:
                console.terminate()
                console.wait(WAIT_S)
    print(json.dumps(report), flush=True)


def _measure(
    bootstrap: str, url: str, pid: int, alarms: int, changes: int, screens: int, seconds: float
) -> dict[str, Any]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    stop = threading.Event()
    writing = threading.Thread(target=_write, args=(bootstrap, alarms, changes, stop), daemon=True)
    writing.start()
    found = browser()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=str(found.path), env={**os.environ, **found.environment}, args=["--no-sandbox"]
        )
        page = chromium.new_page(viewport={"width": 1366, "height": 768})
        page.goto(url)
        deadline = time.monotonic() + WAIT_S
        while (
            there := page.evaluate("window.andon?.live.rows.size ?? 0")
        ) < alarms:  # its policy knows no functions of text
            if time.monotonic() > deadline:
                raise RuntimeError(f"{there} of {alarms} alarms are on the page after {WAIT_S:g} s")
            page.wait_for_timeout(100)
        command = [
            sys.executable,
            "-m",
            "benchmarks.console.clients",
            host,
            port,
            str(screens - 1),
            str(seconds + SETTLE_S),
        ]
        others = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        time.sleep(SETTLE_S)
        memory = [_memory(page, pid)]
        page.evaluate(MEASURE)
        began = time.monotonic()
        cpu = _cpu_s(pid)
        while (left := seconds - (time.monotonic() - began)) > 0:
            page.wait_for_timeout(min(60.0, left) * 1000)
            memory.append(_memory(page, pid))
        cpu = (_cpu_s(pid) - cpu) / (time.monotonic() - began)
        measured = page.evaluate("window.measured")
        told, _ = others.communicate(timeout=WAIT_S)
        stop.set()
        writing.join()
        chromium.close()
    return _report(measured, json.loads(told), memory, cpu)


def _report(
    measured: dict[str, list[float]], clients: dict[str, float], memory: list[tuple[float, float]], cpu: float
) -> dict[str, Any]:
    frames, delays = sorted(measured["frames"][1:]), sorted(measured["delays"])
    total_s = sum(frames) / 1000
    report = {
        "seconds": round(total_s),
        "frames_per_s": round(len(frames) / total_s, 1),
        "frame_ms_p99": round(frames[len(frames) * 99 // 100], 1),
        "to_screen_ms_median": round(delays[len(delays) // 2]),
        "to_screen_ms_p99": round(delays[len(delays) * 99 // 100]),
        "probes_seen": len(delays),
        "stream_ms_median": round(clients["median_ms"]),
        "stream_ms_p99": round(clients["p99_ms"]),
        "stream_mb": round(clients["mb"]),
        "page_mb": [round(page, 1) for page, _ in memory],
        "console_mb": [round(console, 1) for _, console in memory],
        "console_cpu": round(cpu, 2),
    }
    print("\n| figure | value |\n|---|---|")
    for name, value in report.items():
        print(f"| {name} | {value} |")
    return report


def _write(bootstrap: str, alarms: int, changes: int, stop: threading.Event) -> None:
    """Alarms that stand, and then so many changes a second, evenly; one of twenty is the probe's."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "queue.buffering.max.messages": 1_000_000})

    def send(number: int, turn: int) -> None:
        key, body = _state(number, turn)
        producer.produce("andon.alarms", body, key)

    for number in range(alarms):
        send(number, 0)
    numbers, turns, due, beat_s = count(), count(1), time.monotonic(), 0.0
    while not stop.is_set():
        if time.monotonic() >= beat_s:
            beat_s = time.monotonic() + BEAT_S
            beat = Heartbeat(site="plant-1", process="bench", ts=_now_ms())
            producer.produce("andon.alarms", beat.body(), heartbeat_key("plant-1", "bench").encode())
        for _ in range(round(changes * STEP_S) - 1):
            send(1 + next(numbers) % (alarms - 1), next(turns))
        send(0, next(turns))
        producer.poll(0)
        due += STEP_S
        stop.wait(max(0.0, due - time.monotonic()))
    producer.flush(10)


def _state(number: int, turn: int) -> tuple[bytes, bytes]:
    """One alarm as it stands at a turn: acknowledged or not, by turns. Number 0 is the probe, always on top."""
    asset = PROBE if number == 0 else f"machine-{number:04d}"
    named = {"asset": asset, "sensor": "temp", "kind": "limit", "rule": "hh"}
    now = _now_ms()
    severity = 900 if number == 0 else (300, 500, 700, 900)[number % 4]
    said = f"{asset} temp is at probe {now}" if number == 0 else f"{asset} temp {90 + turn % 10} degC above HH 95 degC"
    acknowledged = number != 0 and turn % 2 == 1
    alert = Alert(
        alert_id=alert_id(**named, onset_ts=number + 1),
        transition=Transition.ACKNOWLEDGED if acknowledged else Transition.RAISED,
        state=State.ACTIVE_ACKED if acknowledged else State.ACTIVE_UNACKED,
        annunciated=True,
        kind=Kind.LIMIT,
        rule="hh",
        site="plant-1",
        asset=asset,
        sensor="temp",
        unit="degC",
        severity=severity,
        priority=priority_of(severity),
        onset_ts=now,
        ts=now,
        value=97.0,
        expected=ExpectedRange(high=95.0),
        score=None,
        rank=None,
        contributions=(),
        evidence={"limit": 95.0},
        window=None,
        message=said,
    )
    raised = now + 3_600_000 if number == 0 else now
    return alarm_key(**named).encode(), AlarmState(alert=alert, said=said, raised_ts=raised).body()


def _served(log: Path, console: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline and console.poll() is None:
        for line in log.read_text(encoding="utf-8").splitlines():
            if '"event": "console served"' in line:
                return str(json.loads(line)["url"])
        time.sleep(0.1)
    raise RuntimeError(log.read_text(encoding="utf-8"))


def _memory(page: Page, pid: int) -> tuple[float, float]:
    """MB of the page, without what is garbage, and of the console."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    heap = session.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    session.detach()
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
    return heap, resident / 1e3


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _andon(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "andon", *arguments]


if __name__ == "__main__":
    main()
