"""What `andon watch` prints for other programs."""

import json
from dataclasses import replace

import pytest

from andon.table import Table
from andon.watch.lines import Lines
from contracts.alerts import State, Transition
from tests.alarm_states import T0, alarm_state, heartbeat
from tests.andon.watched import hold, hold_state, record

BEAT = record(heartbeat())


def changed(state, **fields):
    """The alarm after its next transition."""
    alert = replace(state.alert, **{name: fields.pop(name) for name in list(fields) if name in {"transition", "ts"}})
    return state.model_copy(update={"alert": alert, **fields})


def told(*batches, as_json=False, now_ms=T0):
    """The lines after what was there at the start; the first batch is what was there."""
    lines = Lines(Table(), as_json=as_json)
    first, *others = batches
    lines.take(first, complete=True, now_ms=now_ms)
    for batch in others:
        lines.due()
        lines.take(batch, complete=True, now_ms=now_ms)
    return lines.due()


def test_what_stands_is_told_first_and_only_as_it_stands_now():
    """The history of an alarm isn't news."""
    later = changed(alarm_state(), transition=Transition.ACKNOWLEDGED, ts=T0 + 1000)
    over = alarm_state(asset="press-2")

    lines = told([BEAT, record(alarm_state()), record(over), record(later), record(over, gone=True)])

    assert lines == ["2023-11-14 22:13:21  acknowledged    critical  press-1 temp is wrong (limit hh)"]


def test_nothing_is_told_before_all_that_was_there_has_been_read():
    """Half a list looks like a whole one."""
    lines = Lines(Table(), as_json=False)

    lines.take([record(alarm_state())], complete=False, now_ms=T0)

    assert lines.due() == []


def test_each_change_is_a_line():
    """Raised, acknowledged, over."""
    state = alarm_state()
    acked = changed(state, transition=Transition.ACKNOWLEDGED, ts=T0 + 1000)

    lines = told([BEAT], [record(state), record(acked), record(acked, gone=True, ts_ms=T0 + 2000)])

    assert lines == [
        "2023-11-14 22:13:20  raised          critical  press-1 temp is wrong (limit hh)",
        "2023-11-14 22:13:21  acknowledged    critical  press-1 temp is wrong (limit hh)",
        "2023-11-14 22:13:22  normal          press-1 temp is wrong (limit hh)",
    ]


def test_a_record_that_says_the_same_again_is_no_line():
    """A restart that repeats what stands repeats nothing here."""
    assert told([BEAT, record(alarm_state())], [record(alarm_state())]) == []


def test_an_alarm_that_begins_to_chatter_is_told():
    """It has no transition of its own."""
    lines = told([BEAT, record(alarm_state())], [record(alarm_state(chattering=True))])

    assert lines == ["2023-11-14 22:13:20  chattering      press-1 temp is wrong (limit hh)"]


def test_what_is_held_back_and_released_is_told():
    """With who, why and until when."""
    held = hold_state(sensor="temp", shelved=hold(until_ts=T0 + 3_600_000, comment="two\nlines"))

    lines = told([BEAT], [record(held), record(held, gone=True)])

    assert lines == [
        "2023-11-14 22:13:20  shelved         press-1 temp, all alarms until 2023-11-14 23:13:20 by maria: two\\nlines",
        "2023-11-14 22:13:20  released        press-1 temp, all alarms: nothing holds them back any more",
    ]


def test_a_heartbeat_that_goes_missing_and_comes_back_is_told_once_each():
    """A quiet log isn't taken for a quiet plant."""
    lines = Lines(Table(), as_json=False)
    said = []
    for now_ms, messages in [
        (T0, [BEAT]),
        (T0 + 60_000, []),
        (T0 + 95_000, []),
        (T0 + 96_000, []),
        (T0 + 97_000, [record(heartbeat(ts=T0 + 97_000))]),
        (T0 + 98_000, []),
    ]:
        lines.take(messages, complete=True, now_ms=now_ms)
        said += lines.due()

    assert said == [
        "2023-11-14 22:14:55  heartbeat       no heartbeat for 95 s: alarms may be out of date",
        "2023-11-14 22:14:57  heartbeat       is back: the plant is watched",
    ]


def test_a_plant_that_nobody_watches_is_told_at_once():
    """Also when there never was a heartbeat."""
    (line,) = told([])

    assert "no heartbeat yet" in line


def test_machines_get_each_change_whole():
    """A line of JSON: the record, or null where it stands no more."""
    state = alarm_state()
    held = hold_state(shelved=hold())

    lines = told(
        [BEAT],
        [record(state), record(state, gone=True, ts_ms=T0 + 5), record(held), record(held, gone=True)],
        as_json=True,
    )

    raised, over, shelved, released = map(json.loads, lines)
    assert raised == {"ts": T0, "key": "press-1/temp/limit/hh", "alarm": json.loads(state.body())}
    assert over == {"ts": T0 + 5, "key": "press-1/temp/limit/hh", "alarm": None}
    assert shelved == {"ts": T0, "key": "press-1/*/*/*/hold", "hold": json.loads(held.body())}
    assert released["hold"] is None


def test_machines_get_the_heartbeat_too():
    """As a state and since when."""
    assert list(map(json.loads, told([BEAT], [], as_json=True, now_ms=T0 + 95_000))) == []
    lines = Lines(Table(), as_json=True)
    lines.take([BEAT], complete=True, now_ms=T0 + 95_000)

    assert list(map(json.loads, lines.due())) == [{"ts": T0 + 95_000, "heartbeat": "silent", "since": T0}]


@pytest.mark.parametrize("state", [State.RETURNED_UNACKED, State.ACTIVE_ACKED])
def test_a_record_that_cannot_be_read_is_no_line(state):
    """And breaks nothing."""
    broken = record(alarm_state(state=state))
    broken.raw = b"{"

    assert told([BEAT], [broken]) == []
