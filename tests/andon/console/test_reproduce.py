"""The commands that show an alarm again name its time, its settings and its id, and can be typed."""

import shlex
from dataclasses import replace

from andon.console.reproduce import commands_for
from contracts.findings import Kind
from tests.alarm_states import T0, alarm_state

ALERT = alarm_state().alert


def test_what_led_to_it_is_recorded_and_played_again():
    """An hour before a limit is enough."""
    record, replay = commands_for(ALERT, T0 + 5_000, file="my plant.toml")

    words = shlex.split(record)
    assert words[:4] == ["andon", "record", "--settings", "my plant.toml"]
    assert words[words.index("--from") + 1] == "2023-11-14T21:13:20Z"
    assert words[words.index("--to") + 1] == "2023-11-14T22:14:25Z"
    assert shlex.split(replay)[-1] == f'select(.alert_id == "{ALERT.alert_id}")'
    assert words[words.index("--out") + 1] in replay


def test_what_was_learned_takes_longer():
    """A detector that learns has to hear what it had heard."""
    record, _ = commands_for(replace(ALERT, kind=Kind.DRIFT, rule="level"), T0, file="andon.toml")

    assert "--from 2023-11-06T22:13:20Z" in record
