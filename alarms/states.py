"""The states of an alarm, and what leads from one to the next (ISA-18.2, beside the figure of its alarm states).

                           ONSET                                 ACKNOWLEDGE
            ┌────────────────────────────► ACTIVE_UNACKED ────────────────────► ACTIVE_ACKED
            │                               │   │      ▲                             │
          NORMAL ◄──────── RETURN ──────────┘   │      │ ONSET: a new alert_id       │
            ▲  ▲     (no acknowledging needed)  │      │                             │
            │  │                         RETURN │      │                             │
            │  └──── ACKNOWLEDGE ─────────── RETURNED_UNACKED                        │
            └────────────────────────────── RETURN ──────────────────────────────────┘

Shelved, suppressed and out of service aren't here: they stand beside these states and change none of them.
"""

from __future__ import annotations

from enum import StrEnum

from contracts.alerts import State, Transition

__all__ = ["ACTIVE", "Event", "outcome"]


class Event(StrEnum):
    """What moves an alarm from state to state."""

    ONSET = "onset"  # its condition became true
    RETURN = "return"  # its condition became false
    ACKNOWLEDGE = "acknowledge"  # a person has seen it


ACTIVE = frozenset({State.ACTIVE_UNACKED, State.ACTIVE_ACKED})
"""The condition lasts."""

_TABLE: dict[tuple[State, Event], tuple[Transition, State]] = {
    (State.NORMAL, Event.ONSET): (Transition.RAISED, State.ACTIVE_UNACKED),
    (State.ACTIVE_UNACKED, Event.ACKNOWLEDGE): (Transition.ACKNOWLEDGED, State.ACTIVE_ACKED),
    (State.ACTIVE_UNACKED, Event.RETURN): (Transition.CLEARED, State.RETURNED_UNACKED),
    (State.ACTIVE_ACKED, Event.RETURN): (Transition.CLEARED, State.NORMAL),
    (State.RETURNED_UNACKED, Event.ACKNOWLEDGE): (Transition.ACKNOWLEDGED, State.NORMAL),
    (State.RETURNED_UNACKED, Event.ONSET): (Transition.RAISED, State.ACTIVE_UNACKED),
}


def outcome(state: State, event: Event, *, ack_required: bool) -> tuple[Transition, State] | None:
    """The transition that an event makes, and the state after it; None: it is impossible in this state.

    Args:
        ack_required: whether an alarm that is over stays until a person acknowledges it.
    """
    found = _TABLE.get((state, event))
    if found == (Transition.CLEARED, State.RETURNED_UNACKED) and not ack_required:
        return Transition.CLEARED, State.NORMAL
    return found
