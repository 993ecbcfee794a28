"""Which module speaks which protocol, and what has to be installed for it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

import click

from contracts.gateways import S7, Connection, Dnp3, EtherNetIp, Modbus, Mqtt, OpcUa, Sparkplug

if TYPE_CHECKING:
    from gateways.happenings import Happenings
    from gateways.seam import Source

__all__ = ["PROTOCOLS", "Protocol", "open_source"]


class Protocol(NamedTuple):
    """One protocol."""

    title: str
    name: str
    """Of its module, and of its key in the settings."""
    extra: str
    """`pip install andon[…]`."""
    source: str
    """The class of its module that is a `gateways.seam.Source`."""
    address: str
    """The key of its settings that says where the device is."""
    points: str
    """The key of its settings that lists what is read; empty: all is."""


PROTOCOLS: dict[type[Connection], Protocol] = {
    OpcUa: Protocol("OPC UA", "opcua", "opcua", "OpcUaSource", "url", "nodes"),
    Modbus: Protocol("Modbus TCP", "modbus", "modbus", "ModbusSource", "host", "points"),
    S7: Protocol("S7", "s7", "s7", "S7Source", "host", "points"),
    EtherNetIp: Protocol("EtherNet/IP", "ethernetip", "ethernetip", "EtherNetIpSource", "host", "points"),
    Dnp3: Protocol("DNP3", "dnp3", "dnp3", "Dnp3Source", "host", "points"),
    Mqtt: Protocol("MQTT", "mqtt", "mqtt", "MqttSource", "host", "topics"),
    Sparkplug: Protocol("Sparkplug B", "sparkplug", "mqtt", "SparkplugSource", "host", ""),
}


def module_of(protocol: Protocol) -> object:
    """The module that speaks it.

    Raises: click.ClickException if its library isn't installed.
    """
    try:
        return import_module(f"gateways.{protocol.name}")
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{protocol.title} needs {error.name}, which isn't installed: pip install 'andon[{protocol.extra}]'"
        ) from error


def open_source(connection: Connection, happenings: Happenings) -> Source:
    """The source of a connection; nothing is reached yet.

    Raises: click.ClickException if the protocol's library isn't installed.
    """
    protocol = PROTOCOLS[type(connection)]
    source: Source = getattr(module_of(protocol), protocol.source)(connection, happenings)
    return source
