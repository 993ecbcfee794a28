"""Settings of a gateway: which devices it reads, by which protocol, and what their points are called in andon.

A gateway is a process beside the machines (`andon gateway run`). Its settings stand in the same sort of file as those
of `andon run`, under `[gateway]`; of the rest of the file it takes `[site]` and `[kafka]`.

Names are templates: `{device}` is the name of the connection, and each protocol has more of them.
"""

from __future__ import annotations

from string import Formatter
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from contracts.section import Number, Seconds, Section, Whole
from contracts.served import Served

__all__ = [
    "S7",
    "Broker",
    "Connection",
    "Dnp3",
    "Dnp3Point",
    "EtherNetIp",
    "EtherNetIpPoint",
    "Gateway",
    "Modbus",
    "ModbusPoint",
    "Mqtt",
    "MqttBroker",
    "MqttTopic",
    "OpcUa",
    "OpcUaNode",
    "Point",
    "Polled",
    "PolledPoint",
    "S7Point",
    "Sparkplug",
    "Unified",
    "placeholders",
]

Name = Annotated[str, Field(min_length=1, max_length=128)]
Template = Annotated[str, Field(min_length=1, max_length=512)]
Deadband = Annotated[Number, Field(ge=0)]
_DEADBAND = "a value is reported when it differs from the one last reported by more than this, in its own unit"
_ASSET = "asset that the points belong to; a template"
_SENSOR = "name of the sensor; a template"


def placeholders(template: str) -> tuple[str, ...]:
    """The names in braces of a template.

    Raises: ValueError if it is none.
    """
    return tuple(name for _, name, _, _ in Formatter().parse(template) if name is not None)


def fillable(template: str, known: tuple[str, ...]) -> str:
    """A template that has only names which are known there.

    Raises: ValueError, worded for a person.
    """
    choice = ", ".join(f"{{{name}}}" for name in known)
    try:
        unknown = [name for name in placeholders(template) if name not in known]
    except ValueError:
        raise ValueError(f"{template[:60]!r} is no template|give text with names in braces: {choice}") from None
    if unknown:
        raise ValueError(f"{{{unknown[0]}}} is unknown in {template[:60]!r}|known here: {choice}")
    return template


class Point(Section):
    """One value of a device, and what it is called."""

    asset: Annotated[Template | None, Field(description=f"{_ASSET}; by default the connection's")] = None
    sensor: Annotated[Template | None, Field(description=_SENSOR)] = None
    deadband: Annotated[Deadband | None, Field(description=f"{_DEADBAND}; by default the connection's")] = None


class Connection(Section):
    """What all connections have."""

    name: Annotated[
        str,
        Field(min_length=1, max_length=64, pattern=r"^[^\s/]+$", description="name of the device, once in the file"),
    ]
    deadband: Annotated[Deadband, Field(description=_DEADBAND)] = 0.0
    heartbeat_s: Annotated[
        Number,
        Field(gt=0, le=86400, description="a value that doesn't change is reported so often, as a sign of life"),
    ] = 10.0
    time: Annotated[
        Literal["device", "gateway"],
        Field(description="whose clock the readings bear, where the device gives times: its own, or the gateway's"),
    ] = "device"


_OPCUA_NAMES = ("device", "name", "parent", "path")


class OpcUaNode(Point):
    """A variable of an OPC UA server."""

    id: Annotated[
        str,
        Field(
            pattern=r"^(ns=\d+;)?[isgb]=.+$",
            max_length=512,
            description="node id, as in `ns=2;s=Press1.Temperature` or `i=2258`",
        ),
    ]


class OpcUa(Connection):
    """An OPC UA server: values come by subscription, with the server's quality and the source's time."""

    url: Annotated[
        str, Field(pattern=r"^opc\.tcp://\S+$", description="`opc.tcp://host:4840/path`, without a password")
    ]
    asset: Annotated[
        Template,
        Field(
            description=f"{_ASSET}: `{{device}}`, `{{name}}` (browse name), `{{parent}}` (its folder), `{{path}}` (all)"
        ),
    ] = "{device}"
    sensor: Annotated[Template, Field(description=f"{_SENSOR}: `{{name}}` is the variable's browse name")] = "{name}"
    nodes: Annotated[tuple[OpcUaNode, ...], Field(description="variables to subscribe to")] = ()
    browse: Annotated[
        tuple[str, ...], Field(description="node ids under which all numeric variables are subscribed to")
    ] = ()
    publishing_ms: Annotated[
        Number, Field(ge=10, le=3_600_000, description="how often the server sends what has changed, in milliseconds")
    ] = 500.0
    sampling_ms: Annotated[
        Number, Field(ge=0, le=3_600_000, description="how often it looks, in milliseconds; 0: as fast as it can")
    ] = 250.0
    queue: Annotated[
        Whole, Field(ge=1, le=10_000, description="changes of one variable that the server keeps between two messages")
    ] = 10
    security: Annotated[
        Literal["none", "sign", "sign_and_encrypt"],
        Field(description="of the messages; with the policy Basic256Sha256 where it isn't none"),
    ] = "none"
    certificate: Annotated[str | None, Field(description="file with our certificate (PEM or DER)")] = None
    private_key: Annotated[str | None, Field(description="file with its key (PEM)")] = None
    server_certificate: Annotated[
        str | None, Field(description="file with the server's certificate: any other server is refused")
    ] = None
    user: Annotated[str | None, Field(description="user name; without one the session is anonymous")] = None
    password_file: Annotated[str | None, Field(description="file with the user's password")] = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.nodes and not self.browse:
            raise ValueError(
                "has neither nodes nor browse|say what to read: `andon gateway discover opcua URL` shows what is there"
            )
        files = (self.certificate, self.private_key, self.server_certificate)
        if self.security != "none" and None in files:
            raise ValueError(
                f'security = "{self.security}" needs certificate, private_key and server_certificate|give all three'
            )
        if self.security == "none" and any(files):
            raise ValueError('certificates are of no use with security = "none"|give security = "sign_and_encrypt"')
        if (self.user is None) != (self.password_file is None):
            raise ValueError("only one of user and password_file is given|give both")
        return self

    @field_validator("asset", "sensor")
    @classmethod
    def _fillable(cls, template: str) -> str:
        return fillable(template, _OPCUA_NAMES)


class Polled(Connection):
    """What all connections have that are asked again and again."""

    host: Annotated[str, Field(min_length=1, description="name or address of the device")]
    every_s: Annotated[Number, Field(ge=0.01, le=86400, description="seconds between two readings of all points")] = 1.0
    timeout_s: Annotated[Number, Field(ge=0.1, le=60, description="how long the device may take to answer")] = 3.0
    asset: Annotated[Template, Field(description=f"{_ASSET}: `{{device}}`")] = "{device}"

    @field_validator("asset")
    @classmethod
    def _fillable(cls, template: str) -> str:
        return fillable(template, ("device",))


class PolledPoint(Section):
    """One number of a device that is asked again and again."""

    asset: Annotated[Template | None, Field(description=f"{_ASSET}; by default the connection's")] = None
    sensor: Annotated[Name, Field(description="name of the sensor")]
    deadband: Annotated[Deadband | None, Field(description=f"{_DEADBAND}; by default the connection's")] = None
    scale: Annotated[Number, Field(description="the raw number is multiplied by this …")] = 1.0
    offset: Annotated[Number, Field(description="… and this is added")] = 0.0

    @field_validator("asset")
    @classmethod
    def _fillable(cls, template: str | None) -> str | None:
        return template and fillable(template, ("device",))


class ModbusPoint(PolledPoint):
    """A number in the registers of a Modbus device, or one of its bits."""

    table: Annotated[
        Literal["holding", "input", "coil", "discrete"],
        Field(description="holding (4xxxx) and input (3xxxx) registers; coils (0xxxx) and discrete inputs (1xxxx)"),
    ] = "holding"
    address: Annotated[
        Whole, Field(ge=0, le=65535, description="as in the protocol, from 0: what a manual calls 40001 is holding 0")
    ]
    type: Annotated[
        Literal["int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "bit"],
        Field(description="of registers"),
    ] = "uint16"
    word_order: Annotated[
        Literal["big", "little"], Field(description="which of several registers comes first: the high or the low one")
    ] = "big"
    bit: Annotated[
        Whole | None, Field(ge=0, le=15, description='of the register, for type = "bit"; 0 is the lowest')
    ] = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.type == "bit") != (self.bit is not None):
            raise ValueError('type = "bit" and bit go together|give both, e.g. type = "bit", bit = 3')
        if self.table in {"coil", "discrete"} and self.model_fields_set & {
            "type",
            "word_order",
            "bit",
            "scale",
            "offset",
        }:
            raise ValueError(f"a {self.table} is a single bit|leave out type, word_order, bit, scale and offset")
        return self


class Modbus(Polled):
    """A Modbus TCP device, or one behind a Modbus TCP gateway: its registers are read in blocks."""

    port: Annotated[Whole, Field(ge=1, le=65535, description="TCP port")] = 502
    unit: Annotated[Whole, Field(ge=0, le=255, description="unit identifier, of devices behind a gateway")] = 1
    gap: Annotated[
        Whole,
        Field(ge=0, le=100, description="registers between two points that are read along rather than asked twice"),
    ] = 8
    points: Annotated[tuple[ModbusPoint, ...], Field(min_length=1, description="what is read")]


class S7Point(PolledPoint):
    """A number in the memory of a SIMATIC controller."""

    address: Annotated[
        str,
        Field(
            pattern=r"^(DB\d{1,5}\.DB(X\d{1,5}\.[0-7]|[BWD]\d{1,5})|[MIQ](\d{1,5}\.[0-7]|[BWD]\d{1,5}))$",
            description="as in STEP 7: `DB10.DBD4`, `DB10.DBX8.3`, `MW20`, `I0.4`",
        ),
    ]
    type: Annotated[
        Literal["bool", "byte", "sint", "int", "word", "dint", "dword", "real", "lreal"] | None,
        Field(
            description="by default bool for a bit, byte for B, int for W, real for D; an lreal begins at a D address"
        ),
    ] = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        fitting = {"X": ("bool",), "B": ("byte", "sint"), "W": ("int", "word"), "D": ("real", "dint", "dword", "lreal")}
        width = next((letter for letter in "XBWD" if letter in self.address.removeprefix("DB").replace("DB", "")), "X")
        if self.type is not None and self.type not in fitting[width]:
            raise ValueError(f"{self.address} is no {self.type}|give {' or '.join(fitting[width])}")
        return self


class S7(Polled):
    """A SIMATIC S7 controller, or what speaks like one: data blocks, markers, inputs and outputs are read."""

    port: Annotated[Whole, Field(ge=1, le=65535, description="TCP port")] = 102
    rack: Annotated[Whole, Field(ge=0, le=7, description="of the CPU")] = 0
    slot: Annotated[Whole, Field(ge=0, le=31, description="of the CPU: 1 for S7-1200 and 1500, 2 for S7-300")] = 1
    gap: Annotated[
        Whole, Field(ge=0, le=200, description="bytes between two points that are read along rather than asked twice")
    ] = 16
    points: Annotated[tuple[S7Point, ...], Field(min_length=1, description="what is read")]


class EtherNetIpPoint(PolledPoint):
    """A tag of a controller, or a number in an attribute of a CIP object."""

    tag: Annotated[
        str | None,
        Field(
            max_length=255,
            pattern=r"^(Program:\w+\.)?\w+(\[\d+(,\d+){0,2}\])?(\.[A-Za-z_]\w*(\[\d+(,\d+){0,2}\])?)*(\.\d{1,2})?$",
            description="as in the controller's program: `Temp`, `Line1.Motors[3].Speed`, `Program:Main.Level`,"
            " `Status.5` for a bit; its type is known",
        ),
    ] = None
    attribute: Annotated[
        str | None,
        Field(
            pattern=r"^\d{1,5}/\d{1,5}/\d{1,3}$",
            description="of devices without tags: class/instance/attribute, as in `4/100/3`, the data of assembly 100",
        ),
    ] = None
    at: Annotated[Whole, Field(ge=0, le=65535, description="byte of the attribute at which the number begins")] = 0
    type: Annotated[
        Literal["bool", "sint", "usint", "int", "uint", "dint", "udint", "lint", "ulint", "real", "lreal"] | None,
        Field(description="of a number in an attribute"),
    ] = None
    bit: Annotated[
        Whole | None, Field(ge=0, le=7, description='of the byte `at`, for type = "bool"; 0 is the lowest')
    ] = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.tag is None) == (self.attribute is None):
            raise ValueError("a point is either a tag or in an attribute|give one of both")
        if self.tag is not None and self.model_fields_set & {"at", "type", "bit"}:
            raise ValueError(f"the controller knows the type of {self.tag}|leave out at, type and bit")
        if self.attribute is not None and self.type is None:
            raise ValueError(f'an attribute is bytes|say what is in {self.attribute}, e.g. type = "int"')
        if (self.type == "bool") != (self.bit is not None):
            raise ValueError('type = "bool" and bit go together|give both, e.g. type = "bool", bit = 3')
        return self


class EtherNetIp(Polled):
    """A Logix controller, or another device that speaks EtherNet/IP: tags and attributes are read by CIP messages."""

    port: Annotated[Whole, Field(ge=1, le=65535, description="TCP port")] = 44818
    route: Annotated[
        str,
        Field(
            pattern=r"^(\d{1,5}/[^/\s]+(/\d{1,5}/[^/\s]+)*)?$",
            description="the way on from the address, as port/link: `1/0` is slot 0 of the backplane, where the"
            " controller is; empty for a device without a backplane, as a drive",
        ),
    ] = "1/0"
    points: Annotated[tuple[EtherNetIpPoint, ...], Field(min_length=1, description="what is read")]


class Dnp3Point(PolledPoint):
    """A point in the database of a DNP3 outstation."""

    type: Annotated[
        Literal[
            "analog_input",
            "binary_input",
            "double_bit_input",
            "counter",
            "frozen_counter",
            "analog_output",
            "binary_output",
        ],
        Field(description="sort of point; of outputs their status is read"),
    ] = "analog_input"
    index: Annotated[Whole, Field(ge=0, le=65535, description="number of the point among those of its sort")]


class Dnp3(Polled):
    """A DNP3 outstation over TCP, such as a remote terminal unit or a relay: its events and its present values."""

    port: Annotated[Whole, Field(ge=1, le=65535, description="TCP port")] = 20000
    outstation: Annotated[Whole, Field(ge=0, le=65519, description="DNP3 address of the device")] = 10
    master: Annotated[Whole, Field(ge=0, le=65519, description="DNP3 address that the device expects of us")] = 1
    points: Annotated[tuple[Dnp3Point, ...], Field(min_length=1, description="what is read")]

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        seen: set[tuple[str, int]] = set()
        for point in self.points:
            if (point.type, point.index) in seen:
                raise ValueError(f"{point.type} {point.index} is listed twice|give each point once")
            seen.add((point.type, point.index))
        return self


class MqttBroker(Section):
    """Where an MQTT broker is, and who we are to it."""

    host: Annotated[str, Field(min_length=1, description="name or address of the broker")]
    port: Annotated[Whole, Field(ge=1, le=65535, description="TCP port; with TLS usually 8883")] = 1883
    client_id: Annotated[
        str | None,
        Field(
            max_length=128, description="names our session at the broker; by default `andon-` and the connection's name"
        ),
    ] = None
    tls: Annotated[bool, Field(strict=True, description="speak TLS, and check the broker's certificate")] = False
    ca_file: Annotated[str | None, Field(description="whom to trust, in place of the system's")] = None
    certificate: Annotated[str | None, Field(description="file with our certificate (PEM)")] = None
    private_key: Annotated[str | None, Field(description="file with its key (PEM)")] = None
    user: Annotated[str | None, Field(description="user name")] = None
    password_file: Annotated[str | None, Field(description="file with the user's password")] = None

    @model_validator(mode="after")
    def _secure(self) -> Self:
        if not self.tls and (self.ca_file or self.certificate or self.private_key):
            raise ValueError("ca_file, certificate and private_key are of no use without TLS|give tls = true")
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("only one of certificate and private_key is given|give both")
        if self.password_file is not None and self.user is None:
            raise ValueError("password_file is given without user|give both")
        return self


class Broker(MqttBroker, Connection):
    """What all connections to an MQTT broker have."""


class MqttTopic(Section):
    """Topics of one form, and what their messages say."""

    topic: Annotated[
        str,
        Field(
            min_length=1,
            max_length=1024,
            description="such as `plant/{area}/{machine}/{tag}`: a name in braces stands for all or part of a level,"
            " `+` for any level, `#` at the end for all that follow",
        ),
    ]
    format: Annotated[
        Literal["json", "umh"],
        Field(description="a number or an object of JSON; or a message of United Manufacturing Hub's `umh/v1` topics"),
    ] = "json"
    asset: Annotated[
        Template, Field(description=f"{_ASSET}: `{{device}}` and the names in the topic; not with `umh`")
    ] = "{device}"
    sensor: Annotated[
        Template, Field(description=f"{_SENSOR}: also `{{member}}`, the name of a member of the object; not with `umh`")
    ] = "{member}"
    value: Annotated[
        str,
        Field(
            description="where the number is in the payload: empty for the payload itself, `data.temp` for a member of"
            " a member, `readings[0].v` for one of a list, `*` for every number in the object"
        ),
    ] = ""
    ts: Annotated[
        str | None,
        Field(description="where its time is: RFC 3339, or seconds or milliseconds since 1970; by default the arrival"),
    ] = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        levels = self.topic.split("/")
        if "#" in self.topic and (levels[-1] != "#" or self.topic.count("#") > 1):
            raise ValueError("# stands for all that follow|write it once, as the last level")
        if any("+" in level and level != "+" for level in levels):
            raise ValueError("+ stands for a whole level|give a name in braces for a part of one")
        try:
            named = placeholders(self.topic)
        except ValueError:
            raise ValueError(f"{self.topic[:60]!r} is no template|close every brace") from None
        if any(not name.isidentifier() for name in named) or len(set(named)) < len(named):
            raise ValueError("each name in braces is a word, and comes once|as in plant/{area}/{machine}/{tag}")
        fillable(self.asset, ("device", *named))
        fillable(self.sensor, ("device", "member", *named))
        if self.format == "json" and self.value == "*" and "{member}" not in self.sensor:
            raise ValueError('value = "*" gives many numbers|let sensor have {member}')
        if self.format == "json" and self.value != "*" and "{member}" in self.sensor:
            raise ValueError('{member} is of value = "*"|name the sensor, or take a name of the topic')
        return self


class Mqtt(Broker):
    """An MQTT broker: messages of its topics are read at QoS 1, and confirmed once they are on the gateway's disk."""

    qos: Annotated[
        Literal[0, 1], Field(description="1: the broker keeps what we haven't stored, also while we are away")
    ] = 1
    topics: Annotated[tuple[MqttTopic, ...], Field(min_length=1, description="what is subscribed to")]


class Sparkplug(Broker):
    """Sparkplug B edge nodes and devices at an MQTT broker; the gateway is a host application."""

    groups: Annotated[tuple[str, ...], Field(min_length=1, description="group ids; `+` for all")] = ("+",)
    host_id: Annotated[
        str | None,
        Field(
            pattern=r"^[^/+#]+$",
            description="publishes `spBv1.0/STATE/<host_id>`, for edge nodes that wait for their primary host",
        ),
    ] = None
    asset: Annotated[
        Template,
        Field(
            description=f"{_ASSET}: `{{path}}` is group.node or group.node.device, `{{group}}`, `{{node}}` and"
            " `{unit}` (the device, or the node itself) its parts"
        ),
    ] = "{path}"
    sensor: Annotated[Template, Field(description=f"{_SENSOR}: `{{metric}}` is the metric's name")] = "{metric}"

    @model_validator(mode="after")
    def _fillable(self) -> Self:
        names = ("path", "group", "node", "unit", "device")
        fillable(self.asset, names)
        fillable(self.sensor, ("metric", *names))
        return self


class Unified(MqttBroker):
    """The broker of the plant's unified namespace, where `andon gateway alarms` publishes what stands."""

    host: Annotated[str, Field(min_length=1, description="name or address of the broker")] = "localhost"
    topic: Annotated[
        Template,
        Field(
            description="where the state of an asset's alarms is kept: `{path}` is the asset's ISA-95 path, `{site}`,"
            " `{asset}`"
        ),
    ] = "{path}/_alarms"
    paths: Annotated[
        dict[str, Template],
        Field(
            description="pattern of asset names → ISA-95 path, the first match counts: `{site}`, `{asset}`, and"
            " `{levels}`, the asset's name with `/` for each `.`; by default `{site}/{asset}`"
        ),
    ] = {}  # noqa: RUF012 - pydantic copies it

    @property
    def name(self) -> str:
        """Of the session at the broker."""
        return "alarms"

    @model_validator(mode="after")
    def _fillable(self) -> Self:
        fillable(self.topic, ("path", "site", "asset"))
        for path in self.paths.values():
            fillable(path, ("site", "asset", "levels"))
        return self


class Gateway(Served):
    """A gateway: reads devices, keeps what it read on its disk until Kafka has it, and never writes to a device."""

    name: Annotated[
        str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$", description="name of this gateway")
    ] = "gateway"
    topic: Annotated[
        str | None,
        Field(
            description="topic that readings are written to; by default the first of kafka.readings whose format is"
            " andon's own"
        ),
    ] = None
    buffer_dir: Annotated[str, Field(min_length=1, description="directory of the buffer on disk")] = "./gateway"
    buffer_mb_max: Annotated[
        Whole, Field(ge=1, le=1_000_000, description="how much of its readings it keeps while Kafka is away, in MiB")
    ] = 1024
    when_full: Annotated[
        Literal["drop_oldest", "drop_newest"],
        Field(description="what is given up, and counted, when the buffer is full"),
    ] = "drop_oldest"
    retry_s_max: Annotated[
        Number, Field(ge=1, le=3600, description="longest wait between two tries to reach a device")
    ] = 30.0
    quarantine_s: Annotated[
        Seconds, Field(description="a device whose answers make no sense is left alone for so long")
    ] = 600.0
    vanished_s: Annotated[
        Seconds, Field(description="a device that has been away for so long is absent in the inventory")
    ] = 300.0
    metrics_port: Annotated[
        Whole, Field(ge=0, le=65535, description="port that metrics and health are served on; 0 picks a free one")
    ] = 9465
    opcua: Annotated[tuple[OpcUa, ...], Field(description="OPC UA servers")] = ()
    modbus: Annotated[tuple[Modbus, ...], Field(description="Modbus TCP devices")] = ()
    s7: Annotated[tuple[S7, ...], Field(description="SIMATIC S7 controllers")] = ()
    ethernetip: Annotated[
        tuple[EtherNetIp, ...], Field(description="Logix controllers and other EtherNet/IP devices")
    ] = ()
    dnp3: Annotated[tuple[Dnp3, ...], Field(description="DNP3 outstations")] = ()
    mqtt: Annotated[tuple[Mqtt, ...], Field(description="MQTT brokers")] = ()
    sparkplug: Annotated[tuple[Sparkplug, ...], Field(description="MQTT brokers with Sparkplug B")] = ()

    unified: Annotated[Unified, Field(description="the unified namespace")] = Unified()

    @property
    def connections(self) -> tuple[Connection, ...]:
        """All devices, of all protocols."""
        return (*self.opcua, *self.modbus, *self.s7, *self.ethernetip, *self.dnp3, *self.mqtt, *self.sparkplug)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        seen: set[str] = set()
        for connection in self.connections:
            if connection.name in seen:
                raise ValueError(f"two connections are called {connection.name}|give each a name of its own")
            seen.add(connection.name)
        return self
