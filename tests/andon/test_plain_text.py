"""What a message says can't do anything to a terminal."""

import pytest

from andon.plain_text import one_line


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("two\nlines\r", r"two\nlines\r"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\ud800", r"\ud800"),
        ("\u2028", r"\u2028"),
    ],
)
def test_what_would_move_the_cursor_or_hide_text_is_written_out(text, harmless):
    """Nobody can clear an operator's screen by naming a sensor."""
    assert one_line(text) == harmless


@pytest.mark.parametrize("text", ["", "press-0012 temp 97.1 °C", "温度\u3000上", "👩\u200d🔧", r"back\slash"])
def test_names_from_all_over_the_world_stay_as_they_are(text):
    """Only what does harm is changed."""
    assert one_line(text) == text
