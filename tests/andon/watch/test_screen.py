"""The screen of `andon watch`, as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from andon.table import Watching
from andon.watch.board import board_of
from andon.watch.screen import Size, page_rows, screen
from andon.watch.view import Key, Notice, Prompt, View, press, settled
from contracts.alerts import State
from contracts.findings import Kind
from tests.alarm_states import T0, alarm_state
from tests.andon.watched import hold, hold_state, table_of

NOW = T0 + 125_000
WIDE = Size(120, 30)
RUNNING = Watching("running", NOW - 12_000, "")
SILENT = Watching("silent", NOW - 95_000, "no heartbeat for 95 s: alarms may be out of date")


def drawn(*things, view=None, watching=RUNNING, size=WIDE, unreadable=0, reading=False):
    """The screen."""
    table = table_of(*things)
    table.unreadable = unreadable
    board = board_of(table)
    view = settled(view or View(), board)
    return screen(board, view, watching=watching, site="plant-1", now_ms=NOW, size=size, reading=reading)


def lines(*things, **how):
    """The screen's lines."""
    return drawn(*things, **how).plain.split("\n")


def line_with(words, *things, **how):
    """The one line that has these words."""
    (line,) = [line for line in lines(*things, **how) if words in line]
    return " ".join(line.split())


def styles_at(text, words):
    """The styles of some words on the screen."""
    at = text.plain.index(words)
    return " ".join(str(span.style) for span in text.spans if span.start <= at < span.end)


def test_the_head_names_the_plant_the_time_and_the_heartbeat():
    """One look tells whether this screen is alive."""
    head = lines()[0]

    assert head.startswith(" andon  plant-1  2023-11-14 22:15:25 UTC")
    assert head.endswith("watching, heartbeat 12 s ago ")
    assert cell_len(head) == WIDE.width


def test_a_missing_heartbeat_is_a_red_line():
    """Quiet and dead look different."""
    text = drawn(watching=SILENT)

    assert text.plain.split("\n")[2].startswith(" ! No heartbeat for 95 s: alarms may be out of date")
    assert "red" in styles_at(text, "No heartbeat for")
    assert "heartbeat 12 s ago" not in text.plain


def test_while_the_topic_is_being_read_nothing_is_missed_yet():
    """The red line isn't the first thing that one sees."""
    text = "\n".join(lines(watching=SILENT, reading=True))

    assert "No heartbeat" not in text
    assert "reading what stands" in text


def test_records_that_cannot_be_read_are_told():
    """A screen with a gap says so."""
    assert line_with("can't be read", unreadable=3).startswith("! 3 records of the alarm-state topic")


def test_a_quiet_plant_is_grey():
    """Colour means that somebody is needed."""
    text = drawn()

    assert "No alarms." in text.plain
    assert {str(span.style) for span in text.spans} <= {"dim", "bold", "default", ""}


def test_an_alarm_is_its_mark_priority_age_place_condition_and_state():
    """A row says all that is needed to decide."""
    line = line_with("press-1", alarm_state(), size=Size(120, 10))

    assert line == "› ■ critical 2 min press-1 temp is wrong (limit hh) unacknowledged"


def test_on_a_narrow_terminal_the_message_names_the_place():
    """Nothing is said twice where there is no room."""
    line = line_with("press-1", alarm_state(), size=Size(80, 10))

    assert line == "› ■ critical 2 min press-1 temp is wrong (limit hh) unacknowledged"


@pytest.mark.parametrize(
    ("changed", "mark", "state"),
    [
        ({}, "■", "unacknowledged"),
        ({"state": State.ACTIVE_ACKED, "acknowledged": hold("tom")}, "□", "acknowledged by tom"),
        ({"state": State.RETURNED_UNACKED}, "□", "over, unacknowledged"),
        ({"chattering": True}, "■", "chattering, unacknowledged"),
        ({"shelved": hold(until_ts=NOW + 5_400_000)}, "□", "shelved 90 min left by maria"),
        ({"suppressed": hold("maintenance")}, "□", "suppressed by maintenance"),
        ({"out_of_service": hold("tom")}, "□", "out of service by tom"),
    ],
)
def test_the_state_is_said_by_shape_and_in_words(changed, mark, state):
    """Never by colour alone."""
    line = line_with("is wrong", alarm_state(**changed), view=View(with_held=True), size=Size(140, 10))

    assert line == f"› {mark} critical 2 min press-1 temp is wrong (limit hh) {state}"


def test_only_what_calls_is_coloured():
    """An acknowledged alarm is in somebody's hands."""
    calling = alarm_state(asset="calls")
    others = [
        alarm_state(asset="acked", state=State.ACTIVE_ACKED),
        alarm_state(asset="over", state=State.RETURNED_UNACKED),
        alarm_state(asset="held", shelved=hold()),
    ]

    text = drawn(calling, *others, view=View(with_held=True))

    coloured = {}
    for line in text.split("\n"):
        for name in ("calls", "acked", "over", "held"):
            if f" {name} " in line.plain and "critical" in line.plain:
                coloured[name] = "red" in styles_at(line, "critical")
    assert coloured == {"calls": True, "acked": False, "over": False, "held": False}


def test_counts_are_coloured_while_one_of_them_calls():
    """The head agrees with the rows."""
    high = alarm_state(severity=700, state=State.ACTIVE_ACKED)

    text = drawn(alarm_state(asset="a"), high)

    assert text.plain.split("\n")[1].split("   ") == [
        " ■ 1 critical",
        "△ 1 high",
        "◇ 0 medium",
        "○ 0 low",
        "1 unacknowledged",
        "0 held back",
    ]
    assert "red" in styles_at(text, "1 critical")
    assert "red" not in styles_at(text, "1 high")


def test_a_limit_under_its_outer_one_says_so():
    """And is dim: the outer one says it all."""
    line = line_with("limit h)", alarm_state(), alarm_state(rule="h", severity=650))

    assert line.endswith("under hh, unacknowledged")


def test_what_is_held_back_is_counted_and_shown_on_request():
    """Out of the way, and not forgotten."""
    things = [alarm_state(asset="held", shelved=hold()), hold_state("quiet", sensor="temp", shelved=hold())]

    assert "2 held back" in "\n".join(lines(*things))
    assert "held  " not in "\n".join(lines(*things))
    shown = "\n".join(lines(alarm_state(), *things, view=View(with_held=True)))
    assert shown.index("press-1") < shown.index("── held back ──") < shown.index("  held ") < shown.index("  quiet ")


def test_a_flood_is_a_banner_with_its_first_alarms():
    """What began it is in there somewhere."""
    flood = alarm_state(
        asset="plant-1",
        sensor=None,
        kind=Kind.FLOOD,
        rule="site",
        evidence={"raised": 43, "first_up": ["press-1/temp/limit/hh"], "top_assets": ["press-1 (12)"]},
    )

    line = line_with("Flood", flood)

    assert line == "! Flood of alarms for 2 min; first press-1/temp/limit/hh; most from press-1 (12)"


def test_more_alarms_than_lines_are_counted_and_the_selected_one_is_in_sight():
    """A flood can be walked through."""
    things = [alarm_state(asset=f"press-{place:03d}", onset_ts=T0 - place) for place in range(100)]
    board = board_of(table_of(*things))
    view = settled(View(), board)
    for _ in range(50):
        view, _ = press(view, Key.DOWN, board, page_rows=10, by=None)

    top, middle = lines(*things, size=Size(100, 20)), lines(*things, view=view, size=Size(100, 20))

    assert any("↓ 87 more" in line for line in top)
    assert any(line.startswith("›") and "press-000" in line for line in top)
    assert any(line.startswith("›") and "press-050" in line for line in middle)
    assert any("↑ 44 more" in line for line in middle)


def test_the_foot_tells_of_the_selected_alarm():
    """What the row has no room for."""
    state = alarm_state(acknowledged=hold("tom", comment="on my way"), state=State.ACTIVE_ACKED)

    foot = lines(state)[-3:]

    assert foot[0] == " press-1 temp is wrong (limit hh)"
    assert (
        foot[1]
        == f" {state.alert.alert_id[:8]}  limit hh  began 2023-11-14 22:13:20 UTC  raised 2 min ago  tom: on my way"
    )
    assert "a acknowledge" in foot[2]


def test_a_question_is_at_the_foot_and_the_end_of_a_long_answer_is_in_sight():
    """One sees what one types."""
    prompt = Prompt(asks="acknowledge", question="Acknowledge?", text="x" * 300 + "end", alert=alarm_state().alert)

    last = lines(alarm_state(), view=View(prompt=prompt))[-1]

    assert last.startswith(" Acknowledge? xxx")
    assert last.endswith("xend▏")


def test_a_question_too_long_for_its_line_has_its_answer_below():
    """Also on a narrow terminal."""
    prompt = Prompt(asks="shelve", question="Shelve this one?" * 5, text="2h", alert=alarm_state().alert)

    foot = lines(alarm_state(), view=View(prompt=prompt), size=Size(60, 20))[-2:]

    assert foot[0].startswith(" Shelve this one?")
    assert foot[1] == " 2h▏"


@pytest.mark.parametrize(("sort", "sign"), [("said", " "), ("done", " ✓ "), ("failed", " ! ")])
def test_a_notice_has_a_sign(sort, sign):
    """A failure isn't told by red alone."""
    assert lines(view=View(notice=Notice("words", sort)))[-1] == f"{sign}words"


def test_a_long_reason_is_told_to_its_end():
    """Why something can't be done is often said last."""
    words = ["word"] * 40

    foot = lines(view=View(notice=Notice(" ".join([*words, "end"]), "failed")), size=Size(120, 20))[-2:]

    assert " ".join(foot).split() == ["!", *words, "end"]


def test_help_takes_the_place_of_the_rows():
    """All keys, and what the marks mean."""
    text = "\n".join(lines(alarm_state(), view=View(with_help=True)))

    assert "unacknowledged: critical, high, medium, low" in text
    assert "press-1" not in text


def test_hostile_names_do_nothing_to_the_screen():
    """Anybody may write to the topic."""
    state = alarm_state(asset="press\x1b[2J", sensor="te\nmp", acknowledged=hold("t\rom", comment="\x07"))

    text = drawn(state).plain

    assert text.count("\n") == WIDE.height - 1
    assert not set(text) & {"\x1b", "\r", "\x07"}


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@given(
    st.lists(names, max_size=30),
    st.integers(1, 200),
    st.integers(1, 60),
    st.booleans(),
    st.booleans(),
    st.sampled_from([RUNNING, SILENT]),
    st.none() | names,
)
def test_the_screen_has_exactly_the_size_of_the_terminal(assets, width, height, with_held, with_help, watching, asked):
    """Nothing scrolls, whatever the names and however small the window."""
    things = [
        alarm_state(asset=asset, onset_ts=T0 - place, shelved=hold() if place % 3 else None)
        for place, asset in enumerate(assets)
    ]
    prompt = None if asked is None else Prompt(asks="acknowledge", question=asked, text=asked)
    view = View(with_held=with_held, with_help=with_help, prompt=prompt, place=len(assets) // 2)

    text = drawn(*things, view=view, watching=watching, size=Size(width, height))

    console = Console(width=width, height=height, legacy_windows=False)
    rendered = console.render_lines(text, console.options, pad=False)
    assert len(rendered) == height
    assert max(sum(segment.cell_length for segment in line) for line in rendered) <= width


def test_a_page_is_about_what_fits():
    """A page down shows what was below."""
    assert page_rows(Size(80, 24)) == 16
    assert page_rows(Size(80, 3)) == 1
