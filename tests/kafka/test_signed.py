"""Only signed commands, or none at all: who can silence an alarm, on a real broker with the real command line."""

from __future__ import annotations

import json
import re
from ipaddress import ip_address
from pathlib import Path

from confluent_kafka import Producer

from tests.kafka.service import Service, Topics, andon, produce, read_all, reading, wait_until

T0 = 1_700_000_000_000
RULE = "[[rules]]\nlimit = { h = 85 }\nstale = false\nanomaly = false\n"
BY_BROKER = {"message.timestamp.type": "LogAppendTime"}


def _send(bootstrap, message, topic):
    """A message as it was, once more: with its headers."""
    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce(topic, message.value(), message.key(), headers=message.headers())
    assert producer.flush(30) == 0


def _listening(pid):
    """The addresses and TCP ports on which a process listens, as Linux says it."""
    sockets = set()
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        try:
            name = str(handle.readlink())
        except OSError:  # closed meanwhile
            continue
        if name.startswith("socket:["):
            sockets.add(name[8:-1])
    tables = [Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    lines = [line.split() for table in tables for line in table]
    return {_endpoint(line[1]) for line in lines if line[3] == "0A" and line[9] in sockets}


def _endpoint(text):
    """`0100007F:23F0` → ("127.0.0.1", 9200): words of four bytes, each the last byte first."""
    address, port = text.split(":")
    packed = bytes.fromhex(address)
    return str(ip_address(b"".join(packed[at : at + 4][::-1] for at in range(0, len(packed), 4)))), int(port, 16)


def test_only_who_has_the_key_acknowledges(kafka, topics, tmp_path):
    """Not who writes to the topic, not who signs with another key, not who copies what is signed; nor after a crash."""
    there = Topics(topics)
    there.commands = topics(1, BY_BROKER)
    for name, secret in (("trusted", "5e"), ("strange", "6f")):
        (tmp_path / name).write_text(f"maria {secret * 32}\n")
    rules = f'[commands]\naccept = "signed"\nkeys_file = "{tmp_path}/trusted"\n{RULE}'
    with Service(tmp_path / "s", kafka, there, service="epoch_s = 0.5", rules=rules) as service:
        produce(kafka, there.readings, [reading("press-1", 99, T0)])
        service.start()
        wait_until(lambda: len(read_all(kafka, there.alerts)) == 1, "the alarm")
        alert_id = json.loads(read_all(kafka, there.alerts)[0].value())["alert_id"]
        settings = ["--settings", str(service.settings), "--by", "maria"]
        forged = {"command": "acknowledge", "asset": "press-1", "alert_id": alert_id, "by": "maria"}

        produce(kafka, there.commands, [(b"press-1", json.dumps(forged).encode())])
        service.settings.write_text(service.settings.read_text().replace("/trusted", "/strange"))
        stranger = andon("ack", alert_id, *settings)
        service.settings.write_text(service.settings.read_text().replace("/strange", "/trusted"))
        trusted = andon("ack", alert_id, *settings)
        *_, signed = read_all(kafka, there.commands)
        _send(kafka, signed, there.commands)
        wait_until(lambda: len(read_all(kafka, there.dead_letters)) == 3, "three refusals")
        service.kill()
        service.start()
        _send(kafka, signed, there.commands)
        wait_until(lambda: len(read_all(kafka, there.dead_letters)) >= 4, "the fourth")
        # Commands of the epoch that the crash cut off are refused once more.
        wait_until(lambda: re.search(r'"bad_signature"\} [1-9]', service.get("/metrics")[1]), "it is counted")
        listening = _listening(service.process.pid)
        port = service.events("metrics served")[-1]["port"]
        service.stop()

    assert stranger.returncode == 1
    assert stranger.stderr.startswith("refused: its signature with the key maria is wrong")
    assert trusted.returncode == 0, trusted.stderr
    assert trusted.stdout.startswith("acknowledged: ")
    letters = [dict(letter.headers()) for letter in read_all(kafka, there.dead_letters)]
    assert {letter["andon_reason"] for letter in letters} == {b"bad_signature"}
    assert [letter["andon_detail"].decode() for letter in letters][:3] == [
        "it isn't signed, and only signed commands are taken here",
        "its signature with the key maria is wrong: another key, another site or topic, or it was changed",
        "it is a copy of the command at 0/2",
    ]
    assert letters[-1]["andon_detail"] == b"it is a copy of the command at 0/2"
    told = [json.loads(alert.value())["transition"] for alert in read_all(kafka, there.alerts)]
    assert sorted(set(told)) == ["acknowledged", "raised"]
    assert listening == {("127.0.0.1", port)}  # nobody else on the network may ask, unless the settings say so


def test_in_one_way_mode_nobody_commands_and_nothing_listens(kafka, topics, tmp_path):
    """For a DMZ: readings come from the broker, alerts go to it, and there is no way in. The topic need not even be."""
    there = Topics(topics)
    there.commands = "there-is-no-such-topic"
    rules = f'[commands]\naccept = "none"\n{RULE}'
    with Service(tmp_path, kafka, there, service="epoch_s = 0.5", rules=rules) as service:
        text = service.settings.read_text()
        service.settings.write_text(text.replace("metrics_port = 0", "metrics_port = false"))
        service.start()
        produce(kafka, there.readings, [reading("press-1", 99, T0)])
        wait_until(lambda: len(read_all(kafka, there.alerts)) == 1, "the alarm")
        listening = _listening(service.process.pid)
        refused = andon("shelve", "press-1", "--for", "1h", "--by", "maria", "--settings", str(service.settings))
        status = andon("status", "--settings", str(service.settings))
        stopped = service.stop()

    assert listening == set()
    assert refused.returncode == 2
    assert 'commands.accept: is "none": andon takes no commands here.' in refused.stderr
    assert status.returncode == 2
    assert "service.metrics_port is false: it serves no status" in status.stderr
    assert stopped == 0
