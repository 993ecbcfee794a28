"""`andon gateway`: reads the plant's own protocols, and never writes to a device."""

from __future__ import annotations

from importlib import import_module

import click

__all__ = ["command"]

COMMANDS = {"run": "andon.gateway.run", "discover": "andon.gateway.discover", "alarms": "andon.gateway.alarms"}


class _Lazy(click.Group):
    """Imports what a subcommand needs when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - of click
        """All of them, the usual one first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - of click
        """The subcommand of that name, if there is one."""
        if cmd_name not in COMMANDS:
            return None
        found = import_module(COMMANDS[cmd_name]).command
        assert isinstance(found, click.Command)
        return found


@click.group(cls=_Lazy)
def command() -> None:
    """Read machines by their own protocols, and send what they say to Kafka."""
