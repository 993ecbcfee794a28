"""What the topic said is read with distrust: whoever may write to a topic may have written nonsense."""

from __future__ import annotations

import pytest

from alarms.recorded import read
from contracts.alarm_states import AlarmRecord, Recorded

from .given import HOUR, KEY, NOON, command, raised

HOLD = "press-1/temp/*/*/hold"


def recorded() -> dict[str, bytes]:
    """A hot press whose sensor is shelved, as the topic tells it."""
    alarms, _identity = raised()
    alarms.obey(command("shelve", sensor="temp", until=NOON + HOUR))
    return alarms.table()


def test_alarms_and_holds_are_told_apart_and_read():
    """Both sorts of records of a key group come in one list."""
    bodies = recorded()

    alarms, holds = read(Recorded(tuple(AlarmRecord(key, body) for key, body in bodies.items()), NOON))

    assert list(alarms) == [KEY]
    assert list(holds) == [HOLD]
    assert alarms[KEY].state is not None
    assert alarms[KEY].state.body() == alarms[KEY].body
    assert holds[HOLD].state is not None
    assert holds[HOLD].state.body() == holds[HOLD].body


@pytest.mark.parametrize("body", [b"", b"nonsense", b"{}", b"[]", b'{"schema":2}', b"\xff"])
def test_what_nobody_can_read_is_kept_as_unreadable(body):
    """Its key is known all the same, and can be mended."""
    alarms, holds = read(Recorded((AlarmRecord(KEY, body), AlarmRecord(HOLD, body)), NOON))

    assert alarms[KEY].state is None
    assert holds[HOLD].state is None


def test_a_record_under_the_key_of_another_is_unreadable():
    """A record that says something of another alarm says nothing of this one."""
    bodies = recorded()

    alarms, holds = read(
        Recorded(
            (AlarmRecord("press-2/temp/limit/hh", bodies[KEY]), AlarmRecord("press-2/*/*/*/hold", bodies[HOLD])), 0
        )
    )

    assert [one.state for one in (*alarms.values(), *holds.values())] == [None, None]


def test_other_keys_and_tombstones_say_nothing():
    """Heartbeats, and whatever else may lie on the topic."""
    records = (AlarmRecord("_heartbeat/plant-1/host", b"{}"), AlarmRecord("x", b"{}"), AlarmRecord(KEY, None))

    assert read(Recorded(records, NOON)) == ({}, {})
