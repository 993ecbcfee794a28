"""Which names of assets and sensors are taken, and which are refused."""

from __future__ import annotations

import pytest

from contracts.limits import NAME_BYTES_MAX
from contracts.names import has_control_characters, name_fault


@pytest.mark.parametrize(
    "name", ["a", " ", "press-0012", "Öfen/北 1", "T\u00a0°C", "🔥", "x" * NAME_BYTES_MAX, "\u200b"]
)
def test_a_printable_name_of_any_script_is_fine(name):
    """Plants name things in their own language."""
    assert name_fault(name) == ""


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "empty"),
        ("x" * (NAME_BYTES_MAX + 1), "longer than 256 bytes"),
        ("ö" * 129, "longer than 256 bytes"),
        ("a\tb", "control characters"),
        ("\x00", "control characters"),
        ("a\x1fb", "control characters"),
        ("a\x7f", "control characters"),
        ("a\x9f", "control characters"),
        ("a\ud800", "control characters"),
    ],
)
def test_a_name_is_refused_with_its_fault(name, fault):
    """Names end up in keys, ids and terminals: what would break those is refused at the door."""
    assert fault in name_fault(name)


@pytest.mark.parametrize("text", ["", "弁を　確認", "👩‍🔧", "a\u00a0b", "\u202f", "é" * 2000])
def test_what_is_only_unusual_is_no_control_character(text):
    """The space of Japanese and the joiners within emoji are written by people."""
    assert not has_control_characters(text)


@pytest.mark.parametrize("text", ["\n", "\t", "a\x1b[2Jb", "\x7f", "\x85", "\udc80"])
def test_what_moves_a_cursor_or_ends_a_line_is_one(text):
    """A comment that clears the operator's screen is refused."""
    assert has_control_characters(text)
