"""Signed commands: who may command proves it with a key. Pure.

A signature is one header of the command's record, `andon_signature`, of five parts between colons:

    1 : maria : 1700000000000 : 9c5e…32 hex digits : 51b0…64 hex digits
    version, key, time of signing (ms since the epoch), a number used once (16 random bytes), HMAC-SHA-256

The HMAC is over six lines that end in a line feed each, then the record's value, byte by byte as it travels:

    andon-command-1
    <site>
    <topic>
    <key>
    <time of signing>
    <number used once>
    {"command":"acknowledge", …}

None of the six can have a line feed, so no two commands have the same text. Site and topic are signed so that a command
for one plant is none for another that trusts the same key; the bytes are signed, and not what they mean, so that
nothing must be written in one certain way. What keeps a signed command from being sent again is `dataflows.guard`.

Source: RFC 2104 (HMAC), with SHA-256 of FIPS 180-4.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

__all__ = ["HEADER", "KEY_BYTES_MIN", "Key", "KeyLineError", "Signed", "parse_keys", "read_signature", "signature_of"]

HEADER = "andon_signature"
VERSION = "1"
KEY_BYTES_MIN = 32
"""A shorter key than the hash is the weakest part of it (RFC 2104, section 3)."""
NONCE_BYTES = 16
HEADER_BYTES_MAX = 256

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+", re.ASCII)
_SIGNATURE = re.compile(
    rb"(?P<version>\d{1,4}):(?P<key>[A-Za-z0-9._-]{1,64}):(?P<ms>[1-9]\d{0,14}):(?P<nonce>[0-9a-f]{32}):(?P<mac>[0-9a-f]{64})"
)


class KeyLineError(ValueError):
    """A line of a file of keys that is none; the message has nothing of the key."""


@dataclass(frozen=True, slots=True)
class Key:
    """Somebody who may command."""

    name: str
    secret: bytes = field(repr=False)
    speaks_for: str
    """Pattern of the names that its commands may have in `by`."""

    def may_say(self, by: str) -> bool:
        """Whether a command in this name may be signed with it."""
        return fnmatchcase(by, self.speaks_for)


class Signed(NamedTuple):
    """What a right signature says."""

    key: Key
    ms: int
    """When it was signed, by the clock of who signed."""
    nonce: str


def parse_keys(text: str) -> tuple[Key, ...]:
    """Keys from the text of a file: a line for each, `NAME KEY` or `NAME KEY PATTERN`; `#` begins a comment.

    KEY is 64 hex digits or more. Without a pattern a key speaks for NAME only; `*` lets it speak for everybody, as the
    key of a console does that knows who sits before it.

    Raises: KeyLineError for the first line that is wrong, or if there is none.
    """
    keys: dict[str, Key] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split(maxsplit=2)
        if not words:
            continue
        if len(words) == 1:
            raise KeyLineError(f"line {number} has no key: write NAME KEY")
        name, secret = words[:2]
        if not _NAME.fullmatch(name):
            raise KeyLineError(
                f"line {number}: a key's name has letters, digits, dots, dashes and underscores, at most 64"
            )
        if not _HEX.fullmatch(secret) or len(secret) < 2 * KEY_BYTES_MIN:
            raise KeyLineError(f"line {number}: the key of {name} isn't {2 * KEY_BYTES_MIN} hex digits or more")
        if name in keys:
            raise KeyLineError(f"line {number}: {name} has a key already")
        keys[name] = Key(name, bytes.fromhex(secret), words[2].strip() if len(words) == 3 else name)
    if not keys:
        raise KeyLineError("there is no key in it")
    return tuple(keys.values())


def signature_of(body: bytes, *, key: Key, site: str, topic: str, ms: int, nonce: bytes) -> bytes:
    """The header of a command.

    Args:
        body: the record's value.
        ms: now, ms since the epoch.
        nonce: NONCE_BYTES that were never used before: from the system's source of randomness.
    """
    assert len(nonce) == NONCE_BYTES
    mac = _mac(body, key=key, site=site, topic=topic, ms=ms, nonce=nonce.hex())
    return f"{VERSION}:{key.name}:{ms}:{nonce.hex()}:{mac}".encode()


def read_signature(header: bytes, body: bytes, *, keys: dict[str, Key], site: str, topic: str) -> Signed | str:
    """What a header proves, or why it proves nothing.

    Args:
        keys: by name.
    """
    found = _SIGNATURE.fullmatch(header) if len(header) <= HEADER_BYTES_MAX else None
    if found is None:
        return "its signature isn't of the form version:key:ms:nonce:mac"
    version, name, ms, nonce, mac = (part.decode() for part in found.groups())
    if version != VERSION:
        return f"its signature has version {version}, this andon knows {VERSION}"
    key = keys.get(name)
    if key is None:
        return f"it is signed with the key {name}, which isn't trusted here"
    expected = _mac(body, key=key, site=site, topic=topic, ms=int(ms), nonce=nonce)
    if not hmac.compare_digest(expected, mac):
        return f"its signature with the key {name} is wrong: another key, another site or topic, or it was changed"
    return Signed(key, int(ms), nonce)


def _mac(body: bytes, *, key: Key, site: str, topic: str, ms: int, nonce: str) -> str:
    head = "".join(f"{line}\n" for line in (f"andon-command-{VERSION}", site, topic, key.name, ms, nonce))
    return hmac.new(key.secret, head.encode() + body, hashlib.sha256).hexdigest()
