"""What alarms promise, each as a check of what was told about one alarm, in the words of docs/explanation/alarms.md."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from contracts.alarm_states import AlarmState
from contracts.alerts import Alert, State, Transition, alert_id

ENDINGS = (Transition.UNSHELVED, Transition.UNSUPPRESSED, Transition.IN_SERVICE)
ACTIVE = (State.ACTIVE_UNACKED, State.ACTIVE_ACKED)


class Line(NamedTuple):
    """One transition, and what was known when it was told."""

    alert: Alert
    state: AlarmState | None
    """What the topic says after it; None: a tombstone."""
    held: bool = False
    """A person holds it back, or its time lies in a maintenance."""
    covered: bool = False
    """The outer limit is active."""


def it_is_never_raised_twice_without_a_return(history: list[Line]) -> None:
    """Between two raises it has returned, or was closed by a comparison or by new settings."""
    for before, after in pairwise(history):
        if after.alert.transition is Transition.RAISED:
            assert before.alert.state in (State.NORMAL, State.RETURNED_UNACKED)
        if before.alert.state is State.NORMAL:
            assert after.alert.transition in (Transition.RAISED, Transition.RECONCILED)


def acknowledged_stays_acknowledged_until_a_new_onset(history: list[Line]) -> None:
    """Nobody is asked twice about one episode."""
    for before, after in pairwise(history):
        if before.alert.state is State.ACTIVE_ACKED and after.alert.transition is not Transition.RAISED:
            assert after.alert.state in (State.ACTIVE_ACKED, State.NORMAL)


def all_transitions_of_an_episode_have_its_id(history: list[Line]) -> None:
    """From the raise to the end, whoever causes them; and the id is that of the onset."""
    for before, after in pairwise(history):
        if after.alert.transition is not Transition.RAISED:
            assert after.alert.alert_id == before.alert.alert_id
            assert after.alert.onset_ts == before.alert.onset_ts
    for alert in (line.alert for line in history):
        assert alert.alert_id == alert_id(
            asset=alert.asset, sensor=alert.sensor, kind=alert.kind, rule=alert.rule, onset_ts=alert.onset_ts
        )


def nothing_that_is_held_is_annunciated(history: list[Line]) -> None:
    """Shelved, suppressed or out of service: it is on record, and nobody is disturbed."""
    for alert, state, held, _covered in history:
        by_data = alert.transition in (Transition.RAISED, Transition.CLEARED)
        by_record = state is not None and not by_data and (state.shelved or state.suppressed or state.out_of_service)
        assert not (alert.annunciated and (held or by_record))


def the_last_hold_that_ends_on_an_active_alarm_is_annunciated(history: list[Line]) -> None:
    """What was held back and is still wrong is heard."""
    for alert, state, held, covered in history:
        if alert.transition not in ENDINGS or state is None or covered:
            continue
        nothing_holds = not (held or state.shelved or state.suppressed or state.out_of_service)
        assert alert.annunciated is (nothing_holds and alert.state in ACTIVE)


def what_stands_is_told_with_each_transition(history: list[Line]) -> None:
    """The record after an alert carries it, byte for byte; a tombstone comes with the return to normal."""
    for alert, state, *_ in history:
        assert (state is None) is (alert.state is State.NORMAL)
        assert state is None or state.alert.body() == alert.body()


PROMISES = (
    it_is_never_raised_twice_without_a_return,
    acknowledged_stays_acknowledged_until_a_new_onset,
    all_transitions_of_an_episode_have_its_id,
    nothing_that_is_held_is_annunciated,
    the_last_hold_that_ends_on_an_active_alarm_is_annunciated,
    what_stands_is_told_with_each_transition,
)
