"""`andon gateway discover`: what a device has, as settings that can be copied."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import click

from andon.gateway.protocols import PROTOCOLS, module_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from andon.gateway.protocols import Protocol
    from gateways.seam import Discovered

__all__ = ["command", "snippet"]

ANSWER_S_MAX = 120
BY_NAME = {protocol.name: protocol for protocol in PROTOCOLS.values()}


@click.command()
@click.argument("protocol", type=click.Choice(list(BY_NAME)))
@click.argument("address")
def command(protocol: str, address: str) -> None:
    """Print settings for what the device at ADDRESS has: names, types, units, present values. It is only read.

    Copy the output to gateway.toml, strike out what nobody needs, and give assets and sensors the names that people
    use.

    \b
    andon gateway discover opcua opc.tcp://192.168.0.10:4840
    andon gateway discover modbus 192.168.0.20:502/1
    andon gateway discover s7 192.168.0.30/0.1
    andon gateway discover ethernetip 192.168.0.40/1/0
    andon gateway discover dnp3 192.168.0.50/10.1
    andon gateway discover mqtt 192.168.0.5:1883
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself
    from andon.logs import log_to  # noqa: PLC0415 - `--help` needs no protocol
    from gateways.seam import AwayError, NonsenseError  # noqa: PLC0415

    log_to()
    logging.getLogger().addHandler(logging.NullHandler())
    spoken = BY_NAME[protocol]
    module: Any = module_of(spoken)
    try:
        found = asyncio.run(asyncio.wait_for(module.discover(address), ANSWER_S_MAX))
    except (AwayError, NonsenseError) as error:
        raise click.ClickException(str(error)) from error
    except TimeoutError as error:
        raise click.ClickException(f"{address}: it has more to tell than {ANSWER_S_MAX} s are enough for.") from error
    for line in snippet(spoken, address, found):
        click.echo(line)


def snippet(protocol: Protocol, address: str, found: Discovered) -> Iterator[str]:
    """The lines of a table of settings."""
    who = " ".join(part for part in found.who if part) or "it doesn't say who it is"
    yield f"# {protocol.title} at {address}: {who}"
    yield f"[[gateway.{protocol.name}]]"
    yield f'name = "{protocol.name}-1"  # choose one'
    if protocol.address not in found.settings:
        yield f"{protocol.address} = {_toml(address)}"
    for key, value in found.settings.items():
        yield f"{key} = {_toml(value)}"
    if not found.points:
        yield "# nothing numeric was found"
        return
    yield f"{protocol.points} = [" if protocol.points else "# read are:"
    for point in found.points:
        keys = ", ".join(f"{key} = {_toml(value)}" for key, value in point.keys.items())
        told = ", ".join(
            part
            for part in (
                f"{point.type} {point.value}".strip() + (f" {point.unit}" if point.unit else ""),
                f"in {point.isa95}" if point.isa95 else "",
            )
            if part
        )
        yield f"    {{ {keys} }},  # {_one_line(told)}" if protocol.points else f"#   {keys}: {_one_line(told)}"
    if protocol.points:
        yield "]"


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)[:120]
