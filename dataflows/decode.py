"""From one poll of a lane to blocks and rejects: `contracts.codec`, for whole batches and as fast as Python goes.

Usual messages of known series are read by columns. Whatever is unusual in any way, a new series included, goes to the
reference decoder, message by message. So the result is that of the reference, whatever the batch and the neighbours;
the tests hold both against each other. A plant's every-day message costs about 1.3 µs, half of it in orjson.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace
from secrets import randbits
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson

from contracts.codec import QUALITY_WORDS, Refusal, decode_message
from contracts.limits import AHEAD_MS_MAX, MESSAGE_BYTES_MAX, MESSAGE_VALUES_MAX, TS_MS_MAX
from contracts.readings import READING, Quality, Reason, Reject, group_key
from dataflows.happenings import Refused
from dataflows.series import SeriesTable
from dataflows.split import split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from contracts.findings import Finding
    from contracts.settings import Settings
    from dataflows.happenings import Happenings
    from dataflows.steps import Item

__all__ = ["REJECT_KEY", "Decoder", "Poll"]

REJECT_KEY = "reject"
"""Rejects leave the flow before its keyed steps: they need some key, and no group's."""

PIECE_MESSAGES_MAX = 2_000
"""Messages that are parsed at once: their objects should fit into the processor's cache."""

PIECE_BYTES_MAX = 8 * 1024 * 1024
"""Parsed JSON takes some ten times its bytes: a poll of large messages is parsed piece by piece."""
assert PIECE_BYTES_MAX >= MESSAGE_BYTES_MAX, "each message fits into a piece"


class Poll(NamedTuple):
    """What a lane took from its partitions at once, n messages."""

    values: Sequence[bytes | None]
    """None: a tombstone."""
    timestamps_ms: Sequence[int] | NDArray[np.int64]
    """Kafka timestamps, ms since the epoch; -1 where there is none."""
    partitions: NDArray[np.uint16]
    """Index into `sources`, shape (n,)."""
    offsets: NDArray[np.int64]
    """Shape (n,)."""
    sources: tuple[tuple[str, int], ...]
    """(topic, partition)."""
    key: Callable[[int], bytes | None]
    """The key of the i-th message: asked for rejects only."""


class Decoder:
    """Decodes the polls of one lane. It numbers the lane's series, and forgets them when the process ends."""

    def __init__(self, settings: Settings, *, lane: int, happenings: Happenings) -> None:
        self._table = SeriesTable(settings.service)
        self._lane = lane
        self._happenings = happenings

    def decode(self, poll: Poll) -> list[tuple[str, Item]]:
        """What the flow gets from one poll: blocks, then findings about bounds that were met, then rejects.

        Blocks and findings travel with the key of their group, rejects with `REJECT_KEY`. The readings of a block are
        in the order of the messages. Bad data never raises.
        """
        began = perf_counter()
        stamps = np.asarray(poll.timestamps_ms, np.int64)
        parts: list[_Columns] = []
        aside = _Aside(poll)
        for start, end in _pieces(poll.values):
            documents = _parse(poll.values[start:end])
            parts += self._read(documents, start, stamps, aside)
        columns = _merge(parts)
        decoded = perf_counter()
        arrived = stamps[columns.message]
        blocks = split(
            _rows(columns, poll),
            table=self._table,
            lane=self._lane,
            sources=tuple(f"{topic}/{partition}" for topic, partition in poll.sources),
            arrived_ms=np.where(arrived < 0, columns.ts, arrived),
        )
        items: list[tuple[str, Item]] = [*blocks, *aside.findings]
        items += [(REJECT_KEY, reject) for reject in aside.rejects]
        self._happenings.stage_took("decode", decoded - began)
        self._happenings.stage_took("split", perf_counter() - decoded)
        if aside.ts_missing:
            self._happenings.ts_missed(aside.ts_missing)
        for reason, count in aside.counts.items():
            self._happenings.message_rejected(reason, count)
        for key, findings in aside.findings:
            for finding in findings:
                bound = int(finding.evidence[f"{finding.rule}_max"] or 0)
                self._happenings.capacity_met(Refused(finding.rule, finding.asset, key, bound))
        return items

    def _read(self, documents: Sequence[Any], start: int, stamps: NDArray[np.int64], aside: _Aside) -> list[_Columns]:
        """Columns of one piece of a poll, whose first message is number `start`."""
        parts, left = _read_usual(documents, start, self._table.numbers)
        usual: list[_Columns] = []
        for columns in parts:
            strange = _strange(columns, stamps)
            if strange.any():
                messages = np.unique(columns.message[strange])
                left += messages.tolist()
                columns = columns.where(~np.isin(columns.message, messages))  # noqa: PLW2901 - the usual rest of them
            usual.append(columns)
        if left:
            usual.append(self._read_by_reference(sorted(left), stamps, aside))
        return usual

    def _read_by_reference(self, messages: list[int], stamps: NDArray[np.int64], aside: _Aside) -> _Columns:
        """Columns of single messages that are unusual in any way, in their order."""
        table = self._table
        rows: list[tuple[int, int, float, int, int]] = []
        for message in messages:
            decoded = decode_message(aside.poll.values[message], int(stamps[message]))
            if isinstance(decoded, Refusal):
                aside.refuse(message, [decoded])
                continue
            refusals = list(decoded.refusals)
            for sensor, value in decoded.values:
                number = table.number(decoded.asset, sensor, decoded.ts)
                if isinstance(number, Refusal):
                    refusals.append(number)
                else:
                    rows.append((message, decoded.ts, value, number, decoded.quality))
            aside.ts_missing += decoded.ts_missing and bool(decoded.values)
            if refusals:
                aside.refuse(message, refusals)
                aside.report(message, table.take_findings())
        columns = np.array(rows, _COLUMNS)
        return _Columns._make(columns[name] for name in _Columns._fields)


class _Columns(NamedTuple):
    """Readings by columns, each of shape (n,)."""

    message: NDArray[np.int64]
    """Number of the message within the poll."""
    ts: NDArray[np.int64]
    value: NDArray[np.float64]
    series: NDArray[np.int32]
    quality: NDArray[np.uint8]

    def where(self, wanted: NDArray[np.bool_] | NDArray[np.intp]) -> _Columns:
        """Some of the readings, or all in another order."""
        return _Columns._make(column[wanted] for column in self)


_COLUMNS = np.dtype(
    [("message", np.int64), ("ts", np.int64), ("value", np.float64), ("series", np.int32), ("quality", np.uint8)]
)
_NOTHING = _Columns._make(np.empty(0, _COLUMNS[name]) for name in _Columns._fields)


@dataclass(slots=True)
class _Aside:
    """What one poll had besides readings."""

    poll: Poll
    rejects: list[Reject] = field(default_factory=list)
    findings: list[tuple[str, tuple[Finding, ...]]] = field(default_factory=list)
    counts: dict[Reason, int] = field(default_factory=dict)
    ts_missing: int = 0

    def refuse(self, message: int, refusals: list[Refusal]) -> None:
        """Set a message aside: once for each reason, however many of its values were refused for it.

        A megabyte of bad values would otherwise become ten thousand dead letters of a megabyte each.
        """
        poll = self.poll
        topic, partition = poll.sources[poll.partitions[message]]
        by_reason: dict[Reason, list[Refusal]] = {}
        for refusal in refusals:
            by_reason.setdefault(refusal.reason, []).append(refusal)
        for reason, alike in by_reason.items():
            more = f" (and {len(alike) - 1} more)" if len(alike) > 1 else ""
            self.counts[reason] = self.counts.get(reason, 0) + len(alike)
            self.rejects.append(
                Reject(
                    reason=reason,
                    detail=alike[0].detail + more,
                    key=poll.key(message),
                    value=poll.values[message],
                    topic=topic,
                    partition=partition,
                    offset=int(poll.offsets[message]),
                )
            )

    def report(self, message: int, findings: list[tuple[int, Finding]]) -> None:
        """A message met a bound for the first time."""
        topic, partition = self.poll.sources[self.poll.partitions[message]]
        source = f"{topic}/{partition}/{self.poll.offsets[message]}"
        self.findings += [(group_key(group), (replace(finding, source=source),)) for group, finding in findings]


# ── A piece of a poll as JSON ────────────────────────────────────────────────────────────────────────────────────────


def _pieces(values: Sequence[bytes | None]) -> Iterator[tuple[int, int]]:
    """(start, end) of runs of messages: few enough, and small enough unless a single message is not."""
    sizes = np.fromiter((len(value) if value else 0 for value in values), np.int64, len(values))
    ends = np.cumsum(sizes)
    start = 0
    while start < len(values):
        before = int(ends[start] - sizes[start])
        end = int(np.searchsorted(ends, before + PIECE_BYTES_MAX, "right"))
        end = min(max(end, start + 1), start + PIECE_MESSAGES_MAX)
        yield start, end
        start = end


_SEPARATOR = randbits(62)
_BETWEEN = b",%d," % _SEPARATOR


def _parse(values: Sequence[bytes | None]) -> Sequence[Any]:
    """The JSON of each message, `...` where there is none: something that no message can be.

    One call of orjson for all is faster than one for each. Between the messages stands a number that nobody outside
    of this process knows: only when it is found at every second place, and nowhere inside, did each message parse by
    itself. Otherwise, as with a message `1],[2`, each is parsed alone.
    """
    try:
        if len(max(values, key=len)) <= MESSAGE_BYTES_MAX:  # type: ignore[arg-type]
            parsed = orjson.loads(b"[%b]" % _BETWEEN.join(values))  # type: ignore[arg-type]
            if len(parsed) == 2 * len(values) - 1 and parsed[1::2].count(_SEPARATOR) == len(values) - 1:
                return parsed[::2]  # type: ignore[no-any-return]
    except (TypeError, orjson.JSONDecodeError):
        pass
    return [_parse_one(value) for value in values]


def _parse_one(value: bytes | None) -> Any:
    if value is None or len(value) > MESSAGE_BYTES_MAX:
        return ...
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return ...


# ── Usual messages of known series, by columns ───────────────────────────────────────────────────────────────────────

_QUALITY: dict[str | None, int] = {None: int(Quality.GOOD)} | {
    spelling: int(quality)
    for word, quality in QUALITY_WORDS.items()
    for spelling in (word, word.upper(), word.capitalize())
}
_NUMBERS = frozenset({float, int, bool})
_UNUSUAL = (AttributeError, KeyError, OverflowError, TypeError)
"""What the columns of a batch raise when a message in it isn't usual."""


def _read_usual(
    documents: Sequence[Any], start: int, numbers: dict[str, dict[str, int]]
) -> tuple[list[_Columns], list[int]]:
    """Columns of the usual messages, and the numbers of those that aren't usual."""
    everything = range(start, start + len(documents))
    for read in (_singles, _manys):  # most polls are all of one form
        try:
            return [read(documents, everything, numbers)], []
        except _UNUSUAL:
            continue
    singles: list[int] = []
    manys: list[int] = []
    left: list[int] = []
    for message, document in zip(everything, documents, strict=True):
        if _is_usual_single(document, numbers):
            singles.append(message)
        elif _is_usual_many(document, numbers):
            manys.append(message)
        else:
            left.append(message)
    parts = [
        read([documents[message - start] for message in messages], messages, numbers)
        for read, messages in ((_singles, singles), (_manys, manys))
        if messages
    ]
    return parts, left


def _singles(documents: Sequence[Any], messages: Sequence[int], numbers: dict[str, dict[str, int]]) -> _Columns:
    """Columns of messages with one reading each. Raises one of `_UNUSUAL` where one isn't that, or isn't usual.

    `array` is strict where numpy is kind: it takes no text for a number and no fraction for a whole one.
    """
    series = [numbers[document["asset"]][document["sensor"]] for document in documents]
    ts = array("q", [document["ts"] for document in documents])
    value = array("d", [document["value"] for document in documents])
    quality = bytes([_QUALITY[document.get("quality")] for document in documents])
    return _Columns(
        message=np.fromiter(messages, np.int64, len(messages)),
        ts=np.frombuffer(ts, np.int64),
        value=np.frombuffer(value, np.float64),
        series=np.array(series, np.int32),
        quality=np.frombuffer(quality, np.uint8),
    )


def _manys(documents: Sequence[Any], messages: Sequence[int], numbers: dict[str, dict[str, int]]) -> _Columns:
    """Columns of messages with many sensors each. Raises one of `_UNUSUAL` where one isn't that, or isn't usual."""
    series: list[int] = []
    value = array("d")
    counts: list[int] = []
    for document in documents:
        values = document["values"]
        if "value" in document or not 0 < len(values) <= MESSAGE_VALUES_MAX:
            raise KeyError
        series.extend(map(numbers[document["asset"]].__getitem__, values))
        value.extend(values.values())
        counts.append(len(values))
    ts = array("q", [document["ts"] for document in documents])
    quality = bytes([_QUALITY[document.get("quality")] for document in documents])
    return _Columns(
        message=np.repeat(np.fromiter(messages, np.int64, len(messages)), counts),
        ts=np.repeat(np.frombuffer(ts, np.int64), counts),
        value=np.frombuffer(value, np.float64),
        series=np.array(series, np.int32),
        quality=np.repeat(np.frombuffer(quality, np.uint8), counts),
    )


def _is_usual_single(document: Any, numbers: dict[str, dict[str, int]]) -> bool:
    """Whether `_singles` can read it."""
    try:
        return (
            document["sensor"] in numbers[document["asset"]]
            and type(document["value"]) in _NUMBERS
            and type(document["ts"]) is int
            and document["ts"] <= TS_MS_MAX
            and document.get("quality") in _QUALITY
        )
    except _UNUSUAL:
        return False


def _is_usual_many(document: Any, numbers: dict[str, dict[str, int]]) -> bool:
    """Whether `_manys` can read it."""
    try:
        values = document["values"]
        return (
            "value" not in document
            and 0 < len(values) <= MESSAGE_VALUES_MAX
            and values.keys() <= numbers[document["asset"]].keys()
            and _NUMBERS.issuperset(map(type, values.values()))
            and type(document["ts"]) is int
            and document["ts"] <= TS_MS_MAX
            and document.get("quality") in _QUALITY
        )
    except _UNUSUAL:
        return False


def _strange(columns: _Columns, stamps: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where the reference must have its say: times out of bounds, and 1, which may have been `true`; infinities."""
    ts = columns.ts
    stamp = stamps[columns.message]
    strange: NDArray[np.bool_] = (ts <= 1) | (ts > TS_MS_MAX) | ~np.isfinite(columns.value)
    strange |= (stamp >= 0) & (ts - AHEAD_MS_MAX > stamp)
    return strange


# ── Readings as the flow wants them ──────────────────────────────────────────────────────────────────────────────────


def _merge(parts: list[_Columns]) -> _Columns:
    """All readings of a poll, in the order of the messages."""
    if len(parts) == 1:
        return parts[0]
    columns = _Columns._make(np.concatenate(alike) for alike in zip(_NOTHING, *parts, strict=True))
    if (columns.message[1:] >= columns.message[:-1]).all():
        return columns
    return columns.where(np.argsort(columns.message, kind="stable"))


def _rows(columns: _Columns, poll: Poll) -> NDArray[Any]:
    rows = np.zeros(len(columns.ts), READING)
    rows["ts"] = columns.ts
    rows["value"] = columns.value
    rows["series"] = columns.series
    rows["quality"] = columns.quality
    rows["offset"] = poll.offsets[columns.message]
    rows["partition"] = poll.partitions[columns.message]
    return rows
