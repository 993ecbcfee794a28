"""The command line as a whole."""

from importlib import import_module

import click
import pytest
from click.testing import CliRunner

from andon.cli import COMMANDS, cli
from andon.installed import version_of


@pytest.mark.parametrize("asked", ["version", "--version"])
def test_the_version_is_told_whichever_way_it_is_asked_for(asked):
    """Whoever reports a fault says which version it was."""
    result = CliRunner().invoke(cli, [asked])

    assert (result.exit_code, result.output) == (0, f"andon {version_of('andon')}\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_is_listed_is_there(name):
    """`andon --help` promises nothing that can't be called."""
    module, _, attribute = COMMANDS[name].partition(":")

    assert isinstance(getattr(import_module(module), attribute or "command"), click.Command)
