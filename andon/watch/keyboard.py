r"""Keys of a terminal, one by one as they are pressed, and the terminal as it was when that is over.

Ctrl-C still interrupts. Ctrl-Z and Ctrl-\ do nothing meanwhile: they would leave the shell with a terminal that shows
no typing.
"""

from __future__ import annotations

import os
import select
import termios
import tty
from typing import TYPE_CHECKING, Self

from andon.watch.view import Key

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Keyboard", "keys_of"]

ESCAPE_WAIT_S = 0.05
"""An arrow key begins like Esc; what belongs to it follows at once, also over a slow line."""

READ_BYTES_MAX = 4096
_SEQUENCE_BYTES_MAX = 16

_NAMED = {
    b"[A": Key.UP,
    b"[B": Key.DOWN,
    b"OA": Key.UP,
    b"OB": Key.DOWN,
    b"[5~": Key.PAGE_UP,
    b"[6~": Key.PAGE_DOWN,
    b"[H": Key.HOME,
    b"[F": Key.END,
    b"OH": Key.HOME,
    b"OF": Key.END,
    b"[1~": Key.HOME,
    b"[4~": Key.END,
    b"[7~": Key.HOME,
    b"[8~": Key.END,
}
_CONTROL = {0x0D: Key.ENTER, 0x0A: Key.ENTER, 0x7F: Key.BACKSPACE, 0x08: Key.BACKSPACE, 0x15: Key.CLEAR}
_ESC = 0x1B


class Keyboard:
    """Reads keys from a terminal. A context manager: whatever happens inside, the terminal is put back."""

    def __init__(self, descriptor: int) -> None:
        """Nothing is changed yet.

        Args:
            descriptor: of an open terminal.
        """
        self._descriptor = descriptor
        self._rest = b""
        self.gone = False
        """The terminal was closed: no key will ever come again."""

    def read(self, wait_s: float) -> list[str]:
        """The keys that were pressed: each a `Key` or a character. Waits so long for the first one."""
        keys: list[str] = []
        while self._fill(wait_s):
            more, self._rest = keys_of(self._rest, complete=False)
            keys += more
            if not self._rest:
                return keys
            wait_s = ESCAPE_WAIT_S
        more, self._rest = keys_of(self._rest, complete=True)
        return keys + more

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self._descriptor)
        tty.setcbreak(self._descriptor, termios.TCSANOW)
        settings = termios.tcgetattr(self._descriptor)
        for name in (termios.VSUSP, termios.VQUIT):
            settings[6][name] = b"\0"
        termios.tcsetattr(self._descriptor, termios.TCSANOW, settings)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._before)
            termios.tcflush(self._descriptor, termios.TCIFLUSH)  # what was typed was meant for us, not for the shell
        except termios.error:  # the terminal is gone
            pass

    def _fill(self, wait_s: float) -> bool:
        """Wait for something to be typed; whether it was."""
        if self.gone or not select.select([self._descriptor], [], [], wait_s)[0]:
            return False
        try:
            typed = os.read(self._descriptor, READ_BYTES_MAX)
        except OSError:
            typed = b""
        self.gone = not typed
        self._rest += typed
        return bool(typed)


def keys_of(typed: bytes, *, complete: bool) -> tuple[list[str], bytes]:
    """The keys that some bytes are, and the bytes that are only the beginning of one.

    Args:
        complete: nothing belonging to it follows: a lone Esc is Esc, and half a character is nothing.
    """
    keys: list[str] = []
    at = 0
    while at < len(typed):
        if typed[at] == _ESC:
            length = _sequence_length(typed[at + 1 :])
            if length is None and not complete:
                return keys, typed[at:]
            keys += _named(typed[at + 1 : at + 1 + length]) if length else [Key.ESCAPE]
            at += 1 + (length or 0)
        elif typed[at] < 0x80:
            code = typed[at]
            keys += [_CONTROL[code]] if code in _CONTROL else [chr(code)] if code >= 0x20 else []
            at += 1
        else:
            length = _character_length(typed[at])
            if at + length > len(typed) and not complete:
                return keys, typed[at:]
            keys += list(typed[at : at + length].decode("utf-8", "ignore"))
            at += length
    return keys, b""


def _named(sequence: bytes) -> list[str]:
    """A key by its sequence; none for those that we don't know."""
    return [_NAMED[sequence]] if sequence in _NAMED else []


def _sequence_length(after: bytes) -> int | None:
    """Bytes after Esc that belong to one key; 0: it was Esc itself; None: that can't be told yet."""
    if not after:
        return None
    if after[0] not in b"[O":
        return 0
    for at, byte in enumerate(after[1:_SEQUENCE_BYTES_MAX], 2):
        if 0x40 <= byte <= 0x7E:
            return at
    return None if len(after) < _SEQUENCE_BYTES_MAX else _SEQUENCE_BYTES_MAX


def _character_length(first: int) -> int:
    """Bytes of a character in UTF-8, by its first one; 1 for what can't begin one."""
    if first >= 0xF0:
        return 4
    if first >= 0xE0:
        return 3
    return 2 if first >= 0xC0 else 1
