"""Which alarms two runs have in common: pure.

Two alarms are the same when asset, sensor, kind and rule are, and their raises are no further apart than the tolerance.
Of each alarm's raises, the earliest that can be paired are: no other pairing finds more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from andon.replay.spans import span_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from andon.replay.spans import AlarmSpan

__all__ = ["Matched", "counts_by_kind", "match"]


class Matched(NamedTuple):
    """The annunciated alarms of two runs, each in the order in which they were raised."""

    both: Sequence[tuple[AlarmSpan, AlarmSpan]]
    only_a: Sequence[AlarmSpan]
    only_b: Sequence[AlarmSpan]


def match(a: Iterable[AlarmSpan], b: Iterable[AlarmSpan], *, tolerance_ms: int) -> Matched:
    """Pair the alarms of two runs; what nobody was told of is left out.

    Args:
        tolerance_ms: how far apart the raises of one alarm may be.
    """
    both: list[tuple[AlarmSpan, AlarmSpan]] = []
    only_a: list[AlarmSpan] = []
    only_b: list[AlarmSpan] = []
    of_a, of_b = _by_alarm(a), _by_alarm(b)
    for alarm in of_a.keys() | of_b.keys():
        left, right = of_a.get(alarm, []), of_b.get(alarm, [])
        i = j = 0
        while i < len(left) and j < len(right):
            apart = left[i].raised_ts - right[j].raised_ts
            if abs(apart) <= tolerance_ms:
                both.append((left[i], right[j]))
                i, j = i + 1, j + 1
            elif apart < 0:
                only_a.append(left[i])
                i += 1
            else:
                only_b.append(right[j])
                j += 1
        only_a += left[i:]
        only_b += right[j:]
    both.sort(key=lambda pair: span_order(pair[0]))
    return Matched(both, sorted(only_a, key=span_order), sorted(only_b, key=span_order))


def counts_by_kind(matched: Matched) -> Mapping[str, tuple[int, int, int]]:
    """Kind → how many only the first run has, both have, only the second has."""
    a, both, b = (
        Counter(span.kind for span in spans)
        for spans in (matched.only_a, [pair[0] for pair in matched.both], matched.only_b)
    )
    return {kind: (a[kind], both[kind], b[kind]) for kind in sorted({*a, *both, *b})}


def _by_alarm(spans: Iterable[AlarmSpan]) -> dict[tuple[str, str, str, str], list[AlarmSpan]]:
    found: dict[tuple[str, str, str, str], list[AlarmSpan]] = defaultdict(list)
    for span in sorted(spans, key=span_order):
        if span.annunciated:
            found[span.asset, span.sensor or "", span.kind, span.rule].append(span)
    return found
