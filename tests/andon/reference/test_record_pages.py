"""The pages of what travels: every word is explained, and every example is what it says."""

from __future__ import annotations

import re

import pytest

from andon.reference.record_pages import alarm_state_page, alerts_page, commands_page, topics_page
from contracts.alarm_states import parse_key
from contracts.alerts import State, Transition
from contracts.codec import Refusal
from contracts.commands import TAKES, Origin, Verb, decode_command
from contracts.findings import RULES, Kind
from contracts.settings import Kafka


def _rows(lines):
    """The cells of all rows that begin with code."""
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines if line.startswith("| `")]


def test_every_command_is_told_with_its_keys_and_an_example_that_is_taken():
    """An example that is copied is carried out."""
    sections = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", "\n".join(commands_page()), re.MULTILINE | re.DOTALL))

    assert list(sections) == list(Verb)
    for verb, text in sections.items():
        (example,) = re.findall(r"```json\n(.*?)\n```", text)
        origin = Origin(topic="c", partition=0, offset=0, ts_ms=0, key=None, value=example.encode())
        command = decode_command(origin)
        assert not isinstance(command, Refusal), command
        assert command.verb == verb
        assert set(re.findall(r"`(\w+)`", text.split("Needs ")[1].split(". Refused")[0])) == {
            *("asset", "by", "comment"),
            *TAKES[Verb(verb)],
        }
        assert text.split("Refused when: ")[1].strip()


def test_every_key_of_a_command_is_told():
    """What may be written can be looked up."""
    told = {name.strip("`") for name, _ in _rows(commands_page())}

    assert told == {"command", "asset", "by", "comment", *(key for keys in TAKES.values() for key in keys)}


def test_every_word_of_an_alert_is_told():
    """Transitions, states, kinds and rules can be looked up."""
    rows = _rows(alerts_page())
    told = {row[0].strip("`"): row for row in rows}

    assert all(row[-1] for row in rows)
    assert {*Transition, *State, *Kind} <= told.keys()
    for kind in Kind:
        assert told[kind][1] == ", ".join(f"`{rule}`" for rule in RULES[kind])


@pytest.mark.parametrize("page", [alerts_page, alarm_state_page], ids=["alerts", "what stands"])
def test_every_field_has_a_meaning(page):
    """A name alone explains nothing."""
    assert [row[0] for row in _rows(page()) if not row[-1]] == []


def test_the_keys_that_are_shown_are_keys():
    """Each of the three sorts is among them."""
    shown = [row[0].strip("`") for row in _rows(alarm_state_page()) if "/" in row[0]]

    assert {parse_key(key)[0] for key in shown} == {"alarm", "hold", "heartbeat"}


def test_every_topic_is_told_with_its_setting():
    """Whoever makes the topics by hand knows how."""
    rows = {row[0].strip("`"): row for row in _rows(topics_page())}
    kafka = Kafka()

    assert rows.keys() == {*kafka.readings, kafka.alerts, kafka.alarms, kafka.commands, kafka.dead_letters}
    assert "`cleanup.policy=compact`" in rows[kafka.alarms][-1]
    assert rows[kafka.alarms][1] == "`kafka.alarms`"
