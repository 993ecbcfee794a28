"""Keys as terminals send them."""

import os
import pty
import termios

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.watch.keyboard import Keyboard, keys_of
from andon.watch.view import Key


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        (b"aq?", ["a", "q", "?"]),
        (b"\x1b[A\x1b[B\x1bOA\x1bOB", [Key.UP, Key.DOWN, Key.UP, Key.DOWN]),
        (b"\x1b[5~\x1b[6~\x1b[H\x1b[4~", [Key.PAGE_UP, Key.PAGE_DOWN, Key.HOME, Key.END]),
        (b"\r\n\x7f\x08\x15", [Key.ENTER, Key.ENTER, Key.BACKSPACE, Key.BACKSPACE, Key.CLEAR]),
        ("é温🔧".encode(), ["é", "温", "🔧"]),
        (b"\x1b[1;5Cx", ["x"]),
        (b"\x1b[200~x", ["x"]),
        (b"\x1bx", [Key.ESCAPE, "x"]),
        (b"\x1b\x1b[A", [Key.ESCAPE, Key.UP]),
        (b"\x00\x01\x07", []),
        (b"\xffx", ["x"]),
    ],
)
def test_what_terminals_send_becomes_keys(typed, keys):
    """Arrows of all sorts, letters of all languages; keys that mean nothing here are nothing."""
    assert keys_of(typed, complete=True) == (keys, b"")


@pytest.mark.parametrize("typed", [b"\x1b", b"\x1b[", b"\x1b[5", b"\xc3", "🔧".encode()[:3]])
def test_the_beginning_of_a_key_waits_for_its_rest(typed):
    """A slow line tears no key apart."""
    assert keys_of(b"a" + typed, complete=False) == (["a"], typed)


def test_an_escape_that_nothing_follows_is_the_key_itself():
    """Esc gives up a question."""
    assert keys_of(b"\x1b", complete=True) == ([Key.ESCAPE], b"")


@given(st.binary(max_size=40), st.integers(0, 40))
def test_any_bytes_are_read_and_a_cut_changes_nothing(typed, cut):
    """Noise on the line breaks nothing, wherever reads begin and end."""
    whole, left = keys_of(typed, complete=False)
    head, rest = keys_of(typed[:cut], complete=False)
    tail, left_then = keys_of(rest + typed[cut:], complete=False)

    assert (head + tail, left_then) == (whole, left)
    assert keys_of(typed, complete=True)[1] == b""


@pytest.fixture
def terminal():
    """(the side of a person, the side of a program)."""
    person, program = pty.openpty()
    yield person, program
    os.close(person)
    os.close(program)


def test_keys_come_without_enter_and_the_terminal_is_put_back(terminal):
    """The shell finds its terminal as it left it."""
    person, program = terminal
    before = termios.tcgetattr(program)

    with Keyboard(program) as keyboard:
        os.write(person, b"j\x1b[A")
        keys = keyboard.read(5)
        during = termios.tcgetattr(program)

    assert keys == ["j", Key.UP]
    assert not during[3] & (termios.ECHO | termios.ICANON)
    assert during[3] & termios.ISIG, "Ctrl-C interrupts"
    assert termios.tcgetattr(program) == before


def test_a_lone_escape_is_told_after_a_moment(terminal):
    """It isn't kept until the next key."""
    person, program = terminal

    with Keyboard(program) as keyboard:
        os.write(person, b"\x1b")

        assert keyboard.read(5) == [Key.ESCAPE]


def test_the_terminal_is_put_back_after_an_error_too(terminal):
    """Whatever happens."""
    _, program = terminal
    before = termios.tcgetattr(program)

    with pytest.raises(RuntimeError), Keyboard(program):
        raise RuntimeError

    assert termios.tcgetattr(program) == before


def test_nothing_typed_is_no_key(terminal):
    """The screen goes on."""
    with Keyboard(terminal[1]) as keyboard:
        assert keyboard.read(0) == []
        assert not keyboard.gone


def test_a_terminal_that_was_closed_is_told():
    """A window that is closed ends the program in it."""
    person, program = pty.openpty()

    with Keyboard(program) as keyboard:
        os.close(person)

        assert keyboard.read(5) == []
        assert keyboard.gone
    os.close(program)
