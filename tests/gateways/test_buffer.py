"""Store and forward on the local disk."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys

import pytest

from contracts.errors import StateError
from gateways.buffer import Buffer, Message
from tests.conftest import ROOT

MESSAGES = [Message(b"press-1", b'{"x":1}'), Message(b"", b""), Message("öfen".encode(), bytes(300))]


def numbered(number, size=100):
    """A message that can be told from others."""
    return Message(b"%d" % number, bytes(size))


def keys(buffer):
    """Of all messages that wait, in their order."""
    return [message.key for pack in buffer.read(0, packs_max=100_000) for message in pack.messages]


def test_what_was_stored_is_handed_out_in_order_after_a_restart(tmp_path):
    """A gateway that was switched off for the night sends in the morning what it had."""
    with Buffer(tmp_path, bytes_max=10_000, drop_oldest=True) as buffer:
        assert buffer.append("readings", MESSAGES) == 0
        assert buffer.append("other", MESSAGES[:1]) == 0

    with Buffer(tmp_path, bytes_max=10_000, drop_oldest=True) as buffer:
        first, second = buffer.read(0, packs_max=9)
        assert (first.topic, list(first.messages)) == ("readings", MESSAGES)
        assert (second.topic, list(second.messages)) == ("other", MESSAGES[:1])
        assert buffer.messages == 4
        buffer.forget(first.number)
        assert buffer.messages == 1
        assert buffer.read(first.number, packs_max=9) == [second]


def test_a_full_buffer_gives_up_the_oldest_and_says_how_many(tmp_path):
    """After a week without Kafka the newest hours are there."""
    with Buffer(tmp_path, bytes_max=16_000, drop_oldest=True) as buffer:
        dropped = sum(buffer.append("readings", [numbered(number)]) for number in range(300))

        kept = keys(buffer)
        assert dropped + len(kept) == 300
        assert kept == [b"%d" % number for number in range(dropped, 300)]
        assert 0 < buffer.bytes <= 16_000
        assert buffer.messages == len(kept)


def test_a_full_buffer_may_keep_the_oldest_instead(tmp_path):
    """Where how it began matters more than how it ended."""
    with Buffer(tmp_path, bytes_max=16_000, drop_oldest=False) as buffer:
        dropped = sum(buffer.append("readings", [numbered(number)]) for number in range(300))

        kept = keys(buffer)
        assert kept == [b"%d" % number for number in range(300 - dropped)]
        assert 100 < len(kept) < 200


def test_what_is_larger_than_the_whole_buffer_is_given_up(tmp_path):
    """And costs nothing of what waits."""
    with Buffer(tmp_path, bytes_max=1_000, drop_oldest=True) as buffer:
        buffer.append("readings", MESSAGES[:1])

        assert buffer.append("readings", [numbered(1, 2_000)]) == 1
        assert keys(buffer) == [b"press-1"]


def test_two_gateways_never_share_a_buffer(tmp_path):
    """A second one is refused before it does harm."""
    with (
        Buffer(tmp_path, bytes_max=1_000, drop_oldest=True),
        pytest.raises(StateError, match="another gateway uses this buffer"),
    ):
        Buffer(tmp_path, bytes_max=1_000, drop_oldest=True)


def test_a_damaged_file_is_told_in_one_line(tmp_path):
    """With what to do about it."""
    (tmp_path / "buffer.sqlite3").write_bytes(b"nonsense" * 1000)

    with pytest.raises(StateError, match=r"can't be used .* Move it away"):
        Buffer(tmp_path, bytes_max=1_000, drop_oldest=True)


def test_a_buffer_of_a_later_version_is_left_alone(tmp_path):
    """An old andon doesn't take it apart."""
    rows = sqlite3.connect(tmp_path / "buffer.sqlite3")
    rows.execute("PRAGMA user_version = 9")
    rows.close()

    with pytest.raises(StateError, match="version 9 of the buffer"):
        Buffer(tmp_path, bytes_max=1_000, drop_oldest=True)


CHILD = """
import sys
from pathlib import Path
from gateways.buffer import Buffer, Message
buffer = Buffer(Path(sys.argv[1]), bytes_max=10**9, drop_oldest=True)
number = 0
while True:
    buffer.append("readings", [Message(b"%d" % number, bytes(50))])
    print(number, flush=True)
    number += 1
"""


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path):
    """What `append` has returned for is there after the worst end."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        acknowledged = [int(child.stdout.readline()) for _ in range(300)]
        child.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in child.stdout if line.endswith("\n")]

    with Buffer(tmp_path, bytes_max=10**9, drop_oldest=True) as buffer:
        found = [int(key) for key in keys(buffer)]
    assert found[: len(acknowledged)] == acknowledged
    assert len(found) - len(acknowledged) in {0, 1}
