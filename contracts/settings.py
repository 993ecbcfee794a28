"""Settings: what may be written in andon.toml, with units, bounds and defaults.

Every field's description ends in the reference page; every number's unit is in its name. `contracts.loading` reads the
file and reports all mistakes at once.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from contracts import limits
from contracts.console import Console
from contracts.errors import SinkError
from contracts.gateways import Gateway
from contracts.groups import group_of
from contracts.section import Moment, Number, Seconds, Section, Severity, TimeZone, Whole
from contracts.served import Served

__all__ = [
    "AlarmSettings",
    "Anomaly",
    "AssetSettings",
    "Commands",
    "Drift",
    "Flatline",
    "Kafka",
    "Limit",
    "Maintenance",
    "Rate",
    "ResolvedAsset",
    "ResolvedRule",
    "Rule",
    "Running",
    "Service",
    "Settings",
    "Site",
    "Stale",
]


class Site(Section):
    """The plant."""

    name: Annotated[
        str, Field(min_length=1, max_length=128, pattern=r"^[^/\s]+$", description="name of the plant, in every alert")
    ] = "plant-1"


class Kafka(Section):
    """Where readings come from and alerts go to."""

    bootstrap_servers: Annotated[str, Field(min_length=1, description="brokers, `host:port`, separated by commas")] = (
        "localhost:9092"
    )
    readings: Annotated[tuple[str, ...], Field(min_length=1, description="topics with readings")] = ("readings",)
    formats: Annotated[
        dict[str, Literal["andon", "umh"]],
        Field(
            description="topics of `readings` with messages of another form than andon's own: `umh`, that of United"
            " Manufacturing Hub, as in its topic `umh.messages`"
        ),
    ] = {}
    alerts: Annotated[str, Field(min_length=1, description="topic that alerts are written to")] = "andon.alerts"
    alarms: Annotated[str, Field(min_length=1, description="compacted topic with the state of every alarm")] = (
        "andon.alarms"
    )
    commands: Annotated[str, Field(min_length=1, description="topic that commands are read from")] = "andon.commands"
    dead_letters: Annotated[str, Field(min_length=1, description="topic that refused messages are written to")] = (
        "andon.dead-letters"
    )
    inventory: Annotated[
        str | None,
        Field(
            min_length=1, description="compacted topic with the devices that gateways read; not watched unless given"
        ),
    ] = None
    group_id: Annotated[
        str | None, Field(description="consumer group whose committed offsets show the lag; by default `andon-<site>`")
    ] = None
    client: Annotated[
        dict[str, str | int | float | bool],
        Field(
            repr=False,
            description='passed to the Kafka client as it is: security.protocol, sasl.*, ssl.* … `"sasl.password_file"`'
            " names a file that holds `sasl.password`, and so for every other property",
        ),
    ] = {}

    @field_validator("client")
    @classmethod
    def _one_place_for_a_secret(cls, client: dict[str, str | float | bool]) -> dict[str, str | float | bool]:
        for name, path in client.items():
            if not name.endswith("_file"):
                continue
            if not isinstance(path, str) or not path:
                raise ValueError(f"{name} is no path|give the file that holds the secret")
            if (held := name.removesuffix("_file")) in client:
                raise ValueError(f"both {held} and {name} are given|give one of them")
        return client

    @property
    def umh(self) -> frozenset[str]:
        """Topics of readings with messages of United Manufacturing Hub."""
        return frozenset(topic for topic, form in self.formats.items() if form == "umh")

    @property
    def own(self) -> str:
        """The topic that andon itself writes readings to: the first whose messages have its own form.

        Raises: SinkError if there is none.
        """
        for topic in self.readings:
            if topic not in self.umh:
                return topic
        raise SinkError(
            "All topics of kafka.readings have the format umh, which andon only reads."
            " Add one with its own, to which readings can be written."
        )

    @model_validator(mode="after")
    def _formats_are_of_readings(self) -> Self:
        if strange := sorted(self.formats.keys() - set(self.readings)):
            raise ValueError(f"formats has {strange[0]}, which isn't one of readings|add it to readings")
        return self

    @model_validator(mode="after")
    def _topics_differ(self) -> Self:
        used: dict[str, str] = {}
        roles = (
            *(("readings", topic) for topic in self.readings),
            *((role, topic) for role in _TOPIC_ROLES if (topic := getattr(self, role)) is not None),
        )
        for role, topic in roles:
            if topic in used:
                where = f"twice in {role}" if used[topic] == role else f"both {used[topic]} and {role}"
                raise ValueError(f"topic {topic} is {where}|give each topic once")
            used[topic] = role
        return self


_TOPIC_ROLES = ("alerts", "alarms", "commands", "dead_letters", "inventory")


WINDOW_PHASES = 16
"""So many different times at which windows of one length begin; all of a key group begin together."""


class Service(Served):
    """The running service."""

    state_dir: Annotated[str, Field(min_length=1, description="directory of the saved state")] = "./state"
    lanes: Annotated[
        Whole,
        Field(ge=1, le=256, description="source partitions of the dataflow; fixed for the life of a state directory"),
    ] = limits.LANES_DEFAULT
    key_groups: Annotated[
        Whole, Field(ge=1, le=4096, description="pieces of state; fixed for the life of a state directory")
    ] = limits.KEY_GROUPS_DEFAULT
    epoch_s: Annotated[Number, Field(ge=0.1, le=3600, description="seconds between two snapshots of the state")] = 10.0
    epoch_bytes_max: Annotated[
        Whole, Field(ge=1024 * 1024, description="bytes of columns that a lane hands out between two snapshots")
    ] = limits.EPOCH_BYTES_MAX_DEFAULT
    poll_messages_max: Annotated[Whole, Field(ge=1, le=1_000_000, description="messages that a lane takes at once")] = (
        limits.POLL_MESSAGES_MAX
    )
    lane: Annotated[
        Literal["direct", "messages"],
        Field(
            description="how readings are taken from librdkafka: straight from its memory, or as message objects, which"
            " is slower; where it can't be done directly, andon says so and takes message objects"
        ),
    ] = "direct"
    clock: Annotated[
        Literal["wall", "event"],
        Field(description="what silence is measured by: the wall clock, or the readings' own times (for recordings)"),
    ] = "wall"
    start: Annotated[
        Literal["earliest", "latest"], Field(description="where a fresh state directory begins to read")
    ] = "earliest"
    on_lost_offsets: Annotated[
        Literal["stop", "earliest"],
        Field(description="what to do when retention has passed the saved position, or the topic was made anew"),
    ] = "stop"
    broker_wait_s: Annotated[Number, Field(gt=0, le=3600, description="how long to wait for the broker at start")] = (
        20.0
    )
    cluster_wait_s: Annotated[
        Number,
        Field(
            ge=1,
            le=3600,
            description="how long the processes of a cluster wait for each other at start; and with `delivery_wait_s`,"
            " for one that has fallen silent",
        ),
    ] = 120.0
    delivery_wait_s: Annotated[
        Number, Field(ge=1, le=3600, description="how long an alert may wait for the broker before the process stops")
    ] = 120.0
    stale_grace_s: Annotated[
        Seconds, Field(description="after a start or an outage, silence isn't judged for this long")
    ] = 30.0
    series_per_group_max: Annotated[
        Whole, Field(ge=1, description="series that one lane may feed to one key group")
    ] = limits.SERIES_PER_GROUP_MAX_DEFAULT
    stagger_windows: Annotated[
        bool,
        Field(
            description="begin the windows of different key groups at different times, not all at the full minute: then"
            " not all of the learned state is saved at once. For more than some 20,000 series"
        ),
    ] = False
    sensors_per_asset_max: Annotated[Whole, Field(ge=1, description="sensors that one asset may have")] = (
        limits.SENSORS_PER_ASSET_MAX_DEFAULT
    )
    traces_endpoint: Annotated[
        str | None,
        Field(
            pattern=r"^https?://\S+$",
            description="where OpenTelemetry traces of each epoch are sent (OTLP over HTTP), such as"
            " `http://localhost:4318/v1/traces`; by default none are made. Needs the extra `traces`",
        ),
    ] = None
    metrics_port: Annotated[
        Annotated[Whole, Field(ge=0, le=65535)] | Literal[False],
        Field(description="port that metrics and health are served on; 0 picks a free one, `false` serves none"),
    ] = 9464


class Commands(Section):
    """Whose commands are taken."""

    accept: Annotated[
        Literal["any", "signed", "none"],
        Field(
            description="whose commands are taken: of everybody who may write the topic; only signed ones, by a key of"
            " `keys_file`; or none at all (one-way: the topic isn't even read)"
        ),
    ] = "any"
    keys_file: Annotated[
        str | None,
        Field(
            min_length=1,
            description="file with a line `NAME KEY` for each key that is trusted, and with which `andon ack` and the"
            " like sign",
        ),
    ] = None
    signature_age_s_max: Annotated[
        Number, Field(ge=1, le=86400, description="how long before its arrival a command may have been signed")
    ] = 300.0

    @model_validator(mode="after")
    def _keys_to_go_by(self) -> Self:
        if self.accept == "signed" and self.keys_file is None:
            raise ValueError(
                'accept = "signed" and there are no keys|give keys_file, with a line NAME KEY for each of them'
            )
        return self


class AlarmSettings(Section):
    """The alarm lifecycle."""

    shelve_max_h: Annotated[
        Number, Field(gt=0, le=24 * 366, description="how long an alarm may be shelved, in hours: a shelf always ends")
    ] = 24.0


class Limit(Section):
    """Fixed limits, with deadband and delays (ISA-18.2)."""

    hh: Annotated[Number | None, Field(description="high high: in the sensor's unit")] = None
    h: Annotated[Number | None, Field(description="high")] = None
    l: Annotated[Number | None, Field(description="low")] = None  # noqa: E741 - the field's own name for it
    ll: Annotated[Number | None, Field(description="low low")] = None
    deadband: Annotated[
        Number, Field(ge=0, description="how far back inside the limit a value must come to count as back")
    ] = 0.0
    on_delay_s: Annotated[Seconds, Field(description="how long a value must be beyond before the alarm is raised")] = (
        0.0
    )
    off_delay_s: Annotated[Seconds, Field(description="how long a value must be back before the alarm is cleared")] = (
        0.0
    )
    severity: Annotated[dict[Literal["hh", "h", "l", "ll"], Severity], Field(description="1-1000 for each limit")] = {}

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        given = [(name, value) for name in ("ll", "l", "h", "hh") if (value := getattr(self, name)) is not None]
        if not given:
            raise ValueError("none of hh, h, l, ll is given|give at least one, e.g. limit = { h = 85 }")
        for (low_name, low), (high_name, high) in pairwise(given):
            if low >= high:
                raise ValueError(f"{low_name} = {low:g} isn't below {high_name} = {high:g}|order them ll < l < h < hh")
        return self

    def severity_of(self, rule: str) -> int:
        """The severity of one of hh, h, l, ll."""
        severities = {str(name): severity for name, severity in self.severity.items()}
        return severities.get(rule, 900 if rule in ("hh", "ll") else 650)


class Rate(Section):
    """Rate of change between successive good readings."""

    rise_max_per_s: Annotated[
        Number | None, Field(gt=0, description="fastest rise, in the sensor's unit per second")
    ] = None
    fall_max_per_s: Annotated[
        Number | None, Field(gt=0, description="fastest fall, in the sensor's unit per second")
    ] = None
    severity: Annotated[Severity, Field(description="1-1000")] = 600

    @model_validator(mode="after")
    def _given(self) -> Self:
        if self.rise_max_per_s is None and self.fall_max_per_s is None:
            raise ValueError(
                "neither rise_max_per_s nor fall_max_per_s is given|"
                "give at least one, e.g. rate = { rise_max_per_s = 2.0 }"
            )
        return self


class Flatline(Section):
    """A value that doesn't move while readings keep coming."""

    after_s: Annotated[Number, Field(gt=0, le=366 * 86400, description="how long without a change")]
    tolerance: Annotated[Number, Field(ge=0, description="changes up to this count as none, in the sensor's unit")] = (
        0.0
    )
    severity: Annotated[Severity, Field(description="1-1000")] = 450


class Stale(Section):
    """A sensor, or a whole asset, that no longer speaks."""

    after_s: Annotated[
        Annotated[Number, Field(gt=0, le=366 * 86400)] | Literal["auto"],
        Field(description='silence that is too long; "auto": ten times the learned interval, at least 30 s'),
    ] = "auto"
    severity: Annotated[Severity, Field(description="1-1000")] = 500


class Anomaly(Section):
    """Surprising behaviour, learned per series."""

    false_alarms_per_week: Annotated[
        Number, Field(gt=0, le=10_000, description="budget of an asset, shared among its sensors")
    ] = 0.5
    policy: Annotated[
        Literal["budget", "ranked"],
        Field(description="what raises: the calibrated score against the budget, or the rank against 0.60"),
    ] = "budget"
    model: Annotated[
        str | None,
        Field(
            pattern=r"^river(\.[A-Za-z_]\w*)+$",
            description="a River anomaly model in place of our own detector, e.g. `river.anomaly.HalfSpaceTrees`",
        ),
    ] = None
    params: Annotated[dict[str, Any], Field(description="arguments of the River model")] = {}
    per: Annotated[
        Literal["series", "asset"],
        Field(description="River models: one for each series, or one for all sensors of an asset"),
    ] = "series"
    scale: Annotated[
        Literal["minmax", "standard", "none"], Field(description="River models: how inputs are scaled")
    ] = "minmax"
    per_sensor: Annotated[
        bool,
        Field(strict=True, description="tell of single sensors also where their asset is judged as a whole"),
    ] = False
    severity: Annotated[Severity, Field(description="1-1000")] = 500

    @model_validator(mode="after")
    def _river(self) -> Self:
        if self.model is None and (self.params or self.per == "asset"):
            raise ValueError(
                'params and per belong to a River model|name one, e.g. model = "river.anomaly.HalfSpaceTrees"'
            )
        return self


class Drift(Section):
    """A level that moved and stayed."""

    severity: Annotated[Severity, Field(description="1-1000")] = 300


class Rule(Section):
    """What is watched on the sensors whose names match; the first match wins per key. `false` switches one off."""

    asset: Annotated[
        str, Field(min_length=1, description="pattern of asset names: `*`, `?` and `[…]` as in file names")
    ] = "*"
    sensor: Annotated[str, Field(min_length=1, description="pattern of sensor names")] = "*"
    unit: Annotated[str | None, Field(max_length=32, description="unit that is shown in alerts")] = None
    ack_required: Annotated[
        Annotated[bool, Field(strict=True)] | None,
        Field(description="an alarm that is over stays listed until a person acknowledges it (default false)"),
    ] = None
    limit: Annotated[Limit | Literal[False] | None, Field(description="fixed limits")] = None
    rate: Annotated[Rate | Literal[False] | None, Field(description="rate of change")] = None
    flatline: Annotated[Flatline | Literal[False] | None, Field(description="no change")] = None
    stale: Annotated[Stale | Literal[False] | None, Field(description="silence; on by default")] = None
    anomaly: Annotated[Anomaly | Literal[False] | None, Field(description="surprising behaviour; on by default")] = None
    drift: Annotated[
        Drift | Literal[False] | None, Field(description="a level that moved and stayed; on by default")
    ] = None


class Running(Section):
    """When a machine runs, told by one of its sensors. While it doesn't, nothing is learned of it."""

    sensor: Annotated[str, Field(min_length=1, description="name of the sensor, of the same asset")]
    min: Annotated[Number | None, Field(description="it runs at this value or above, in the sensor's unit")] = None
    max: Annotated[Number | None, Field(description="it runs at this value or below")] = None
    settle_s: Annotated[Seconds, Field(description="how long after each start nothing is judged or learned either")] = (
        60.0
    )

    @model_validator(mode="after")
    def _given(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError('neither min nor max is given|give one, e.g. running = { sensor = "speed", min = 1 }')
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min = {self.min:g} is above max = {self.max:g}|exchange them")
        return self

    @field_validator("sensor")
    @classmethod
    def _is_name(cls, sensor: str) -> str:
        if set(sensor) & set("*?["):
            raise ValueError(f"{sensor[:60]!r} is a pattern|give the name of one sensor")
        return sensor


class AssetSettings(Section):
    """What belongs to an asset as a whole; the first match wins per key."""

    asset: Annotated[str, Field(min_length=1, description="pattern of asset names")] = "*"
    window_s: Annotated[
        Seconds | None,
        Field(description="length of the windows that the learned detectors see; 0: each reading is one (default 60)"),
    ] = None
    late_s_max: Annotated[
        Seconds | None,
        Field(
            description="how far out of order a reading may come, at most window_s (default 5, or window_s if shorter)"
        ),
    ] = None
    running: Annotated[
        Running | Literal[False] | None,
        Field(description="when it runs: while it rests, the learned detectors and flatline look away"),
    ] = None

    @model_validator(mode="after")
    def _late_within_window(self) -> Self:
        if self.window_s and self.late_s_max is not None and self.late_s_max > self.window_s:
            raise ValueError(
                f"late_s_max = {self.late_s_max:g} is longer than window_s = {self.window_s:g}|"
                "give at most window_s: two windows are open at a time"
            )
        return self


class Maintenance(Section):
    """Planned work: alarms of these assets are suppressed, and nothing is learned. Once, or every week."""

    asset: Annotated[str, Field(min_length=1, description="pattern of asset names")] = "*"
    start: Annotated[Moment | None, Field(description="once: from, with the offset of its time zone")] = None
    end: Annotated[Moment | None, Field(description="once: to, with the offset of its time zone")] = None
    days: Annotated[
        tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...],
        Field(description="every week: the days on which it begins"),
    ] = ()
    at: Annotated[str, Field(description="every week: time of the day at which it begins")] = "00:00"
    for_h: Annotated[Number, Field(gt=0, le=168, description="every week: how long it lasts, in hours")] = 24.0
    time_zone: Annotated[TimeZone, Field(description="every week: of `at`, as in the tz database: Europe/Berlin")] = (
        "UTC"
    )
    comment: Annotated[
        str | None, Field(max_length=limits.COMMENT_CHARACTERS_MAX, description="shown in the alerts that it concerns")
    ] = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        once = self.start is not None or self.end is not None
        weekly = bool(self.model_fields_set & {"days", "at", "for_h", "time_zone"})
        if once == weekly:
            raise ValueError(
                "is not clear when|give start and end, or days, at, for_h and time_zone "
                '(e.g. days = ["sun"], at = "02:00", for_h = 4, time_zone = "Europe/Berlin")'
            )
        if once and (self.start is None or self.end is None):
            raise ValueError("has only one of start and end|give both")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError(f"ends at {self.end} and starts at {self.start}|give an end after the start")
        if weekly and not self.days:
            raise ValueError('begins on no day|give days, e.g. days = ["sat", "sun"]')
        return self

    @field_validator("at")
    @classmethod
    def _is_time_of_day(cls, at: str) -> str:
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", at, re.ASCII):
            raise ValueError(f"{at[:60]!r} is no time of the day|give hours and minutes from 00:00 to 23:59")
        return at


class ResolvedRule(Section):
    """What is watched on one series, after all rules and defaults."""

    unit: str | None
    ack_required: bool
    limit: Limit | None
    rate: Rate | None
    flatline: Flatline | None
    stale: Stale | None
    anomaly: Anomaly | None
    drift: Drift | None

    @cached_property
    def config_hash(self) -> str:
        """Names this rule in the headers of the alerts that it decides (16 hex digits)."""
        return blake2b(self.model_dump_json().encode(), digest_size=8).hexdigest()


class ResolvedAsset(Section):
    """What belongs to one asset, after all settings and defaults."""

    window_ms: int
    phase_ms: int
    """How long after a multiple of `window_ms` since the epoch its windows begin."""
    late_ms_max: int
    running: Running | None


class Settings(Section):
    """The whole of andon.toml."""

    site: Annotated[Site, Field(description="the plant")] = Site()
    kafka: Annotated[Kafka, Field(description="where readings come from and alerts go to")] = Kafka()
    service: Annotated[Service, Field(description="the running service")] = Service()
    commands: Annotated[Commands, Field(description="whose commands are taken")] = Commands()
    alarms: Annotated[AlarmSettings, Field(description="the alarm lifecycle")] = AlarmSettings()
    console: Annotated[Console, Field(description="the operators' web page")] = Console()
    rules: Annotated[tuple[Rule, ...], Field(description="what is watched on which sensors")] = ()
    assets: Annotated[tuple[AssetSettings, ...], Field(description="what belongs to assets as a whole")] = ()
    maintenance: Annotated[tuple[Maintenance, ...], Field(description="planned work")] = ()
    gateway: Annotated[Gateway, Field(description="the gateway, which reads the plant's own protocols")] = Gateway()

    @property
    def command_topics(self) -> tuple[str, ...]:
        """The topics on which commands come: none where none are taken."""
        return () if self.commands.accept == "none" else (self.kafka.commands,)

    @property
    def device_topics(self) -> tuple[str, ...]:
        """The topics on which gateways tell of devices: none where nobody asks."""
        return () if self.kafka.inventory is None else (self.kafka.inventory,)

    def rule(self, asset: str, sensor: str) -> ResolvedRule:
        """What is watched on one series: the first match wins per key, then the defaults.

        Series that the same rules match share one object.
        """
        matching = tuple(
            [
                number
                for number, rule in enumerate(self.rules)
                if _matches(asset, rule.asset) and _matches(sensor, rule.sensor)
            ]
        )
        resolved = self.resolved_rules.get(matching)
        if resolved is None:
            resolved = self.resolved_rules[matching] = _resolved([self.rules[number] for number in matching])
        return resolved

    @cached_property
    def resolved_rules(self) -> dict[tuple[int, ...], ResolvedRule]:
        """What is watched, by the positions of the rules that match: as many as there are sorts of sensors."""
        return {}

    def asset(self, asset: str) -> ResolvedAsset:
        """What belongs to one asset: the first match wins per key, then the defaults."""
        matching = [part for part in self.assets if _matches(asset, part.asset)]
        window_s = next((part.window_s for part in matching if part.window_s is not None), 60.0)
        late_s = next((part.late_s_max for part in matching if part.late_s_max is not None), 5.0)
        running = next((part.running for part in matching if part.running is not None), False)
        window_ms = round(window_s * 1000)
        phase = group_of(asset, self.service.key_groups) % WINDOW_PHASES if self.service.stagger_windows else 0
        return ResolvedAsset(
            window_ms=window_ms,
            phase_ms=window_ms * phase // WINDOW_PHASES,
            late_ms_max=min(round(late_s * 1000), window_ms) if window_ms else round(late_s * 1000),
            running=running if isinstance(running, Running) else None,
        )


def _matches(name: str, pattern: str) -> bool:
    """Asked for every series of a plant that starts: the usual pattern is quicker known than tried."""
    return pattern == "*" or fnmatchcase(name, pattern)


def _resolved(rules: list[Rule]) -> ResolvedRule:
    """What rules say together, before the defaults."""
    found: dict[str, Any] = {}
    for rule in (*rules, _DEFAULT_RULE):
        for key in ResolvedRule.model_fields:
            if key not in found and (value := getattr(rule, key)) is not None:
                found[key] = value
    resolved = {key: found.get(key) or None for key in ResolvedRule.model_fields}
    return ResolvedRule.model_construct(**resolved | {"ack_required": bool(resolved["ack_required"])})


_DEFAULT_RULE = Rule(stale=Stale(), anomaly=Anomaly(), drift=Drift())
