"""The command line: `andon COMMAND`. Each command lives in a module of its own and is imported when it is asked for.

Exit codes: 0 fine, 1 failed (the world), 2 usage or settings.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from andon.installed import version_of
from andon.leaving import complain
from contracts.errors import AndonError

__all__ = ["main"]

COMMANDS = {
    "demo": "andon.demo",
    "run": "andon.run",
    "simulate": "andon.simulate",
    "status": "andon.status",
    "replay": "andon.replay.command",
    "record": "andon.record.command",
    "compare": "andon.compare.command",
    "watch": "andon.watch.command",
    "console": "andon.console.command",
    "alarms": "andon.alarms",
    "ack": "andon.answer.ask:ack",
    "shelve": "andon.answer.ask:shelve",
    "unshelve": "andon.answer.ask:unshelve",
    "suppress": "andon.answer.ask:suppress",
    "unsuppress": "andon.answer.ask:unsuppress",
    "out-of-service": "andon.answer.ask:out_of_service",
    "in-service": "andon.answer.ask:in_service",
    "feedback": "andon.answer.ask:feedback",
    "report": "andon.report.command",
    "dead-letters": "andon.dead_letters.command",
    "notify": "andon.notify.command",
    "gateway": "andon.gateway.command",
    "state": "andon.saved",
    "doctor": "andon.doctor",
    "check": "andon.check",
    "topics": "andon.topics",
}
"""Command → the module whose `command` it is, or `module:name` where one module has several."""


class _Lazy(click.Group):
    """Imports a command's module when the command is used: `andon --help` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order in which a newcomer meets them."""
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, if there is one."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(module), name or "command")
        assert isinstance(command, click.Command)
        return command


def _tell_version(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:  # noqa: FBT001 - of click
    if asked:
        click.echo(f"andon {version_of('andon')}")
        context.exit()


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_tell_version, help="Print the version."
)
def cli() -> None:
    """Warn before the line stops: anomaly detection for a plant's sensors.

    \b
    andon demo                    watch a simulated plant, no broker needed
    andon replay FILE.csv         run a recording through the detectors
    andon record --out FILE       record readings from Kafka
    andon check andon.toml        say all that is wrong with the settings
    andon topics create andon.toml
    andon run --settings andon.toml
    andon alarms                  what stands now; andon ack, shelve … say what to do about it
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself


@cli.command()
def version() -> None:
    """Print the version."""
    click.echo(f"andon {version_of('andon')}")


def main() -> None:
    """Run the command line and turn our own errors into one clear message and an exit code."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2 if isinstance(error, click.UsageError) else 1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except AndonError as error:
        sys.exit(complain(error))


if __name__ == "__main__":
    main()
