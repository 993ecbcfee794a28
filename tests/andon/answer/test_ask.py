"""What people ask from the command line, as far as it goes without a broker. With one: tests/kafka/test_people.py."""

import pytest
from click.testing import CliRunner

from andon.answer.answers import Outcome, command_of
from andon.answer.ask import told
from andon.cli import cli
from contracts.alarm_states import Hold
from contracts.commands import Scope, Verb
from contracts.errors import SourceError
from tests.alarm_states import T0, alarm_state

ALERT = alarm_state().alert
NOWHERE = {"ANDON_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1", "ANDON_SERVICE__BROKER_WAIT_S": "0.2", "USER": "maria"}


def run(*arguments, env=None):
    """A command whose broker is away."""
    return CliRunner().invoke(cli, list(arguments), env=NOWHERE if env is None else env)


@pytest.fixture
def settings(tmp_path):
    """An empty andon.toml, as options."""
    path = tmp_path / "andon.toml"
    path.write_text("")
    return ["--settings", str(path)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("shelve press-1/temp", "Missing option '--for'"),
        ("shelve press-1/temp --for soon", "isn't a span of time like 90s, 30m, 2h or 1d"),
        ("shelve press-1/zone/3 --for 2h", "write %2F"),
        ("shelve --for 2h", "give ASSET or ASSET/SENSOR, or one alarm with --id"),
        ("unshelve press-1 --id 6f0c81", "give ASSET or ASSET/SENSOR, or one alarm with --id"),
        ("suppress press-1 --kind noise", "'noise' is not one of"),
        ("suppress press-1 --rule hh", "rule needs kind"),
        ("suppress press-1 --kind limit --rule rise", "rule is none of limit's: hh, h, l, ll"),
        ("out-of-service", "Missing argument 'ASSET[/SENSOR]'"),
        ("in-service press-1 --kind limit", "No such option"),
        ("feedback 6f0c81 wrong", "'wrong' is not one of 'false-alarm', 'true-alarm', 'reset'"),
        ("ack", "Missing argument 'ID...'"),
        ("ack 6f0c81 --wait -1", "'--wait'"),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(settings, arguments, words):
    """A typing mistake shelves nothing, and the line says what would be right."""
    result = run(*arguments.split(), *settings)

    assert result.exit_code == 2, result.output
    assert words in result.stderr


def test_who_asks_is_always_known(settings):
    """An alert without a name behind it helps nobody the morning after."""
    result = run("unshelve", "press-1", *settings, env={"USER": None, "ANDON_BY": None})

    assert result.exit_code == 2
    assert "Missing option '--by' (env var: 'ANDON_BY', 'USER')" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    ["ack 6f0c81", "shelve press-1 --for 2h", "shelve --id 6f0c81 --for 2h", "feedback 6f0c81 reset", "alarms"],
)
def test_a_broker_that_is_away_is_told(settings, arguments):
    """Nobody thinks that the alarm is acknowledged."""
    result = run(*arguments.split(), *settings)

    assert isinstance(result.exception, SourceError)
    assert "no broker answered within 0.2 s" in str(result.exception)


@pytest.mark.parametrize(
    ("outcome", "lines"),
    [
        (
            Outcome(command_of(Verb.ACKNOWLEDGE, asset="press-1", alert=ALERT, by="maria"), "", (ALERT,)),
            ["acknowledged: press-1 temp is wrong (limit hh)"],
        ),
        (
            Outcome(
                command_of(Verb.SHELVE, asset="press/1", scope=Scope("temp", "limit"), until_ms=T0, by="maria"),
                "",
                (ALERT,),
                Hold(by="maria", since_ts=0, until_ts=T0),
            ),
            [
                "shelved: press%2F1/temp limit until 2023-11-14 22:13:20 UTC",
                "  press-1 temp is wrong (limit hh)",
            ],
        ),
        (
            Outcome(command_of(Verb.IN_SERVICE, asset="press-1", by="maria"), ""),
            ["in service: press-1"],
        ),
        (
            Outcome(command_of(Verb.IN_SERVICE, asset="press-1", by="maria"), "press-1\x1b[2J isn't out of service"),
            ["refused: press-1\\x1b[2J isn't out of service"],
        ),
    ],
)
def test_what_became_of_a_command_is_told_in_plain_lines(outcome, lines):
    """The person sees what was done, and to which alarms."""
    assert told(outcome).splitlines() == lines
