"""`andon watch` as people and programs have it: in a real terminal and in a pipe, on a real broker.

The service's side is played by the test: what is looked at is the screen, and what leaves it.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from dataclasses import replace

import pytest
from confluent_kafka import Producer

from contracts.alarm_states import Hold, heartbeat_key
from contracts.alerts import AlertRecord, State, Transition
from contracts.readings import Reason, Reject
from dataflows.kafka_sink import alert_headers, dead_letter
from tests.alarm_states import alarm_state, heartbeat
from tests.andon.watched import key_of
from tests.kafka.service import WAIT_S, Service, Topics, environment, produce, read_all, wait_until

WIDTH, HEIGHT = 120, 24
CLEAR, RESTORED = b"\x1b[?1049h", b"\x1b[?1049l"


def now_ms():
    return time.time_ns() // 1_000_000


class Plant:
    """Topics, and a hand that writes to them as the service would."""

    def __init__(self, kafka, topics, tmp_path):
        self.kafka = kafka
        self.topics = Topics(topics)
        self.settings = Service(tmp_path, kafka, self.topics).settings
        self._producer = Producer({"bootstrap.servers": kafka})

    def says(self, *things, gone=False):
        """Records of the alarm-state topic."""
        produce(
            self.kafka, self.topics.alarms, [(key_of(each).encode(), None if gone else each.body()) for each in things]
        )

    def beats(self, ts_ms):
        """A sign of life."""
        beat = heartbeat(ts=ts_ms)
        produce(self.kafka, self.topics.alarms, [(heartbeat_key(beat.site, beat.process).encode(), beat.body())])

    def commands(self):
        """What was commanded so far."""
        return [json.loads(message.value()) for message in read_all(self.kafka, self.topics.commands)]

    def wait_for_command(self, number):
        """The newest command, when so many have come, and where it is."""
        wait_until(lambda: len(self.commands()) == number, f"command {number}")
        message = read_all(self.kafka, self.topics.commands)[-1]
        return json.loads(message.value()), message

    def answers(self, message, alert):
        """The transition that a command caused."""
        source = f"{message.topic()}/{message.partition()}/{message.offset()}"
        record = AlertRecord(alert=alert, event_id="0" * 32, source=source, config="")
        headers = alert_headers(record, version="0", now_ms=now_ms())
        self._send(self.topics.alerts, key=alert.asset.encode(), value=alert.body(), headers=headers)

    def refuses(self, message, why):
        """The dead letter of a command."""
        reject = Reject(
            reason=Reason.BAD_COMMAND,
            detail=why,
            key=message.key(),
            value=message.value(),
            topic=message.topic(),
            partition=message.partition(),
            offset=message.offset(),
        )
        key, value, headers = dead_letter([reject])
        self._send(self.topics.dead_letters, key=key, value=value, headers=headers)

    def _send(self, topic, **record):
        self._producer.produce(topic, **record)
        assert self._producer.flush(20) == 0


@pytest.fixture
def plant(kafka, topics, tmp_path):
    """A plant whose service beats."""
    plant = Plant(kafka, topics, tmp_path)
    plant.beats(now_ms())
    return plant


class Terminal:
    """`andon watch` in a terminal of its own, and somebody at it."""

    def __init__(self, plant):
        self.output = b""
        self._person, self._program = pty.openpty()
        self.resize(WIDTH, HEIGHT)
        self.before = termios.tcgetattr(self._program)
        command = [sys.executable, "-m", "andon", "watch", "--settings", str(plant.settings), "--by", "maria"]
        environ = {**environment(), "TERM": "xterm-256color"}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            environ.pop(name, None)
        end = self._program
        self.process = subprocess.Popen(command, stdin=end, stdout=end, stderr=end, env=environ, start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while True:
            try:
                more = os.read(self._person, 65_536)
            except OSError:
                return
            self.output += more

    def resize(self, width, height):
        """The window has another size."""
        fcntl.ioctl(self._program, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def press(self, keys):
        """Type something."""
        os.write(self._person, keys.encode())

    @property
    def screen(self):
        """The newest picture, as text."""
        picture = self.output.rpartition(b"\x1b[H")[2].decode("utf-8", "replace")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", picture).replace("\r", "")

    def wait_for(self, words):
        """Until the screen says so."""
        wait_until(lambda: words in self.screen or self.process.poll() is not None, words)
        assert words in self.screen, self.output[-3_000:].decode("utf-8", "replace")

    def wait_for_end(self):
        """The exit code, once the terminal is as the shell had left it."""
        code = self.process.wait(WAIT_S)
        wait_until(lambda: RESTORED in self.output.rpartition(CLEAR)[2], "the screen as it was before")
        assert termios.tcgetattr(self._program) == self.before
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._program)
        self._reader.join()
        os.close(self._person)


def test_an_alarm_is_seen_acknowledged_and_shelved_at_a_terminal(plant):
    """The whole of a shift: an alarm comes, somebody takes care, and the screen follows."""
    state = alarm_state(onset_ts=now_ms() - 60_000)
    with Terminal(plant) as terminal:
        terminal.wait_for("No alarms.")
        assert "watching, heartbeat" in terminal.screen

        plant.says(state)
        terminal.wait_for("press-1")
        terminal.press("a")
        terminal.wait_for("Acknowledge press-1 temp limit hh?")
        terminal.press("checking the valve\r")
        command, message = plant.wait_for_command(1)
        terminal.wait_for("Sent: acknowledge press-1 temp limit hh.")
        acked = replace(state.alert, transition=Transition.ACKNOWLEDGED, state=State.ACTIVE_ACKED, by="maria")
        plant.answers(message, acked)
        by = Hold(by="maria", since_ts=now_ms(), comment="checking the valve")
        plant.says(state.model_copy(update={"alert": acked, "acknowledged": by}))
        terminal.wait_for("Acknowledged: press-1 temp.")
        terminal.wait_for("acknowledged by maria")

        terminal.press("s2h new sensor\r")
        shelve, message = plant.wait_for_command(2)
        plant.refuses(message, "a shelf may last 1 h at most")
        terminal.wait_for("Shelving press-1 temp wasn't done: a shelf may last 1 h at most")

        plant.says(state, gone=True)
        terminal.wait_for("No alarms.")
        terminal.press("q")
        assert terminal.wait_for_end() == 0

    assert command == {
        "command": "acknowledge",
        "asset": "press-1",
        "alert_id": state.alert.alert_id,
        "by": "maria",
        "comment": "checking the valve",
    }
    assert message.key() == b"press-1"
    assert (shelve["command"], shelve["comment"]) == ("shelve", "new sensor")
    assert 0 < shelve["until"] - now_ms() <= 7_200_000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_terminal_is_put_back_when_the_program_is_told_to_end(plant, number):
    """Also while a question is open and the window has just been made larger."""
    plant.says(alarm_state())
    with Terminal(plant) as terminal:
        terminal.wait_for("press-1")
        terminal.resize(150, 30)
        wait_until(lambda: len(terminal.screen.split("\n")) == 30, "a larger screen")
        terminal.press("a")
        terminal.wait_for("Acknowledge press-1")
        terminal.process.send_signal(number)

        assert terminal.wait_for_end() == 0


def test_a_missing_heartbeat_is_seen(plant):
    """Quiet and dead look different."""
    plant.beats(now_ms() - 600_000)
    with Terminal(plant) as terminal:
        terminal.wait_for("No heartbeat for 10")

        plant.beats(now_ms())
        terminal.wait_for("watching, heartbeat")
        assert "No heartbeat" not in terminal.screen


def piped(plant, stdout, *options):
    """`andon watch` whose output goes elsewhere."""
    command = [sys.executable, "-m", "andon", "watch", "--settings", str(plant.settings), *options]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, env=environment())


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_programs_get_a_line_for_each_change(plant, tmp_path, options):
    """What stands first, then what comes, until SIGTERM."""
    first, second = alarm_state(), alarm_state(asset="press-2")
    plant.says(first)
    output = tmp_path / "lines"
    with output.open("wb") as stdout, piped(plant, stdout, *options) as process:
        wait_until(lambda: output.read_bytes().count(b"\n") == 1, "what stands")
        plant.says(second)
        plant.says(first, gone=True)
        wait_until(lambda: output.read_bytes().count(b"\n") == 3, "what has come")
        process.terminate()

        assert process.wait(WAIT_S) == 0
        assert process.stderr.read() == b""
    lines = output.read_text().splitlines()
    if options:
        assert [json.loads(line)["key"] for line in lines] == [key_of(first), key_of(second), key_of(first)]
    else:
        assert [line.split()[2] for line in lines] == ["raised", "raised", "normal"]


def test_a_reader_who_goes_away_ends_it_quietly(plant):
    """`| head -1` leaves no process behind, also when nothing changes any more."""
    plant.says(alarm_state())
    with piped(plant, subprocess.PIPE) as process:
        assert b"press-1" in process.stdout.readline()
        process.stdout.close()

        assert process.wait(WAIT_S) == 0
        assert process.stderr.read() == b""
