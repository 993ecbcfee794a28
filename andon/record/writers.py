"""The files that a recording may become: NDJSON, packed or not, and Parquet."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from andon.record.lines import line_of, own_line_of
from contracts.codec import Message, Refusal, decode_message
from contracts.errors import SinkError, SourceError
from contracts.readings import Quality
from contracts.umh import decode_umh
from dataflows.packed import PACKED, codec_of, inner_suffix

if TYPE_CHECKING:
    from pathlib import Path

    from confluent_kafka import Message as KafkaMessage

__all__ = ["KINDS", "Tally", "Writer", "is_known", "open_writer"]

_NDJSON = (".ndjson", ".jsonl", ".json")
_PARQUET = (".parquet", ".pq")
KINDS = (".ndjson", ".ndjson.zst", ".parquet")

ROWS_AT_ONCE = 64 * 1024
"""Readings of a row group of Parquet: some MB while they wait."""


class Tally:
    """What a recording holds."""

    def __init__(self) -> None:
        self.messages = 0
        """Kept."""
        self.readings = 0
        self.unreadable: Counter[str] = Counter()
        """Messages and values that the service refuses, by reason."""
        self.left_out = 0
        """Messages that aren't in the file."""
        self.given_ts = 0
        """Messages without a time of their own: they have Kafka's now."""
        self.first_ts: int | None = None
        """Kafka timestamps of what was kept, ms since the epoch."""
        self.last_ts: int | None = None


class Writer(Protocol):
    """A file that messages are written to, in their order."""

    def write(self, message: KafkaMessage) -> None:
        """The next message.

        Raises: OSError if there is no room.
        """

    def close(self) -> None:
        """All is written. May be called again."""


def is_known(path: Path) -> bool:
    """Whether a file of this name can be written."""
    packed = path.suffix.lower() == PACKED
    return inner_suffix(path) in _NDJSON or (not packed and path.suffix.lower() in _PARQUET)


def open_writer(path: Path, part: Path, tally: Tally, *, umh: frozenset[str] = frozenset()) -> Writer:
    """Begin a file.

    Args:
        path: its name in the end, which says what it is.
        part: where it is written meanwhile.
        tally: where it is counted.
        umh: topics with messages of United Manufacturing Hub.

    Raises: SinkError if a library is missing; OSError if it can't be written.
    """
    if path.suffix.lower() in _PARQUET:
        return _Parquet(part, tally, umh)
    return _Ndjson(part, tally, umh, packed=path.suffix.lower() == PACKED)


def _decode(message: KafkaMessage, tally: Tally, umh: frozenset[str]) -> Message | Refusal | None:
    """What the service makes of a message; None: it is no reading, as much of UMH isn't."""
    value, ts = message.value(), message.timestamp()[1]
    decoded = decode_umh(message.key(), value, ts) if message.topic() in umh else decode_message(value, ts)
    if decoded is None:
        return None
    refusals = (decoded,) if isinstance(decoded, Refusal) else decoded.refusals
    for refusal in refusals:
        tally.unreadable[refusal.reason] += 1
    return decoded


def _kept(message: KafkaMessage, decoded: Message | Refusal, tally: Tally) -> None:
    ts = message.timestamp()[1]
    tally.messages += 1
    tally.first_ts = ts if tally.first_ts is None else min(tally.first_ts, ts)
    tally.last_ts = ts if tally.last_ts is None else max(tally.last_ts, ts)
    if isinstance(decoded, Message):
        tally.readings += len(decoded.values)
        tally.given_ts += decoded.ts_missing


class _Ndjson:
    def __init__(self, part: Path, tally: Tally, umh: frozenset[str], *, packed: bool) -> None:
        self._tally = tally
        self._umh = umh
        self._raw = part.open("wb")
        self._stream: BinaryIO = self._raw
        if packed:
            try:
                self._stream = cast("BinaryIO", codec_of(part).CompressedOutputStream(self._raw, "zstd"))
            except SourceError as error:
                self._raw.close()
                part.unlink()
                raise SinkError(str(error)) from error

    def write(self, message: KafkaMessage) -> None:
        decoded = _decode(message, self._tally, self._umh)
        if message.topic() in self._umh:
            line = own_line_of(decoded) if isinstance(decoded, Message) else None
        else:
            line = line_of(message.value(), decoded, message.timestamp()[1])
        if decoded is None or line is None:
            self._tally.left_out += 1
            return
        self._stream.write(line + b"\n")
        _kept(message, decoded, self._tally)

    def close(self) -> None:
        if not self._raw.closed:
            if self._stream is not self._raw:
                self._stream.close()
            self._raw.close()


class _Parquet:
    """A long table: a reading a row, and which message said it."""

    def __init__(self, part: Path, tally: Tally, umh: frozenset[str]) -> None:
        try:
            import pyarrow as pa  # noqa: PLC0415 - an optional extra
            from pyarrow import parquet  # noqa: PLC0415
        except ImportError as error:
            raise SinkError(f"{part}: Parquet files need pyarrow: pip install 'andon[parquet]'.") from error
        self._tally = tally
        self._umh = umh
        self._arrow = pa
        word = pa.dictionary(pa.int32(), pa.string())
        self._schema = pa.schema(
            [
                ("ts", pa.timestamp("ms", tz="UTC")),
                ("asset", word),
                ("sensor", word),
                ("value", pa.float64()),
                ("quality", word),
                ("topic", word),
                ("partition", pa.int32()),
                ("offset", pa.int64()),
            ]
        )
        self._rows: list[tuple[Any, ...]] = []
        self._writer = parquet.ParquetWriter(part, self._schema, compression="zstd")
        self._closed = False

    def write(self, message: KafkaMessage) -> None:
        decoded = _decode(message, self._tally, self._umh)
        if not isinstance(decoded, Message):
            self._tally.left_out += 1
            return
        quality = _WORDS[decoded.quality]
        at = (message.topic(), message.partition(), message.offset())
        self._rows += [(decoded.ts, decoded.asset, sensor, value, quality, *at) for sensor, value in decoded.values]
        _kept(message, decoded, self._tally)
        if len(self._rows) >= ROWS_AT_ONCE:
            self._flush()

    def close(self) -> None:
        if not self._closed:
            self._flush()
            self._writer.close()
            self._closed = True

    def _flush(self) -> None:
        if self._rows:
            pa = self._arrow
            columns = [
                pa.array(column, field.type)
                for column, field in zip(zip(*self._rows, strict=True), self._schema, strict=True)
            ]
            self._writer.write_batch(pa.record_batch(columns, self._schema))
            self._rows.clear()


_WORDS = {quality: quality.name.lower() for quality in Quality}
