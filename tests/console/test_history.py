"""What was told is kept once, in its order, and found again."""

from dataclasses import replace

from contracts.alerts import State, Transition
from tests.alarm_states import T0, alarm_state
from tests.console.plants import heard, stores


def acknowledged(state):
    alert = replace(
        state.alert,
        transition=Transition.ACKNOWLEDGED,
        state=State.ACTIVE_ACKED,
        ts=T0 + 60_000,
        by="maria",
        comment="I go",
    )
    return state.model_copy(update={"alert": alert})


def test_a_transition_that_is_heard_twice_is_kept_once(tmp_path):
    """After a kill -9 the service repeats alerts: a screen doesn't."""
    _, history, _ = stores(tmp_path)
    state = alarm_state()

    first = history.take([heard(state), heard(state)])
    second = history.take([heard(state), heard(acknowledged(state), event_id="e2")])

    assert [alert.transition for _, alert in first] == [Transition.RAISED]
    assert [alert.transition for _, alert in second] == [Transition.ACKNOWLEDGED]
    assert [line.event_id for line in history.story(state.alert.alert_id)] == ["e1", "e2"]


def test_what_is_no_alert_is_counted_and_costs_nothing_else(tmp_path):
    """Anybody may write to a topic."""
    _, history, _ = stores(tmp_path)

    fresh = history.take([heard(alarm_state())._replace(body=b"{}"), heard(alarm_state(asset="press-2"))])

    assert history.unreadable == 1
    assert [alert.asset for _, alert in fresh] == ["press-2"]


def test_a_line_says_where_it_came_from(tmp_path):
    """A doubter finds the reading."""
    _, history, _ = stores(tmp_path)
    state = alarm_state()
    history.take([heard(state)])

    (line,) = history.story(state.alert.alert_id)

    document = line.document()
    assert document["source"] == "readings/0/7"
    assert document["place"] == "andon.alerts/0/3"
    assert document["alert"]["message"] == state.alert.message


def test_an_asset_has_its_own_lines_of_a_time(tmp_path):
    """A page of one asset shows what was told of it."""
    _, history, _ = stores(tmp_path)
    history.take(
        [
            heard(alarm_state(onset_ts=T0), event_id="a"),
            heard(alarm_state(onset_ts=T0 + 9_000), event_id="b"),
            heard(alarm_state(asset="press-2"), event_id="c"),
        ]
    )

    assert [line.event_id for line in history.of_asset("press-1", from_ms=T0, to_ms=T0 + 5_000)] == ["a"]
    assert history.assets() == ["press-1", "press-2"]
    assert [event_id for event_id, _ in history.between(T0, T0 + 1)] == ["a", "c"]
    assert history.newest_heard_ms == T0 + 9_000
