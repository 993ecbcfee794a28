"""Messages of the readings topic as lines of NDJSON, such that a replay makes of a line what the service made of it.

A replay has no Kafka timestamp. So a message without a time of its own is given the one that the service took, and a
message that only the timestamp condemned, because its time is far ahead, is left out. All else stays as it was on the
wire, bad messages included; a line break within a message becomes a blank. Readings of a topic of another form, whose
messages don't say all by themselves, become lines of andon's own.
"""

from __future__ import annotations

import orjson

from contracts.codec import Message, decode_message

__all__ = ["line_of", "own_line_of"]

NO_TIMESTAMP = -1


def line_of(value: bytes | None, decoded: Message | object, ts_ms: int) -> bytes | None:
    """The line of a message, without its end; None where no line can say it.

    Args:
        value: of the message; None is a tombstone.
        decoded: what `decode_message` made of it.
        ts_ms: its Kafka timestamp.
    """
    line = b"null" if value is None else value.replace(b"\n", b" ").strip()
    if isinstance(decoded, Message):
        if decoded.ts_missing:
            return line[: line.rindex(b"}")].rstrip() + b',"ts":%d}' % ts_ms
        return line
    if not line or isinstance(decode_message(line, NO_TIMESTAMP), Message):
        return None
    return line


def own_line_of(message: Message) -> bytes:
    """What a message of another form says, in andon's own."""
    return orjson.dumps({"asset": message.asset, "ts": message.ts, "values": dict(message.values)})
