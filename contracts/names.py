"""What a name of an asset or a sensor may look like: the one place that judges it."""

from __future__ import annotations

from contracts.limits import NAME_BYTES_MAX

__all__ = ["has_control_characters", "name_fault"]


def name_fault(name: str) -> str:
    """What is wrong with a name, as the end of a sentence; empty when nothing is.

    A name is refused when it is empty, longer than `NAME_BYTES_MAX` bytes of UTF-8 or has control characters. Every
    other character is fine: names come from plants all over the world.
    """
    if not name:
        return "name is empty"
    if len(name) > NAME_BYTES_MAX or len(name.encode(errors="surrogatepass")) > NAME_BYTES_MAX:
        return f"name is longer than {NAME_BYTES_MAX} bytes"
    return "name has control characters" if has_control_characters(name) else ""


def has_control_characters(text: str) -> bool:
    """Whether anything in a text would break a key, an id or a terminal.

    Not the same as unprintable: the space of Japanese, and the joiners within emoji, are none.
    """
    return not text.isprintable() and any(_is_control(ord(character)) for character in text)


def _is_control(code: int) -> bool:
    """C0, DEL, C1; and half a surrogate pair, which no UTF-8 can carry."""
    return code < 32 or 127 <= code < 160 or 0xD800 <= code < 0xE000
