"""From one poll of a lane to blocks and rejects: `contracts.codec`, for whole batches and in compiled code.

The quick lane (`scan`) reads the usual messages of known series. Where it meets anything unusual, a new series
included, that message goes to the reference decoder, and the quick lane goes on behind it. So the result is that of the
reference, whatever the batch and the neighbours; the tests hold both against each other. A plant's every-day message
costs about 0.3 µs on the quick lane, and some 10 µs on the slow one. Messages of a UMH topic take the slow one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from contracts.codec import Refusal, decode_message
from contracts.limits import MESSAGE_VALUES_MAX
from contracts.readings import READING, Reason, Reject, group_key
from contracts.umh import decode_umh
from dataflows.happenings import Refused
from dataflows.scan.messages import scan
from dataflows.scan.names import SeriesIndex
from dataflows.series import SeriesTable
from dataflows.split import split

if TYPE_CHECKING:
    from contracts.findings import Finding
    from contracts.settings import Settings
    from dataflows.happenings import Happenings
    from dataflows.polls import Poll
    from dataflows.steps import Item

__all__ = ["REJECT_KEY", "Decoder"]

REJECT_KEY = "reject"
"""Rejects leave the flow before its keyed steps: they need some key, and no group's."""

ROWS_AT_FIRST = 16_384
"""Readings of one poll that a lane has place for; it doubles when there are more."""

ROWS_KEPT_MAX = 16 * ROWS_AT_FIRST
"""10 MiB. More are let go of after their poll: twelve lanes shall not keep what each needed once."""

VALUE_BYTES_MIN = 6
"""A value with its sensor: `"a":1,`."""


class Decoder:
    """Decodes the polls of one lane. It numbers the lane's series, and forgets them when the process ends."""

    def __init__(self, settings: Settings, *, lane: int, happenings: Happenings) -> None:
        self._table = SeriesTable(settings.service)
        self._index = SeriesIndex()
        self._lane = lane
        self._happenings = happenings
        self._umh = settings.kafka.umh
        self._rows = np.zeros(ROWS_AT_FIRST, READING)
        self._arrived = np.zeros(ROWS_AT_FIRST, np.int64)
        self._sequence = 1
        self.referred = 0
        """Messages so far that the quick lane left to the reference decoder."""

    def decode(self, poll: Poll) -> list[tuple[str, Item]]:
        """What the flow gets from one poll: blocks, then findings about bounds that were met, then rejects.

        Blocks and findings travel with the key of their group, rejects with `REJECT_KEY`. The readings of a block are
        in the order of the messages. Bad data never raises.
        """
        began = perf_counter()
        aside = _Aside(poll)
        count = self._read(poll, aside)
        decoded = perf_counter()
        blocks = split(
            self._rows[:count],
            table=self._table,
            lane=self._lane,
            sources=tuple(f"{topic}/{partition}" for topic, partition in poll.sources),
            arrived_ms=self._arrived[:count],
        )
        items: list[tuple[str, Item]] = [*blocks, *aside.findings]
        items += [(REJECT_KEY, reject) for reject in aside.rejects]
        self._happenings.stage_took("decode", decoded - began)
        self._happenings.stage_took("split", perf_counter() - decoded)
        if aside.undated:
            self._happenings.ts_missed(aside.undated)
        if aside.left_out:
            self._happenings.umh_left_out(aside.left_out)
        for reason, times in aside.counts.items():
            self._happenings.message_rejected(reason, times)
        for key, findings in aside.findings:
            for finding in findings:
                bound = int(finding.evidence[f"{finding.rule}_max"] or 0)
                self._happenings.capacity_met(Refused(finding.rule, finding.asset, key, bound))
        return items

    def _read(self, poll: Poll, aside: _Aside) -> int:
        """Put the readings of a poll into the rows, in the order of the messages; returns how many there are."""
        if len(self._rows) > ROWS_KEPT_MAX:
            self._rows = np.zeros(ROWS_AT_FIRST, READING)
            self._arrived = np.zeros(ROWS_AT_FIRST, np.int64)
        count = 0
        for start, end, umh in _runs(poll, self._umh):
            if umh:
                for at in range(start, end):
                    count = self._read_by_reference(at, count, aside, umh=True)
            else:
                count = self._scan(poll, start, end, count, aside)
        return count

    def _scan(self, poll: Poll, start: int, end: int, count: int, aside: _Aside) -> int:
        """The same for the messages from `start` to before `end`, of andon's own form."""
        index = self._index
        text = poll.text.ctypes.data
        messages = poll.messages[:end]
        at = start
        while True:
            at, count, undated = scan(
                text,
                messages,
                at,
                self._rows,
                self._arrived,
                count,
                index.names,
                index.text_address,
                index.pairs,
                index.last_seen,
                self._sequence,
                index.seed,
            )
            aside.undated += undated
            self._sequence += end  # a message that is read once more isn't the same one
            if at == end:
                return count
            if len(self._rows) < count + min(int(messages["length"][at]) // VALUE_BYTES_MIN, MESSAGE_VALUES_MAX):
                self._make_room(len(self._rows))
                continue
            count = self._read_by_reference(at, count, aside)
            at += 1

    def _read_by_reference(self, at: int, count: int, aside: _Aside, *, umh: bool = False) -> int:
        """The same for a single message that is unusual in any way, or another's."""
        poll = aside.poll
        _, _, stamp, offset, partition = poll.messages[at].item()
        if umh:
            decoded = decode_umh(poll.key(at), poll.value(at), stamp)
            if decoded is None:
                aside.left_out += 1
                return count
        else:
            self.referred += 1
            decoded = decode_message(poll.value(at), stamp)
        if isinstance(decoded, Refusal):
            aside.refuse(at, [decoded])
            return count
        self._make_room(count + len(decoded.values))
        refusals = list(decoded.refusals)
        for sensor, value in decoded.values:
            number = self._table.number(decoded.asset, sensor, decoded.ts)
            if isinstance(number, Refusal):
                refusals.append(number)
                continue
            if number == len(self._index):
                self._index.enter(decoded.asset, sensor)
            self._rows[count] = (decoded.ts, value, offset, number, partition, decoded.quality, 0)
            self._arrived[count] = stamp if stamp >= 0 else decoded.ts
            count += 1
        aside.undated += decoded.ts_missing and bool(decoded.values)
        if refusals:
            aside.refuse(at, refusals)
            aside.report(at, self._table.take_findings())
        return count

    def _make_room(self, count: int) -> None:
        """Have place for more rows than these."""
        if count < len(self._rows):
            return
        rows, arrived = self._rows, self._arrived
        self._rows = np.zeros(2 * count, READING)
        self._arrived = np.zeros(2 * count, np.int64)
        self._rows[: len(rows)] = rows
        self._arrived[: len(arrived)] = arrived


@dataclass(slots=True)
class _Aside:
    """What one poll had besides readings."""

    poll: Poll
    rejects: list[Reject] = field(default_factory=list)
    findings: list[tuple[str, tuple[Finding, ...]]] = field(default_factory=list)
    counts: dict[Reason, int] = field(default_factory=dict)
    undated: int = 0
    """Messages without a time of their own."""
    left_out: int = 0
    """Messages of UMH that are no readings."""

    def refuse(self, message: int, refusals: list[Refusal]) -> None:
        """Set a message aside: once for each reason, however many of its values were refused for it.

        A megabyte of bad values would otherwise become ten thousand dead letters of a megabyte each.
        """
        poll = self.poll
        topic, partition, offset = _origin(poll, message)
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
                    value=poll.value(message),
                    topic=topic,
                    partition=partition,
                    offset=offset,
                )
            )

    def report(self, message: int, findings: list[tuple[int, Finding]]) -> None:
        """A message met a bound for the first time."""
        topic, partition, offset = _origin(self.poll, message)
        source = f"{topic}/{partition}/{offset}"
        self.findings += [(group_key(group), (replace(finding, source=source),)) for group, finding in findings]


def _runs(poll: Poll, umh: frozenset[str]) -> list[tuple[int, int, bool]]:
    """The messages in stretches of one form: from, to, and whether they are UMH's."""
    count = len(poll.messages)
    theirs = [index for index, (topic, _) in enumerate(poll.sources) if topic in umh] if umh else []
    if not theirs:
        return [(0, count, False)]
    is_theirs = np.isin(poll.messages["partition"], theirs)
    bounds = [0, *(np.flatnonzero(np.diff(is_theirs)) + 1).tolist(), count]
    return [(start, end, bool(is_theirs[start])) for start, end in pairwise(bounds) if start < end]


def _origin(poll: Poll, message: int) -> tuple[str, int, int]:
    """Topic, partition and offset of a message."""
    topic, partition = poll.sources[poll.messages["partition"][message]]
    return topic, partition, int(poll.messages["offset"][message])
