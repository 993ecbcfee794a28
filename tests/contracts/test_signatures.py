"""Signed commands: what is signed, what proves nothing, and which files are keys."""

from __future__ import annotations

import hashlib
import hmac
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.signatures import Key, KeyLineError, Signed, parse_keys, read_signature, signature_of

BODY = b'{"command":"unshelve","asset":"press-1","by":"maria"}'
MARIA = Key("maria", bytes(range(32)), "maria")
NONCE = bytes(range(16, 32))
T0 = 1_700_000_000_000
HERE = {"site": "plant-1", "topic": "andon.commands"}
HEADER = signature_of(BODY, key=MARIA, ms=T0, nonce=NONCE, **HERE)


def _read(header=HEADER, body=BODY, *, keys=(MARIA,), **where):
    return read_signature(header, body, keys={key.name: key for key in keys}, **HERE | where)


def test_the_signature_is_what_the_page_says():
    """Whoever writes a console in another language follows the page, and is let in."""
    text = b"andon-command-1\nplant-1\nandon.commands\nmaria\n1700000000000\n" + NONCE.hex().encode() + b"\n" + BODY
    mac = hmac.new(MARIA.secret, text, hashlib.sha256).hexdigest()

    assert f"1:maria:1700000000000:{NONCE.hex()}:{mac}".encode() == HEADER


def test_a_right_signature_says_who_and_when():
    """The name of the key is the proof of who commands."""
    assert _read() == Signed(MARIA, T0, NONCE.hex())


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (
            {"body": BODY.replace(b"press-1", b"press-2")},
            "wrong: another key, another site or topic, or it was changed",
        ),
        ({"body": BODY + b" "}, "wrong"),
        ({"site": "plant-2"}, "wrong"),
        ({"topic": "another"}, "wrong"),
        ({"keys": (Key("maria", bytes(32), "maria"),)}, "wrong"),
        ({"keys": (Key("karl", MARIA.secret, "karl"),)}, "the key maria, which isn't trusted here"),
        ({"header": HEADER.replace(b"1700000000000", b"1700000000001")}, "wrong"),
        ({"header": HEADER.replace(b"1:maria", b"2:maria")}, "has version 2, this andon knows 1"),
        ({"header": HEADER + b"0"}, "isn't of the form"),
        ({"header": HEADER[:-1]}, "isn't of the form"),
        ({"header": HEADER.upper()}, "isn't of the form"),
        ({"header": b""}, "isn't of the form"),
        ({"header": b":" * 10_000}, "isn't of the form"),
        ({"header": HEADER.replace(b"1700000000000", "١٧٠٠٠٠٠٠٠٠٠٠٠".encode())}, "isn't of the form"),
    ],
)
def test_what_is_changed_proves_nothing(changed, why):
    """One bit is enough, wherever it is."""
    assert why in _read(**changed)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_header_and_no_body_raises_or_is_let_in(header, body):
    """Whatever somebody writes to the topic."""
    assert isinstance(_read(header, body), str)


@given(at=st.integers(0, len(HEADER) - 1), flip=st.integers(1, 255))
def test_no_flipped_byte_is_let_in(at, flip):
    """Of the header; each part of it is signed, or is the signature."""
    changed = bytearray(HEADER)
    changed[at] ^= flip

    assert isinstance(_read(bytes(changed)), str)


SECRET = "5e" * 32


def test_keys_are_lines_with_a_name_a_key_and_for_whom_it_speaks():
    """One file for all who are trusted; the same form for the one key of a person."""
    lines = (
        "# keys of hall 7",
        "",
        f"maria {SECRET}",
        f"  console-7   {SECRET.upper()}ff  *   # knows who sits there",
        f"night {SECRET} shift *",
    )
    text = "\n".join(lines)

    maria, console, night = parse_keys(text)

    assert (maria.name, maria.secret, maria.speaks_for) == ("maria", b"\x5e" * 32, "maria")
    assert (console.name, console.secret, console.speaks_for) == ("console-7", b"\x5e" * 32 + b"\xff", "*")
    assert night.may_say("shift 3")
    assert not night.may_say("maria")
    assert maria.may_say("maria")
    assert not maria.may_say("Maria")
    assert "5e5e" not in repr((maria, console))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "there is no key in it"),
        ("# none yet\n", "there is no key in it"),
        ("maria\n", "line 1 has no key: write NAME KEY"),
        (f"\nmüller {SECRET}\n", "line 2: a key's name has letters, digits, dots, dashes and underscores, at most 64"),
        (f"a:b {SECRET}\n", "line 1: a key's name has"),
        (f"{'m' * 65} {SECRET}\n", "line 1: a key's name has"),
        (f"maria {SECRET[:-2]}\n", "line 1: the key of maria isn't 64 hex digits or more"),
        (f"maria {SECRET}0\n", "line 1: the key of maria isn't 64 hex digits or more"),
        (f"maria {'xy' * 32}\n", "line 1: the key of maria isn't 64 hex digits or more"),
        (f"maria {SECRET}\nmaria {SECRET}\n", "line 2: maria has a key already"),
    ],
)
def test_a_line_that_is_no_key_is_named_and_not_shown(text, fault):
    """A key that was cut off in copying would let nobody in, or too many."""
    with pytest.raises(KeyLineError) as told:
        parse_keys(text)

    assert fault in str(told.value)
    assert "5e5e" not in str(told.value)
    assert "xyxy" not in str(told.value)


@given(st.text(max_size=200))
def test_no_text_raises_anything_else(text):
    """A wrong file is a mistake that is told."""
    with suppress(KeyLineError):
        parse_keys(text)
