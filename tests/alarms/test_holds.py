"""What people hold back: who is covered, until when, and what the topic says of it."""

from __future__ import annotations

import pytest

from alarms.holds import NOTHING, Act, Holding, Holds, act_of, described
from contracts.alarm_states import HoldState, hold_key
from contracts.commands import Scope

from .given import HOUR, NOON

ALL = Scope()
TEMP = Scope("temp")
EXACT = Scope("temp", "limit", "hh")


def act(by: str = "maria", *, since_ts: int = NOON, until_ts: int | None = None) -> Act:
    return Act(by, "checking", since_ts, until_ts)


def covering(holds: Holds) -> Holding:
    return holds.covering(sensor="temp", kind="limit", rule="hh")


def test_of_several_shelves_the_one_that_ends_last_is_shown_and_else_the_oldest_hold():
    """The operator reads until when nothing will be heard, and who was the first to say so."""
    holds = Holds("press-1")
    holds.put(ALL, "shelved", act("maria", until_ts=NOON + HOUR))
    holds.put(TEMP, "shelved", act("jo", until_ts=NOON + 2 * HOUR))
    holds.put(ALL, "suppressed", act("late", since_ts=NOON + 1))
    holds.put(EXACT, "suppressed", act("early"))

    assert covering(holds).shelved == act("jo", until_ts=NOON + 2 * HOUR)
    assert covering(holds).suppressed == act("early")
    assert covering(holds).out_of_service is None
    assert holds.covering(sensor="flow", kind="limit", rule="hh").shelved == act("maria", until_ts=NOON + HOUR)


def test_what_is_about_the_asset_as_a_whole_has_a_scope_of_its_own():
    """An empty sensor means the alarms without one, and not all."""
    holds = Holds("press-1")
    holds.put(Scope(""), "suppressed", act())

    assert covering(holds) == NOTHING
    assert holds.covering(sensor="", kind="stale", rule="silent").suppressed == act()


def test_a_scope_of_which_nothing_stands_any_more_is_forgotten():
    """What nobody holds costs nothing."""
    holds = Holds("press-1")
    holds.put(TEMP, "suppressed", act())
    holds.put(TEMP, "shelved", act(until_ts=NOON + 1))
    holds.put(TEMP, "suppressed", None)

    assert len(holds) == 1
    holds.put(TEMP, "shelved", None)
    assert len(holds) == 0
    assert holds.record(TEMP).body is None


def test_shelves_end_in_the_order_of_their_times():
    """Two that end at the same moment end together."""
    holds = Holds("press-1")
    assert holds.next_end() is None
    holds.put(ALL, "shelved", act(until_ts=NOON + 2))
    holds.put(TEMP, "shelved", act(until_ts=NOON + 1))
    holds.put(EXACT, "shelved", act(until_ts=NOON + 1))
    holds.put(Scope("flow"), "suppressed", act())

    assert holds.next_end() == NOON + 1
    assert holds.ending_at(NOON + 1) == [TEMP, EXACT]


@pytest.mark.parametrize("scope", [ALL, TEMP, EXACT, Scope(""), Scope(None, "stale")])
def test_the_record_of_a_hold_is_what_its_model_would_write(scope):
    """Whoever reads the topic by the published model gets the same bytes."""
    holds = Holds("press/1")
    holds.put(scope, "shelved", Act("maria", None, NOON, NOON + HOUR))
    holds.put(scope, "out_of_service", Act("jo", "größer\n„neu“", NOON))

    record = holds.record(scope)

    assert record.body is not None
    state = HoldState.model_validate_json(record.body)
    assert state.body() == record.body
    assert record.key == hold_key("press/1", scope)
    assert state.scope == scope
    assert state.shelved is not None
    assert act_of(state.shelved) == Act("maria", None, NOON, NOON + HOUR)


def test_rows_bring_back_the_same_holds():
    """A restart forgets no shelf."""
    holds = Holds("press-1")
    holds.put(ALL, "shelved", act(until_ts=NOON + HOUR))
    holds.put(EXACT, "out_of_service", act())

    again = Holds("press-1")
    for row in holds.rows():
        again.take(row)

    assert [again.record(scope) for scope in again] == [holds.record(scope) for scope in holds]


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (ALL, "all of press-1"),
        (TEMP, "press-1 temp"),
        (EXACT, "press-1 temp limit hh"),
        (Scope(""), "press-1 as a whole"),
        (Scope(None, "stale"), "press-1 all sensors stale"),
    ],
)
def test_a_scope_is_said_in_words(scope, words):
    """A refusal names what is held without symbols."""
    assert described("press-1", scope) == words
