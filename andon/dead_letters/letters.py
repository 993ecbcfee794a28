"""A dead letter as people meet it: what was refused, why, and where it came from."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.text import Text

from andon.plain_text import one_line
from andon.printing import clock_of

if TYPE_CHECKING:
    from confluent_kafka import Message

__all__ = ["Letter", "Origin", "document_of", "letter_of", "shown"]

VALUE_SHOWN = 160
"""Characters of a value that people see; machines get all of it."""

_REASON_WIDTH = 16


class Origin(NamedTuple):
    """The message that was refused."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One record of the dead-letter topic."""

    partition: int
    offset: int
    """Where the letter itself is."""
    ts_ms: int
    """When the message was refused, ms since the epoch."""
    reason: str
    detail: str
    origin: Origin
    key: bytes | None
    value: bytes | None
    whole_bytes: int | None
    """What key and value had together before they were cut; None: they are whole."""


def letter_of(message: Message) -> Letter | None:
    """Read a record of the dead-letter topic; None if it isn't one of andon's."""
    headers = {name: value for name, value in dict(message.headers() or ()).items() if isinstance(value, bytes)}
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None
    try:
        origin = Origin(headers["andon_topic"].decode(), int(headers["andon_partition"]), int(headers["andon_offset"]))
        reason = headers["andon_reason"].decode()
        cut = headers.get("andon_truncated")
        whole_bytes = None if cut is None else int(cut)
    except (KeyError, ValueError):
        return None
    return Letter(
        partition=partition,
        offset=offset,
        ts_ms=message.timestamp()[1],
        reason=reason,
        detail=headers.get("andon_detail", b"").decode("utf-8", "replace"),
        origin=origin,
        key=message.key(),
        value=message.value(),
        whole_bytes=whole_bytes,
    )


def shown(letter: Letter) -> Text:
    """A letter as two lines for people: when and why, then which message it was and how that begins."""
    text = Text(f"{clock_of(letter.ts_ms)}  ")
    text.append(f"{one_line(letter.reason):<{_REASON_WIDTH}}", style="bold")
    text.append(f"  {one_line(letter.detail)}\n")
    key = "no key" if letter.key is None else f"key {_beginning(letter.key)}"
    value = "no value" if letter.value is None else _beginning(letter.value)
    cut = "" if letter.whole_bytes is None else f"  (cut: it had {letter.whole_bytes:,} bytes)"
    text.append(f"    {one_line(str(letter.origin))}  {key}  {value}{cut}", style="dim")
    return text


def document_of(letter: Letter) -> dict[str, Any]:
    """A letter as a line of JSON: key and value as text, or as `key_base64` and `value_base64` where they aren't."""
    return {
        "ts": letter.ts_ms,
        "reason": letter.reason,
        "detail": letter.detail,
        "topic": letter.origin.topic,
        "partition": letter.origin.partition,
        "offset": letter.origin.offset,
        **_as_json("key", letter.key),
        **_as_json("value", letter.value),
        "truncated": letter.whole_bytes,
        "letter": f"{letter.partition}/{letter.offset}",
    }


def _beginning(content: bytes) -> str:
    text = one_line(content[: 4 * (VALUE_SHOWN + 1)].decode("utf-8", "backslashreplace"))
    return text if len(text) <= VALUE_SHOWN else f"{text[:VALUE_SHOWN]}…"


def _as_json(name: str, content: bytes | None) -> dict[str, str | None]:
    try:
        return {name: None if content is None else content.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": b64encode(content or b"").decode()}
