"""What the keys of `andon watch` do."""

import pytest

from andon.watch.board import Board, board_of
from andon.watch.view import Acknowledge, Key, Quit, Shelve, Unshelve, View, press, settled
from contracts.alerts import State
from contracts.limits import COMMENT_CHARACTERS_MAX
from tests.alarm_states import T0, alarm_state
from tests.andon.watched import hold, hold_state, key_of, table_of

A, B, C = (alarm_state(asset=name, onset_ts=T0 - place) for place, name in enumerate("abc"))


class Person:
    """Somebody at the screen."""

    def __init__(self, *things, by="maria"):
        self.by = by
        self.view = View()
        self.wishes = []
        self.see(*things)

    def see(self, *things):
        """The table is this now."""
        self.board = board_of(table_of(*things))
        self.view = settled(self.view, self.board)

    def press(self, *keys):
        """Press one key after another; texts are typed."""
        for key in keys:
            for each in [key] if isinstance(key, Key) else key:
                self.view, wish = press(self.view, each, self.board, page_rows=2, by=self.by)
                if wish is not None:
                    self.wishes.append(wish)

    @property
    def notice(self):
        """What the screen says."""
        return self.view.notice.text if self.view.notice else ""


def test_the_first_alarm_is_selected_at_once():
    """The most urgent one is what one acknowledges first."""
    assert Person(A, B).view.selected == key_of(A)


@pytest.mark.parametrize(
    ("keys", "selected"),
    [
        (["j"], B),
        ([Key.DOWN, Key.DOWN], C),
        ([Key.DOWN] * 5, C),
        (["j", "j", "k"], B),
        ([Key.UP], A),
        ([Key.END], C),
        ([Key.END, Key.HOME], A),
        ([Key.PAGE_DOWN], C),
        ([Key.END, Key.PAGE_UP], A),
    ],
)
def test_keys_move_the_selection_and_never_beyond_the_ends(keys, selected):
    """Arrows, vi's letters and pages."""
    person = Person(A, B, C)

    person.press(*keys)

    assert person.view.selected == key_of(selected)


def test_the_selection_stays_with_its_alarm_when_others_come():
    """Nobody acknowledges another alarm than the one they looked at."""
    person = Person(B, C)
    person.press("j")

    person.see(A, B, C)

    assert person.view.selected == key_of(C)
    assert person.view.place == 2


def test_when_the_selected_alarm_is_over_its_neighbour_is_selected():
    """The place on the screen stays about the same."""
    person = Person(A, B, C)
    person.press("j")

    person.see(A, C)
    assert person.view.selected == key_of(C)

    person.see()
    assert person.view.selected is None


def test_an_alarm_is_acknowledged_with_a_comment_or_without():
    """Two keys, or some more."""
    person = Person(A, B)

    person.press("a", Key.ENTER, "ja", "checking the valve ", Key.ENTER)

    assert person.wishes == [Acknowledge(A.alert, None), Acknowledge(B.alert, "checking the valve")]
    assert person.notice == "Sent: acknowledge b temp limit hh."


def test_the_question_names_the_alarm_and_keeps_it_whatever_moves_meanwhile():
    """What was asked is what is sent."""
    person = Person(B)
    person.press("a")
    assert person.view.prompt.question.startswith("Acknowledge b temp limit hh?")

    person.see(A, B)
    person.press(Key.ENTER)

    assert person.wishes == [Acknowledge(B.alert, None)]


def test_an_alarm_that_is_over_before_the_answer_is_not_acknowledged():
    """Nor is the next episode of it, which nobody has seen."""
    person = Person(A)
    person.press("a")

    person.see(alarm_state(asset="a", onset_ts=T0 + 60_000))
    person.press(Key.ENTER)

    assert person.wishes == []
    assert person.notice == "Nothing was sent: that alarm is over meanwhile."


def test_an_alarm_is_shelved_for_a_time_and_a_reason():
    """The first word is how long."""
    person = Person(A)

    person.press("s", "2h", Key.ENTER, "s", "90s  new sensor", Key.ENTER)

    assert person.wishes == [Shelve(A.alert, 7_200_000, None), Shelve(A.alert, 90_000, "new sensor")]


@pytest.mark.parametrize("typed", ["", "soon", "2", "-1h"])
def test_a_shelf_without_a_time_is_asked_for_again(typed):
    """A shelf always ends."""
    person = Person(A)

    person.press("s", typed, Key.ENTER)

    assert person.wishes == []
    assert person.view.prompt.text == typed
    assert "90s, 30m, 2h or 1d" in person.notice
    person.press(Key.CLEAR, "1h", Key.ENTER)
    assert person.wishes == [Shelve(A.alert, 3_600_000, None)]


def test_what_was_typed_can_be_mended_and_given_up():
    """Backspace, Ctrl-U and Esc."""
    person = Person(A)

    person.press("a", "wrng", Key.BACKSPACE, Key.BACKSPACE, "ong")
    assert person.view.prompt.text == "wrong"
    person.press(Key.CLEAR)
    assert person.view.prompt.text == ""
    person.press(Key.ESCAPE)

    assert person.view.prompt is None
    assert person.notice == "Nothing was sent."
    assert person.wishes == []


def test_letters_are_letters_while_a_question_is_open():
    """A comment may have a q in it."""
    person = Person(A)

    person.press("a", "quick?")

    assert person.view.prompt.text == "quick?"
    assert person.wishes == []


def test_a_comment_has_the_length_that_a_command_takes():
    """What was typed isn't refused afterwards."""
    person = Person(A)

    person.press("a", "x" * (COMMENT_CHARACTERS_MAX + 5), Key.ENTER)

    assert person.wishes == [Acknowledge(A.alert, "x" * COMMENT_CHARACTERS_MAX)]


def test_control_characters_and_unknown_keys_are_not_typed():
    """What can't be sent isn't shown either."""
    person = Person(A)

    person.press("a", "\x07", Key.UP)

    assert person.view.prompt.text == ""


def test_a_shelf_is_ended_as_it_was_put_up():
    """`u` finds the shelf of an alarm, and asks before the others under it come back too."""
    shelf = hold_state("a", kind="limit", shelved=hold())
    wider = hold_state("a", suppressed=hold())
    person = Person(alarm_state(asset="a", shelved=hold()), shelf, wider)

    person.press("h", "u")
    assert person.view.prompt.question == "End the shelf of a, limit alarms (y/n)?"
    person.press("y")

    assert person.wishes == [Unshelve(shelf)]


def test_of_several_shelves_the_narrowest_is_ended_first():
    """The one of this alarm, not the one of the whole asset."""
    narrow = hold_state("a", sensor="temp", kind="limit", rule="hh", shelved=hold())
    person = Person(alarm_state(asset="a", shelved=hold()), hold_state("a", shelved=hold()), narrow)

    person.press("h", "u", "y")

    assert person.wishes == [Unshelve(narrow)]


def test_a_shelf_without_an_alarm_can_be_ended_too():
    """What was forgotten there is found and brought back."""
    shelf = hold_state("a", sensor="", shelved=hold())
    person = Person(shelf)

    person.press("h", "u")
    assert person.view.prompt.question == "End the shelf of a as a whole, all alarms (y/n)?"
    person.press("y", "a")

    assert person.wishes == [Unshelve(shelf)]
    assert "nothing to acknowledge" in person.notice


@pytest.mark.parametrize("key", ["n", "N", Key.ENTER, Key.ESCAPE])
def test_a_shelf_is_ended_by_yes_alone(key):
    """A slip of the finger brings back nothing."""
    person = Person(hold_state("a", shelved=hold()))

    person.press("h", "u", key)

    assert person.wishes == []
    assert person.notice == "Nothing was sent."


@pytest.mark.parametrize(
    ("things", "keys", "words"),
    [
        ([A], "u", "It isn't shelved."),
        ([alarm_state(shelved=hold())], "hu", "Its shelf isn't known yet: try again."),
        (
            [alarm_state(state=State.ACTIVE_ACKED, acknowledged=hold("tom"))],
            "a",
            "It is acknowledged already by tom.",
        ),
        ([alarm_state(state=State.ACTIVE_ACKED)], "a", "It is acknowledged already."),
        ([hold_state(shelved=hold())], "hs", "This is held back already."),
        ([], "a", "Nothing is selected."),
    ],
)
def test_a_key_that_can_do_nothing_says_why(things, keys, words):
    """Nobody wonders whether it was heard."""
    person = Person(*things)

    person.press(keys)

    assert person.notice == words
    assert person.wishes == []
    assert person.view.prompt is None


def test_nobody_acts_without_a_name():
    """Who acknowledged is on record."""
    person = Person(A, by=None)

    person.press("a")

    assert person.view.prompt is None
    assert person.notice == "Nobody knows who you are: start with --by NAME."


def test_help_covers_the_screen_until_any_key():
    """The key that closes it does nothing else."""
    person = Person(A)

    person.press("?")
    assert person.view.with_help
    person.press("q")

    assert not person.view.with_help
    assert person.wishes == []


def test_what_is_held_back_is_shown_and_hidden_and_the_selection_survives():
    """It is out of the way, and one key away."""
    shelved = alarm_state(asset="z", shelved=hold())
    person = Person(A, shelved)

    person.press("h", Key.END)
    assert person.view.selected == key_of(shelved)
    person.press("h")

    assert person.view.selected == key_of(A)


def test_q_quits():
    """And nothing else has to be remembered."""
    person = Person()

    person.press("q")

    assert person.wishes == [Quit()]


def test_a_notice_goes_with_the_next_key():
    """The keys are shown again."""
    person = Person(A)

    person.press("u", "j")

    assert person.view.notice is None


def test_unknown_keys_do_nothing():
    """A cat on the keyboard acknowledges nothing."""
    person = Person(A)
    before = person.view

    person.press("x", "Z", "ß", Key.ENTER, Key.BACKSPACE)

    assert person.view == before
    assert settled(View(), Board()) == View()
