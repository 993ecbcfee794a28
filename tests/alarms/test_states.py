"""The table of states, row by row, and everything that isn't in it."""

from __future__ import annotations

from itertools import product

import pytest

from alarms.states import Event, outcome
from contracts.alerts import State, Transition

ROWS = {
    (State.NORMAL, Event.ONSET): (Transition.RAISED, State.ACTIVE_UNACKED),
    (State.ACTIVE_UNACKED, Event.ACKNOWLEDGE): (Transition.ACKNOWLEDGED, State.ACTIVE_ACKED),
    (State.ACTIVE_ACKED, Event.RETURN): (Transition.CLEARED, State.NORMAL),
    (State.RETURNED_UNACKED, Event.ACKNOWLEDGE): (Transition.ACKNOWLEDGED, State.NORMAL),
    (State.RETURNED_UNACKED, Event.ONSET): (Transition.RAISED, State.ACTIVE_UNACKED),
}


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
@pytest.mark.parametrize("ack_required", [False, True])
def test_an_event_leads_where_the_standard_says_or_is_impossible(state, event, ack_required):
    """The figure of ISA-18.2 is what happens."""
    expected = ROWS.get((state, event))
    if (state, event) == (State.ACTIVE_UNACKED, Event.RETURN):
        expected = (Transition.CLEARED, State.RETURNED_UNACKED if ack_required else State.NORMAL)

    assert outcome(state, event, ack_required=ack_required) == expected
