"""Several processes as one service, on a real broker: the same alerts whatever their number, and one life and death."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

from andon.demo import SETTINGS_PATH
from contracts.readings import READING
from tests.kafka.service import (
    Feeder,
    Service,
    Topics,
    committed,
    environment,
    produce,
    read_all,
    wait_until,
    without_floods,
)
from tests.kafka.test_agreement import day
from tests.kafka.test_run import T0, identities, waves


def bodies(messages):
    """Each transition of an asset's alarm once, sorted."""
    return sorted({message.value() for message in without_floods(messages)})


def transitions(assets, steps):
    """What waves of so many steps lead to: (asset, transition, ts) of each."""
    edges = [(step, "cleared" if (step // 10) % 2 == 0 else "raised") for step in range(10, steps, 10)]
    return {(f"press-{asset}", change, T0 + 10_000 * step) for asset in range(assets) for step, change in edges}


def told(messages):
    """What was told of assets, in the same words."""
    alerts = [json.loads(message.value()) for message in without_floods(messages)]
    return {(alert["asset"], alert["transition"], alert["ts"]) for alert in alerts}


def test_the_number_of_processes_changes_no_byte(kafka, topics, tmp_path):
    """One, three, or 1 → 2 → 3 → 1 with the saved state say the same of a day of the demo's plant.

    Its learned detectors go on, too, and alarms that are active at a restart aren't raised again, nor forgotten.
    """
    work = Topics(topics)
    text = SETTINGS_PATH.read_text(encoding="utf-8")
    told_of = {name: topics(1) for name in ("one", "three", "changing")}
    one, three, changing = (
        Service(
            tmp_path / name,
            kafka,
            work,
            service='clock = "event"',
            rules=text[text.index("[[rules]]") :],
            alerts=alerts,
        )
        for name, alerts in told_of.items()
    )
    messages = list(day(seed=7))
    for part, processes in enumerate((1, 2, 3, 1)):
        produce(kafka, work.readings, messages[len(messages) * part // 4 : len(messages) * (part + 1) // 4])
        changing.catch_up("--processes", str(processes))
    one.catch_up()
    three.catch_up("--processes", "3")

    said = {name: read_all(kafka, alerts) for name, alerts in told_of.items()}
    kinds = Counter(json.loads(message.value())["kind"] for message in without_floods(said["one"]))
    assert {"limit", "anomaly", "stale"} <= kinds.keys()
    assert bodies(said["one"]) == bodies(said["three"]) == bodies(said["changing"])
    assert {count for messages in said.values() for count in identities(without_floods(messages)).values()} == {1}


def test_when_a_process_is_killed_all_end_and_the_next_start_is_exact(kafka, topics, tmp_path):
    """None goes on without another one, or without the launcher; nothing is lost, and what comes twice can be told."""
    work = Topics(topics)
    feeder = Feeder(kafka, work.readings, lambda step: waves(10, 1, start=step), every_s=0.01)
    with Service(tmp_path, kafka, work, service="epoch_s = 0.5") as service:
        for victim in (1, None):
            before = sum(committed(kafka, work.readings).values())
            service.start("--processes", "2")
            wait_until(lambda at=before: sum(committed(kafka, work.readings).values()) > at, "two snapshots")
            children = {event["process"]: event["pid"] for event in service.events("started")[-2:]}
            assert children.keys() == {0, 1}
            if victim is None:
                service.kill()
            else:
                os.kill(children[victim], signal.SIGKILL)
                assert service.process.wait(90) == 1
                complaint = service.stderr.read_text().splitlines()[-1]
                assert complaint.startswith(f"andon: process {victim} of 2 was killed by SIGKILL, and the others")
            wait_until(lambda children=children: not any(map(alive, children.values())), "no process is left")
        feeder.stop()
        service.catch_up("--processes", "2")

    said = without_floods(read_all(kafka, work.alerts))
    by_id = {dict(message.headers())["ce_id"]: message.value() for message in said}
    assert len({(dict(message.headers())["ce_id"], message.value()) for message in said}) == len(by_id)
    assert len(by_id) == len(transitions(10, feeder.sent // 10))
    assert told(said) == transitions(10, feeder.sent // 10)


def alive(pid):
    """Whether a process is there, and more than an end that nobody has asked for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_cluster_is_one_service_to_people_and_to_tools(kafka, topics, tmp_path):
    """One flood, commands that arrive, a heartbeat and a page each, lag for Kafka's tools; SIGTERM ends all of it."""
    work = Topics(topics)
    sent = produce(kafka, work.readings, waves(20, 12))
    with Service(tmp_path, kafka, work, service="epoch_s = 0.5", rule="stale = false\nack_required = true") as service:
        service.start("--processes", "3")
        wait_until(lambda: count_of(service, "andon_readings_total") == sent, "all readings")
        ports = [event["port"] for event in service.events("metrics served")]
        wait_until(lambda: all(service.get("/readyz", port=port)[0] == 200 for port in ports), "all are ready")
        wait_until(lambda: sum(committed(kafka, work.readings).values()) == sent, "offsets committed")
        alert = next(json.loads(message.value()) for message in without_floods(read_all(kafka, work.alerts)))
        ask = {"command": "acknowledge", "asset": alert["asset"], "alert_id": alert["alert_id"], "by": "maria"}
        produce(kafka, work.commands, [(alert["asset"].encode(), json.dumps(ask).encode())])
        wait_until(lambda: "acknowledged" in changes(kafka, work), "acknowledged")
        pages = [json.loads(service.get("/status", port=port)[1]) for port in ports]

        assert service.stop() == 0
        second = service.finish("--until-caught-up", "--processes", "2")

    assert second.returncode == 0, second.stderr
    assert changes(kafka, work) == {"raised": 20, "acknowledged": 1}
    floods = [message for message in read_all(kafka, work.alerts) if b'"kind":"flood"' in message.value()]
    assert [json.loads(message.value())["transition"] for message in floods].count("raised") == 1
    assert sorted((page["process"], page["processes"], len(page["lanes"])) for page in pages) == [
        (0, 3, 2),
        (1, 3, 1),
        (2, 3, 1),
    ]
    assert sum(page["series"] for page in pages) == 20
    newest = {message.key(): message.value() for message in read_all(kafka, work.alarms)}
    beats = [json.loads(body) for key, body in newest.items() if key.startswith(b"_heartbeat/")]
    host = socket.gethostname()
    assert {(beat["process"], beat["state"]) for beat in beats} == {(f"{host}/{n}", "stopped") for n in range(3)}


def count_of(service, metric):
    """A counter's sum over all processes."""
    pages = [service.get("/metrics", port=event["port"])[1] for event in service.events("metrics served")]
    lines = [line for page in pages for line in page.splitlines() if line.startswith(metric)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def changes(kafka, work):
    """How many alerts of assets there are, by transition."""
    return Counter(
        json.loads(message.value())["transition"] for message in without_floods(read_all(kafka, work.alerts))
    )


class Member:
    """One process of a cluster, as on a machine of its own: settings and a state directory that nobody shares."""

    def __init__(self, folder, kafka, work, *, process, addresses, **more):
        self.service = Service(folder, kafka, work, **more)
        command = [sys.executable, "-m", "andon", "run", "--settings", str(self.service.settings)]
        command += ["--process", str(process), "--addresses", ";".join(addresses)]
        with self.service.stderr.open("ab") as stderr:
            self.process = subprocess.Popen(
                command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr
            )

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.process.kill()
        self.process.communicate()


def addresses(count):
    """Where so many processes may listen."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    found = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    return found


ROW_BYTES = READING.itemsize


def test_a_process_that_hangs_holds_the_others_back(kafka, topics, tmp_path):
    """What waits for it is bounded, and so is the memory that this takes; when it goes on, all is read."""
    work = Topics(topics)
    bound, poll = 1024 * 1024, 2_000
    limits = f"epoch_s = 2\nepoch_bytes_max = {bound}\npoll_messages_max = {poll}"
    with Service(tmp_path, kafka, work, service=limits) as service:
        service.start("--processes", "2")
        ports = {event["process"]: event["port"] for event in service.events("metrics served")}
        hanging = {event["process"]: event["pid"] for event in service.events("started")}[1]
        os.kill(hanging, signal.SIGSTOP)
        try:
            body = b'{"asset":"press-%03d","sensor":"temp","ts":%d,"value":20.5}'
            sent = produce(
                kafka,
                work.readings,
                ((b"press-%03d" % (at % 200), body % (at % 200, T0 + at)) for at in range(300_000)),
            )
            most = 2 * (bound // ROW_BYTES + poll)  # two lanes go on, until the end of their epoch
            assert read_by(service, ports[0]) <= most < sent // 4
        finally:
            os.kill(hanging, signal.SIGCONT)
        wait_until(lambda: sum(read_by(service, port) for port in ports.values()) == sent, "all is read")
        assert service.stop() == 0


def read_by(service, port):
    """How many messages a process has handed to the flow, as of half a second ago."""
    lanes = json.loads(service.get("/status", port=port)[1])["lanes"].values()
    return sum(sum(lane["positions"].values()) for lane in lanes)


def test_processes_on_two_machines_keep_one_state_in_the_first_ones_directory(kafka, topics, tmp_path):
    """The second machine needs no disk; who stops one of them stops both, in order; and one machine may go on alone."""
    work = Topics(topics)
    where = addresses(2)
    sent = produce(kafka, work.readings, waves(20, 15))
    with (
        Member(tmp_path / "0", kafka, work, process=0, addresses=where) as first,
        Member(tmp_path / "1", kafka, work, process=1, addresses=where) as second,
    ):
        both = (first.service, second.service)
        wait_until(lambda: all(service.events("first reading") for service in both), "both read")
        wait_until(lambda: sum(count_of(service, "andon_readings_total") for service in both) == sent, "all readings")
        second.process.send_signal(signal.SIGTERM)

        assert (first.process.wait(90), second.process.wait(90)) == (0, 0)
        assert not second.service.state_dir.exists()
        assert (first.process.stdout.read(), second.process.stdout.read()) == (b"", b"")
    produce(kafka, work.readings, waves(20, 15, start=15))
    first.service.catch_up()

    said = without_floods(read_all(kafka, work.alerts))
    assert set(identities(said).values()) == {1}
    assert told(said) == transitions(20, 30)


def test_a_process_whose_others_never_come_ends_and_says_so(kafka, topics, tmp_path):
    """A supervisor can start it again; until then it hears SIGTERM, though it does nothing but wait."""
    work = Topics(topics)
    where = addresses(2)
    patient, hasty = "cluster_wait_s = 600", "cluster_wait_s = 2"
    with (
        Member(tmp_path / "0", kafka, work, process=1, addresses=where, service=patient) as waiting,
        Member(tmp_path / "1", kafka, work, process=0, addresses=where[::-1], service=hasty) as leaving,
    ):
        wait_until(lambda: waiting.service.events("cluster forming"), "it waits")
        waiting.process.send_signal(signal.SIGTERM)

        assert waiting.process.wait(90) == 0
        assert leaving.process.wait(90) == 1
    last = waiting.service.stderr.read_text().splitlines()[-1]
    assert last.startswith("andon: stopped before the other processes") or "the cluster formed" in last
    told = leaving.service.stderr.read_text().splitlines()[-1]
    assert told.startswith(
        f"andon: the flow didn't begin within 2 s: not all of {where[1]}, {where[0]} could be reached"
    )
