"""Which commands are let in: whose signature is right, whose time is, and which of them were there before.

A signed command can be copied by anybody who may read and write the topic. So it counts once, and only shortly after it
was signed:

- **Its age** is the time between its signing and its arrival at the broker. The broker says when that was
  (`message.timestamp.type=LogAppendTime`); where the sender says it, as by Kafka's default, nothing can be judged, and
  no command is let in. Not by our own clock: a command that waits while andon is down is carried out later, and one
  that is read again after a crash is judged the same.
- **Its number used once** is remembered with the place of its record. The same record again is the same command, read
  again after a crash; the same number elsewhere is a copy.

What is remembered is in the snapshot of the commands source. It is bounded: only those who have a key can fill it.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME

from contracts.codec import Refusal
from contracts.errors import ConfigError, Problem
from contracts.readings import Reason
from contracts.signatures import HEADER, Key, KeyLineError, parse_keys, read_signature, signature_of
from dataflows.secrets import read_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from contracts.commands import Command, Origin
    from contracts.settings import Settings

__all__ = ["Guard", "Signer", "keys_of", "may_say"]

SEEN_KEPT = 10_000
"""Numbers that are remembered however old they are: partitions are read one after the other."""

SEEN_MAX = 100_000
"""Numbers that are remembered at most: a whole flood can be acknowledged at once."""


class _Seen(NamedTuple):
    """Where a number was first used."""

    place: str
    """`partition/offset`"""
    arrived_ms: int


def keys_of(settings: Settings) -> tuple[Key, ...]:
    """The keys that the settings name.

    Raises: ConfigError if the file can't be read, or has a line that is no key.
    """
    path = settings.commands.keys_file
    if path is None:
        return ()
    try:
        return parse_keys(read_secret(path, key="commands.keys_file"))
    except KeyLineError as fault:
        problem = Problem("commands.keys_file", f"{path}: {fault}.", "Give a line for each key: NAME KEY.")
        raise ConfigError("secrets", (problem,)) from None


class Guard:
    """Lets commands in. The same commands in the same order are judged the same."""

    def __init__(
        self,
        settings: Settings,
        keys: Iterable[Key],
        saved: Iterable[tuple[str, str, int]] = (),
        *,
        kept: int = SEEN_KEPT,
        seen_max: int = SEEN_MAX,
    ) -> None:
        """A guard as it was.

        Args:
            saved: what `seen` gave.
            kept: numbers that are remembered however old they are.
            seen_max: numbers that are remembered at most.
        """
        self._kept = kept
        self._seen_max = seen_max
        self._keys = {key.name: key for key in keys}
        self._required = settings.commands.accept == "signed"
        self._age_ms_max = round(settings.commands.signature_age_s_max * 1000)
        self._site = settings.site.name
        self._seen = {used: _Seen(place, arrived_ms) for used, place, arrived_ms in saved}
        self._newest_ms = max((seen.arrived_ms for seen in self._seen.values()), default=0)

    def seen(self) -> list[tuple[str, str, int]]:
        """What is remembered, as plain data: (key and number, place, ms of arrival)."""
        return [(used, *seen) for used, seen in self._seen.items()]

    def judge(
        self, origin: Origin, signatures: Sequence[str | bytes | None], *, stamped_by: int
    ) -> Key | Refusal | None:
        """Whose command it is, None where nobody has to prove that; or why it isn't let in.

        Args:
            signatures: what the record's headers of that name hold.
            stamped_by: the kind of the record's timestamp, as confluent-kafka says it.
        """
        if not signatures:
            return _refused("it isn't signed, and only signed commands are taken here") if self._required else None
        if not self._keys:
            return None
        if len(signatures) > 1:
            return _refused("it has more than one signature")
        given = signatures[0] or b""
        header = given.encode() if isinstance(given, str) else given
        signed = read_signature(header, origin.value or b"", keys=self._keys, site=self._site, topic=origin.topic)
        if isinstance(signed, str):
            return _refused(signed)
        if stamped_by != TIMESTAMP_LOG_APPEND_TIME:
            return _refused(
                "when it arrived isn't known: set message.timestamp.type=LogAppendTime for the topic of commands"
            )
        if abs(origin.ts_ms - signed.ms) > self._age_ms_max:
            late_s = (origin.ts_ms - signed.ms) / 1000
            when = f"{late_s:.0f} s before it arrived" if late_s > 0 else f"{-late_s:.0f} s after it arrived"
            return _refused(
                f"it was signed {when}, at most {self._age_ms_max / 1000:g} s are between: a copy, or a clock"
            )
        return self._once(signed.key, f"{signed.key.name}:{signed.nonce}", origin)

    def _once(self, key: Key, used: str, origin: Origin) -> Key | Refusal:
        place = f"{origin.partition}/{origin.offset}"
        if (seen := self._seen.get(used)) is not None:
            return key if seen.place == place else _refused(f"it is a copy of the command at {seen.place}")
        self._newest_ms = max(self._newest_ms, origin.ts_ms)
        self._forget()
        if len(self._seen) >= self._seen_max:
            return _refused(f"{self._seen_max} signed commands came at once: copies couldn't be told any more")
        self._seen[used] = _Seen(place, origin.ts_ms)
        return key

    def _forget(self) -> None:
        """Let go of the oldest that can't be copied any more: a copy of it would be too late."""
        horizon_ms = self._newest_ms - 2 * self._age_ms_max
        while len(self._seen) > self._kept:
            oldest = next(iter(self._seen))
            if self._seen[oldest].arrived_ms >= horizon_ms:
                return
            del self._seen[oldest]


def may_say(key: Key | None, command: Command) -> Refusal | None:
    """Why the one whose key it is may not speak in the name that the command has; None: it may."""
    if key is None or key.may_say(command.by):
        return None
    return _refused(f"the key {key.name} may not speak for {command.by}")


def _refused(why: str) -> Refusal:
    return Refusal(Reason.BAD_SIGNATURE, why)


class Signer:
    """Signs the commands of people at this machine, with the keys that the settings name."""

    def __init__(
        self,
        settings: Settings,
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Read the keys.

        Raises: ConfigError if they can't be read.
        """
        self._keys = keys_of(settings)
        self._site = settings.site.name
        self._topic = settings.kafka.commands
        self._now_ms = now_ms
        self._random_bytes = random_bytes

    def headers(self, body: bytes, *, by: str) -> list[tuple[str, bytes]]:
        """The headers of a command: none where there are no keys.

        Raises: ConfigError if no key may speak in this name.
        """
        if not self._keys:
            return []
        key = next((key for key in self._keys if key.may_say(by)), None)
        if key is None:
            problem = Problem("commands.keys_file", f"none of its keys speaks for {by}.", "Say --by as the key has it.")
            raise ConfigError("secrets", (problem,))
        signature = signature_of(
            body, key=key, site=self._site, topic=self._topic, ms=self._now_ms(), nonce=self._random_bytes(16)
        )
        return [(HEADER, signature)]
