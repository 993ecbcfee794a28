"""What is shown, in which order, and what counts as calling somebody."""

from andon.watch.board import board_of
from contracts.alerts import Priority, State
from contracts.findings import Kind
from tests.alarm_states import T0, alarm_state
from tests.andon.watched import hold, hold_state, key_of, table_of


def keys(rows):
    return [row.key for row in rows]


def test_alarms_come_by_priority_and_then_the_newest_first():
    """The eye finds what is urgent and new at the top."""
    low = alarm_state(asset="low", severity=100, onset_ts=T0 + 9)
    old, new = alarm_state(asset="old", onset_ts=T0), alarm_state(asset="new", onset_ts=T0 + 1)
    high = alarm_state(asset="high", severity=700, onset_ts=T0 + 5)

    board = board_of(table_of(low, old, new, high))

    assert keys(board.standing) == [key_of(state) for state in (new, old, high, low)]
    assert board.counts == {Priority.CRITICAL: 2, Priority.HIGH: 1, Priority.LOW: 1}


def test_what_is_held_back_is_apart_and_not_counted():
    """A shelved alarm calls nobody."""
    held = [
        alarm_state(asset="a", shelved=hold()),
        alarm_state(asset="b", suppressed=hold("maintenance")),
        alarm_state(asset="c", out_of_service=hold()),
    ]

    board = board_of(table_of(alarm_state(), *held))

    assert keys(board.standing) == [key_of(alarm_state())]
    assert keys(board.held) == [key_of(state) for state in held]
    assert board.counts.total() == board.calling.total() == 1
    assert keys(board.rows(with_held=True)) == keys(board.standing) + keys(board.held)


def test_a_hold_without_an_alarm_is_a_row_of_its_own_and_one_with_an_alarm_is_not():
    """What would stay silent can be seen, and is seen once."""
    seen = hold_state(shelved=hold())
    unseen = hold_state("press-2", sensor="temp", shelved=hold())

    board = board_of(table_of(alarm_state(shelved=hold()), seen, unseen))

    assert keys(board.held) == [key_of(alarm_state()), key_of(unseen)]


def test_a_limit_under_its_outer_one_calls_nobody_while_that_is_active():
    """hh says it all; h is there to be seen."""
    inner, outer = alarm_state(rule="h", severity=650), alarm_state(rule="hh")
    other = alarm_state(asset="press-2", rule="h", severity=650)

    board = board_of(table_of(inner, outer, other))

    covered = {row.key: row.covered_by for row in board.standing}
    assert covered == {key_of(outer): "", key_of(inner): "hh", key_of(other): ""}
    assert board.counts[Priority.HIGH] == 2
    assert board.calling[Priority.HIGH] == 1


def test_a_limit_whose_outer_one_is_over_calls_again():
    """hh that waits for its acknowledgement covers nothing any more."""
    inner, outer = alarm_state(rule="l"), alarm_state(rule="ll", state=State.RETURNED_UNACKED)

    board = board_of(table_of(inner, outer))

    assert [row.covered_by for row in board.standing] == ["", ""]


def test_only_what_nobody_has_acknowledged_calls():
    """An alarm that is over calls until somebody has seen it."""
    states = {"a": State.ACTIVE_UNACKED, "b": State.ACTIVE_ACKED, "c": State.RETURNED_UNACKED}

    board = board_of(table_of(*(alarm_state(asset=asset, state=state) for asset, state in states.items())))

    assert {row.key[0]: row.calls for row in board.standing} == {"a": True, "b": False, "c": True}


def test_a_flood_is_no_row():
    """It stands above all of them."""
    flood = alarm_state(asset="plant-1", sensor=None, kind=Kind.FLOOD, rule="site")

    board = board_of(table_of(flood, alarm_state()))

    assert board.floods == (flood,)
    assert keys(board.standing) == [key_of(alarm_state())]


def test_an_alarm_is_the_same_only_while_its_episode_lasts():
    """Nobody acknowledges what was raised after they had looked."""
    first, second = alarm_state(onset_ts=T0), alarm_state(onset_ts=T0 + 1)

    board = board_of(table_of(second))

    assert board.alarm_of(second.alert) == second
    assert board.alarm_of(first.alert) is None
