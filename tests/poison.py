"""What somebody who means harm, or a broken program, may send: each sort of bytes, and the law that andon keeps.

Every target takes any bytes at all. It returns when andon has dealt with them as it must, and raises when it hasn't:
`tests/test_poison.py` tries what hypothesis makes up and all cases that are kept in `tests/poison/`, and
`python -m tests.fuzz_poison` lets atheris look for bytes that reach code which none has reached yet.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from alarms.lifecycle import Alarms
from alarms.recorded import read
from andon.dead_letters.letters import letter_of
from contracts.alarm_states import AlarmRecord, Recorded, parse_key
from contracts.codec import Message, Refusal, decode_message
from contracts.commands import Command, Origin, decode_command
from contracts.errors import ConfigError
from contracts.findings import Expected, Finding, Kind
from contracts.loading import parse
from contracts.readings import Reason, Reject
from contracts.settings import Limit, Rule, Settings
from contracts.signatures import Key, KeyLineError, parse_keys, read_signature
from dataflows.kafka_sink import dead_letter
from tests.fake_kafka import FakeMessage

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TARGETS"]

NOW_MS = 1_700_000_000_000
SETTINGS = Settings(rules=(Rule(limit=Limit(hh=95), ack_required=True),))
KEY = Key("maria", bytes(32), "*")


def readings(data: bytes) -> None:
    """A message is readings, or a refusal, or some of both; none is more than it holds."""
    decoded = decode_message(data, NOW_MS)
    if isinstance(decoded, Refusal):
        assert decoded.reason in set(Reason) - {Reason.CAPACITY, Reason.BAD_COMMAND, Reason.BAD_SIGNATURE}
        assert decoded.detail
        _is_letter(decoded, data)
        return
    assert isinstance(decoded, Message)
    assert decoded.values or decoded.refusals
    assert all(value - value == 0 for _, value in decoded.values), "finite"
    decoded.asset.encode()
    assert all(sensor.encode() for sensor, _ in decoded.values)


def commands(data: bytes) -> None:
    """A command is carried out or refused, once, with words; what it leaves behind can be saved and gone on with."""
    origin = Origin(topic="andon.commands", partition=0, offset=7, ts_ms=NOW_MS, key=None, value=data)
    decoded = decode_command(origin)
    if isinstance(decoded, Refusal):
        assert decoded.reason is Reason.BAD_COMMAND
        _is_letter(decoded, data)
        return
    assert isinstance(decoded, Command)
    alarms = Alarms(SETTINGS)
    alarms.decide(_hot(decoded.asset, decoded.scope.sensor or "temp"))
    told = alarms.obey(decoded)
    assert sum(isinstance(one, Reject) for one in told) <= 1
    again = Alarms.restore(SETTINGS, json.loads(json.dumps(alarms.snapshot())))
    assert again.snapshot() == alarms.snapshot()
    again.tick(NOW_MS + 10**9)


def alarm_records(data: bytes) -> None:
    """A record of the alarm-state topic is read or passed over; it never stops what comes after it.

    The bytes are key and value of one record, a zero byte between them.
    """
    key_bytes, _, body = data.partition(b"\0")
    key = key_bytes.decode("utf-8", "replace")
    parse_key(key)
    records = (AlarmRecord(key, body), AlarmRecord(key, None))[: 1 + (not body)]
    recorded = Recorded(records, NOW_MS)
    read(recorded)
    alarms = Alarms(SETTINGS)
    alarms.decide(_hot("press-1", "temp"))
    alarms.reconcile(recorded)
    alarms.tick(NOW_MS + 10**9)
    assert alarms.decide(_hot("press-2", "temp"))


def settings(data: bytes) -> None:
    """A file is settings, or every mistake in it is told; nothing else is raised."""
    text = data.decode("utf-8", "replace")
    try:
        parsed = parse(text, "andon.toml", {})
    except ConfigError as error:
        _is_told(error)
    else:
        parsed.rule("press-1", "temp")
        parsed.asset("press-1")


def environment(data: bytes) -> None:
    """So are variables: a line for each, `NAME=value` without the ANDON_."""
    lines = data.decode("utf-8", "replace").replace("\0", "").splitlines()
    pairs = [line.partition("=")[::2] for line in lines]
    try:
        parse("", "andon.toml", {f"ANDON_{name}": value for name, value in pairs})
    except ConfigError as error:
        _is_told(error)


def signatures(data: bytes) -> None:
    """No header opens anything, and no file of keys raises anything else than that it is none."""
    header, _, body = data.partition(b"\0")
    assert isinstance(read_signature(header, body, keys={"maria": KEY}, site="plant-1", topic="andon.commands"), str)
    try:
        keys = parse_keys(data.decode("utf-8", "replace"))
    except KeyLineError as error:
        str(error)
    else:
        assert all(len(key.secret) >= 32 for key in keys)


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (readings, commands, alarm_records, settings, environment, signatures)
}


def _hot(asset: str, sensor: str) -> Finding:
    """The alarm that commands are about."""
    return Finding(
        asset=asset,
        sensor=sensor,
        kind=Kind.LIMIT,
        rule="hh",
        active=True,
        onset_ts=NOW_MS,
        ts=NOW_MS,
        value=97.0,
        expected=Expected(None, 95.0),
        evidence={"limit": 95.0},
        source="readings/0/1",
    )


def _is_told(error: ConfigError) -> None:
    """Every mistake has its place and its words, and can be printed."""
    assert error.problems
    assert all(problem.key and problem.fault for problem in error.problems)
    str(error).encode("utf-8", "replace")


def _is_letter(refusal: Refusal, data: bytes) -> None:
    """What is refused becomes a dead letter that andon itself can read again."""
    reject = Reject(
        reason=refusal.reason,
        detail=refusal.detail,
        key=data[:300],
        value=data,
        topic="readings",
        partition=0,
        offset=7,
    )
    key, value, headers = dead_letter([reject])
    record = FakeMessage(("andon.dead-letters", 0, 0), value, NOW_MS, raw_key=key)
    record.raw_headers = headers
    letter = letter_of(record)
    assert letter is not None
    assert letter.reason == refusal.reason
