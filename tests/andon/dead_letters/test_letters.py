"""Dead letters as people and machines see them."""

from dataclasses import dataclass, field

import pytest

from andon.dead_letters.letters import Origin, document_of, letter_of, shown
from contracts.readings import Reason, Reject
from dataflows.kafka_sink import dead_letter

T0 = 1_772_439_272_000


@dataclass
class Record:
    """A record of the dead-letter topic, as the client hands it out."""

    content: tuple
    where: tuple[int, int] = (0, 7)
    changed: dict = field(default_factory=dict)

    def headers(self):
        """As the sink writes them, some changed or (None) left out."""
        headers = dict(self.content[2]) | self.changed
        return [(name, value) for name, value in headers.items() if value is not None] or None

    def key(self):
        """The original one."""
        return self.content[0]

    def value(self):
        """The original one."""
        return self.content[1]

    def partition(self):
        """Of the letter."""
        return self.where[0]

    def offset(self):
        """Of the letter."""
        return self.where[1]

    def timestamp(self):
        """Of the letter."""
        return (1, T0)


def record(value=b'{"asset":"press"', key=b"press", reason=Reason.NOT_JSON, **changed):
    reject = Reject(
        reason=reason, detail="unexpected end", key=key, value=value, topic="readings", partition=3, offset=41
    )
    return Record(dead_letter([reject]), changed=changed)


def test_a_letter_says_what_was_refused_and_why():
    """All that the sink wrote is read back."""
    letter = letter_of(record())

    assert letter.reason == "not_json"
    assert letter.detail == "unexpected end"
    assert letter.origin == Origin("readings", 3, 41)
    assert (letter.key, letter.value) == (b"press", b'{"asset":"press"')
    assert (letter.partition, letter.offset, letter.ts_ms) == (0, 7, T0)
    assert letter.whole_bytes is None


def test_people_see_when_why_which_message_and_how_it_begins():
    """Two lines are enough to know what to mend."""
    lines = shown(letter_of(record())).plain.splitlines()

    assert lines == [
        "2026-03-02 08:14:32  not_json          unexpected end",
        '    readings/3/41  key press  {"asset":"press"',
    ]


def test_a_long_value_is_shown_by_its_beginning_and_a_cut_one_says_so():
    """A megabyte doesn't run over the screen."""
    letter = letter_of(record(b"x" * 1_000_000))

    text = shown(letter).plain

    assert letter.whole_bytes == 1_000_005
    assert text.endswith("x…  (cut: it had 1,000,005 bytes)")
    assert len(text) < 400


@pytest.mark.parametrize("value", ["🔧".encode() * 161, ("é" + "🔧" * 200).encode()])
def test_a_value_of_large_characters_is_cut_between_two_of_them(value):
    """The beginning of a text is text."""
    line = shown(letter_of(record(value))).plain.splitlines()[1]

    assert line.endswith("🔧…")
    assert "\\x" not in line


def test_control_characters_in_a_refused_message_do_nothing():
    """Looking at a hostile message is safe."""
    text = shown(letter_of(record(b"\x1b[2J\xff\r\n", key=b"\x07"))).plain

    assert r"key \x07  \x1b[2J\xff\r\n" in text


def test_a_message_without_key_and_value_is_said_to_have_none():
    """A tombstone on the readings topic is a letter too."""
    letter = letter_of(record(None, None))

    assert "no key  no value" in shown(letter).plain
    assert document_of(letter)["key"] is None
    assert document_of(letter)["value"] is None


def test_machines_get_the_whole_value_as_text_where_it_is_text():
    """`jq -r .value` gives what was sent."""
    assert document_of(letter_of(record(b"x" * 1_000))) == {
        "ts": T0,
        "reason": "not_json",
        "detail": "unexpected end",
        "topic": "readings",
        "partition": 3,
        "offset": 41,
        "key": "press",
        "value": "x" * 1_000,
        "truncated": None,
        "letter": "0/7",
    }


def test_what_is_no_text_comes_in_base64():
    """Nothing is lost by printing it."""
    document = document_of(letter_of(record(b"\xff\x00")))

    assert document["value_base64"] == "/wA="
    assert "value" not in document


@pytest.mark.parametrize(
    "changed",
    [
        {"andon_reason": None},
        {"andon_topic": None},
        {"andon_partition": b"three"},
        {"andon_offset": b""},
        {"andon_topic": b"\xff"},
        {"andon_truncated": b"much"},
    ],
)
def test_a_record_of_somebody_else_is_no_letter(changed):
    """A topic that others write to breaks nothing."""
    assert letter_of(record(**changed)) is None


def test_a_record_without_headers_is_no_letter():
    """As a console producer would write it."""
    assert letter_of(Record((b"key", b"value", []))) is None
