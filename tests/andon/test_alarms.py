"""What stands now, as people see it."""

import io

import pytest
from rich.console import Console

from andon.alarms import SHOWN_MAX, grid, held_back, in_order, notes, remarks
from andon.table import Table
from contracts.alarm_states import Hold, HoldState, hold_key
from contracts.alerts import State
from tests.alarm_states import T0, alarm_state, heartbeat
from tests.andon.test_table import table_of

HOUR_MS = 3_600_000


def text_of(shown):
    """As a terminal of 120 columns shows it, without colours."""
    console = Console(file=io.StringIO(), width=120)
    console.print(shown)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_the_most_urgent_alarm_comes_first_and_of_equal_ones_the_oldest():
    """The eye begins at the top."""
    low, new, old = (
        alarm_state(severity=100, onset_ts=T0),
        alarm_state(asset="press-2", onset_ts=T0 + 2),
        alarm_state(asset="press-3", onset_ts=T0 + 1),
    )

    assert in_order([low, new, old]) == [old, new, low]


def test_a_line_says_how_urgent_since_when_which_and_what():
    """An operator can act on one line, and type the id that it shows."""
    state = alarm_state()
    acked = alarm_state(
        asset="press-2",
        state=State.ACTIVE_ACKED,
        severity=500,
        acknowledged=Hold(by="maria", comment="valve", since_ts=T0),
    )

    head, first, second = text_of(grid([state, acked], now_ms=T0 + HOUR_MS * 2))

    assert head.split() == ["priority", "since", "id", "alarm"]
    assert first.split("  ") == [
        "●",
        "critical",
        "2 h 00 min",
        state.alert.alert_id[:8],
        "press-1 temp is wrong (limit hh)",
    ]
    assert first.startswith("●")
    assert second.startswith("   medium")
    assert second.endswith("press-2 temp is wrong (limit hh)  (acknowledged by maria: valve)")


def test_a_flood_of_alarms_is_cut_where_nobody_reads_on():
    """The most urgent ones are there at once, and the rest is counted."""
    states = [alarm_state(asset=f"press-{number}") for number in range(SHOWN_MAX + 2)]

    lines = text_of(grid(states, now_ms=T0))

    assert len(lines) == 1 + SHOWN_MAX + 1
    assert lines[-1].strip() == "… and 2 less urgent ones: --json gives all"
    assert len(text_of(grid(states[:SHOWN_MAX], now_ms=T0))) == 1 + SHOWN_MAX


def test_what_a_record_says_cannot_disturb_the_terminal():
    """A topic can be written to by anybody."""
    state = alarm_state(said="\x1b[2Jgone [red]", chattering=True)

    (_, line) = text_of(grid([state], now_ms=T0))

    assert line.endswith("\\x1b[2Jgone [red]  (chattering)")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ""),
        ({"state": State.RETURNED_UNACKED}, "over, not acknowledged"),
        (
            {"shelved": Hold(by="tom", since_ts=T0, until_ts=T0 + HOUR_MS)},
            "shelved until 2023-11-14 23:13:20 UTC by tom",
        ),
        (
            {"suppressed": Hold(by="maintenance", comment="overhaul", since_ts=T0), "chattering": True},
            "suppressed by maintenance: overhaul; chattering",
        ),
        ({"out_of_service": Hold(by="tom", since_ts=T0)}, "out of service by tom"),
    ],
)
def test_what_people_did_about_an_alarm_is_told(changed, words):
    """Who comes to the shift sees who knows of it."""
    assert notes(alarm_state(**changed)) == words


def test_what_is_held_back_is_written_as_a_command_takes_it():
    """The line can be copied behind `andon unshelve`."""
    shelf = Hold(by="tom", since_ts=T0, until_ts=T0 + HOUR_MS)
    out = Hold(by="maria", comment="overhaul", since_ts=T0)
    holds = [
        HoldState(schema=1, asset="the press", out_of_service=out, shelved=shelf),
        HoldState(schema=1, asset="press-1", sensor="zone/3", kind="limit", rule="hh", suppressed=out),
    ]

    assert list(held_back(holds)) == [
        "press-1/zone%2F3 --kind limit --rule hh: suppressed by maria: overhaul",
        "'the press': shelved until 2023-11-14 23:13:20 UTC by tom",
        "'the press': out of service by maria: overhaul",
    ]


def test_the_account_counts_what_stands_and_what_is_held_back():
    """The number of alarms that wait for somebody is the first thing to know."""
    shelf = Hold(by="tom", since_ts=T0, until_ts=T0 + HOUR_MS)
    table = table_of(
        alarm_state(),
        alarm_state(rule="h", state=State.ACTIVE_ACKED),
        alarm_state(asset="press-2", shelved=shelf),
        beats=[heartbeat()],
    )

    assert list(remarks(table, now_ms=T0)) == ["3 alarms stand: 1 unacknowledged, 1 held back (--all shows them)."]
    assert list(remarks(table_of(alarm_state(), beats=[heartbeat()]), now_ms=T0)) == [
        "1 alarm stands: 1 unacknowledged, 0 held back (--all shows them)."
    ]


def test_an_answer_that_may_be_wrong_says_so():
    """An empty list of a watcher that is dead isn't good news."""
    table = Table()
    table.take(b"x", b"y")

    assert list(remarks(table, now_ms=T0)) == [
        "No alarm stands.",
        "1 records of the alarm-state topic can't be read: perhaps a newer andon wrote them.",
        "no heartbeat yet: nothing shows that `andon run` watches the plant.",
    ]


def test_the_key_of_a_hold_agrees_with_how_it_is_written():
    """What `andon alarms` shows and what the topic says are one thing."""
    hold = HoldState(schema=1, asset="press-1", sensor="zone/3", shelved=Hold(by="tom", since_ts=T0))

    assert hold_key(hold.asset, hold.scope) == "press-1/zone%2F3/*/*/hold"
    assert list(held_back([hold])) == ["press-1/zone%2F3: shelved by tom"]
