"""Text from outside, made harmless for a terminal: what a message says must not move the cursor or hide a line.

Names and comments are checked when they come in, but a topic can be written to by anybody, and dead letters hold
exactly what was refused.
"""

from __future__ import annotations

from contracts.names import has_control_characters

__all__ = ["one_line"]

_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")
"""They turn the direction of what follows, or break the line: a text could show what it doesn't say."""


def one_line(text: str) -> str:
    r"""The text with every control character written out, as `\n` or `\x1b`; harmless text comes back as it is."""
    if text.isprintable():
        return text
    return "".join(_written(character) for character in text)


def _written(character: str) -> str:
    if character in _TURNING or has_control_characters(character):
        return character.encode("unicode_escape").decode()
    return character
