"""The alarm-state topic as a table."""

from dataclasses import replace

import click
import pytest

from andon.table import NotStanding, Table, is_held
from contracts.alarm_states import Hold, HoldState, alarm_key, heartbeat_key, hold_key
from contracts.commands import Scope
from tests.alarm_states import T0, alarm_state, heartbeat


def key_of(state):
    """The key of an alarm's record."""
    alert = state.alert
    return alarm_key(asset=alert.asset, sensor=alert.sensor, kind=alert.kind, rule=alert.rule).encode()


def table_of(*states, beats=()):
    """A table of these alarms and heartbeats."""
    table = Table()
    for state in states:
        assert table.take(key_of(state), state.body())
    for beat in beats:
        assert table.take(heartbeat_key(beat.site, beat.process).encode(), beat.body())
    return table


def test_the_newest_record_of_a_key_counts_and_a_tombstone_takes_it_back():
    """What is shown is what stands."""
    first, second = alarm_state(value=96.0), alarm_state(value=99.0)
    table = table_of(first, second)

    assert table.alarms == {"press-1/temp/limit/hh": second}
    assert table.take(key_of(first), None) == "press-1/temp/limit/hh"
    assert table.alarms == {}


def test_each_sort_of_record_has_its_place():
    """Alarms, what people hold back, and signs of life are told apart by their keys."""
    hold = HoldState(schema=1, asset="press-1", sensor="temp", shelved=Hold(by="maria", since_ts=T0, until_ts=T0 + 1))
    table = table_of(alarm_state(), beats=[heartbeat()])

    changed = table.take(hold_key("press-1", Scope("temp")).encode(), hold.body())

    assert changed == "press-1/temp/*/*/hold"
    assert table.holds == {"press-1/temp/*/*/hold": hold}
    assert list(table.alarms) == ["press-1/temp/limit/hh"]
    assert list(table.heartbeats) == ["_heartbeat/plant-1/host"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"press-1/temp/limit/hh", b"{"),
        (b"press-1/temp/limit/hh", b'{"schema":2,"news":"of another version"}'),
        (b"press-1/temp/limit/hh", heartbeat().body()),
        (b"somebody/else", b"{}"),
        (b"\xff/temp/limit/hh", alarm_state().body()),
        (None, alarm_state().body()),
        (b"somebody/else", None),
    ],
)
def test_a_record_that_cannot_be_read_is_counted_and_what_stood_goes_on_standing(key, value):
    """A stray record takes no alarm off the screen."""
    table = table_of(alarm_state())

    assert table.take(key, value) is None
    assert table.unreadable == 1
    assert list(table.alarms.values()) == [alarm_state()]


def test_a_tombstone_of_what_never_stood_changes_nothing():
    """A topic that wasn't compacted yet is full of them."""
    table = Table()

    assert table.take(b"press-1/temp/limit/hh", None) is None
    assert table.unreadable == 0


def test_an_alarm_is_found_by_the_start_of_its_id():
    """Nobody types 32 digits."""
    state = alarm_state()
    table = table_of(state, alarm_state(asset="press-2"))

    assert table.find(state.alert.alert_id[:6]) == state
    assert table.find(state.alert.alert_id.upper()) == state


@pytest.mark.parametrize("alert_id", ["12345", "", "press-1", "0" * 33, "12345g", "123456\n"])
def test_what_is_no_id_is_told(alert_id):
    """A typing mistake acknowledges nothing."""
    with pytest.raises(click.BadParameter, match="give its 6 to 32 first hex digits"):
        table_of(alarm_state()).find(alert_id)


def test_an_id_that_no_alarm_has_is_told():
    """The alarm may be over meanwhile."""
    with pytest.raises(NotStanding, match="no alarm with the id 123456 stands now"):
        table_of(alarm_state()).find("123456")


def test_a_start_that_two_ids_share_is_told_with_both():
    """Nobody acknowledges the wrong one of them."""
    one, other = alarm_state(), alarm_state(asset="press-2")
    twin = replace(other.alert, alert_id=one.alert.alert_id[:6] + "f" * 26)
    table = table_of(one, other.model_copy(update={"alert": twin}))

    with pytest.raises(click.ClickException, match=r"2 alarms have ids that begin .* Give more of it") as error:
        table.find(one.alert.alert_id[:6])
    assert one.alert.alert_id in error.value.message
    assert twin.alert_id in error.value.message


@pytest.mark.parametrize(
    ("beats", "state", "words"),
    [
        ([], "never", "no heartbeat yet"),
        ([heartbeat()], "running", ""),
        ([heartbeat(ts=T0 - 90_000)], "running", ""),
        ([heartbeat(ts=T0 - 95_000)], "silent", "no heartbeat for 95 s: alarms may be out of date"),
        ([heartbeat(ts=T0 - 5_000, state="stopped")], "stopped", "was stopped at 2023-11-14 22:13:15 UTC, 5 s ago"),
        ([heartbeat(ts=T0 + 5_000)], "running", ""),
        ([heartbeat(ts=T0 - 5_000, process="a"), heartbeat(ts=T0 - 9 * 10**6, process="b")], "running", ""),
        ([heartbeat(ts=T0, process="a", state="stopped"), heartbeat(ts=T0 - 9, process="b")], "running", ""),
        (
            [heartbeat(ts=T0 - 95_000, process="a"), heartbeat(ts=T0 - 99_000, process="b", state="stopped")],
            "silent",
            "",
        ),
    ],
)
def test_a_quiet_plant_is_told_from_a_dead_watcher(beats, state, words):
    """No news is good news only while somebody watches."""
    watching = table_of(beats=beats).watching(T0)

    assert watching.state == state
    assert words in watching.fault
    assert bool(watching.fault) == (state != "running")


@pytest.mark.parametrize("name", ["shelved", "suppressed", "out_of_service"])
def test_an_alarm_that_anything_holds_back_is_held(name):
    """It stands, and calls nobody."""
    assert not is_held(alarm_state())
    assert is_held(alarm_state(**{name: Hold(by="maria", since_ts=T0)}))
