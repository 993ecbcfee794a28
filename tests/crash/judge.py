"""Compares what was told while things broke with what an undisturbed run tells of the same readings.

A consumer drops what it has seen by its `ce_id`. Then the alerts must be the same, byte for byte; floods are left out,
because when one begins hangs on the order between assets, which nobody promises. What stands at the end must be equal.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tests.crash.collector import Told

__all__ = ["Verdict", "judge", "standing"]

SHOWN = 5
"""Of each sort of fault, so many are shown whole."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What differs; all counts by the number of the fault during which it happened."""

    lost: Counter[int]
    """Transitions that the undisturbed run tells and the disturbed one never did."""
    doubled: Counter[int]
    """Transitions that a consumer sees once too often: under a new id, with another body, or told by nobody else."""
    repeated: Counter[int]
    """Records that were written again with an id that was there already: consumers drop them."""
    states: tuple[str, ...]
    """Keys of the alarm-state topic under which something else stands."""
    examples: tuple[str, ...]
    """Some of them, for whoever looks for the reason."""

    @property
    def clean(self) -> bool:
        """Nothing differs."""
        return not (self.lost or self.doubled or self.states)


def judge(
    disturbed: Iterable[Told],
    undisturbed: Iterable[Told],
    *,
    states: Mapping[str, bytes],
    undisturbed_states: Mapping[str, bytes],
    fault_of: Callable[[Told], int],
    fault_at: Callable[[Told], int],
) -> Verdict:
    """Compare.

    Args:
        fault_of: during which fault the transition happened, by its event time.
        fault_at: during which fault the record was written.
    """
    seen, repeated, doubled = _dropped(disturbed, fault_at)
    expected, _, _ = _dropped(undisturbed, fault_of)
    missing = [record for ce_id, record in expected.items() if ce_id not in seen]
    beyond = [record for ce_id, record in seen.items() if ce_id not in expected or expected[ce_id].body != record.body]
    differing = sorted(
        key for key in states.keys() | undisturbed_states.keys() if states.get(key) != undisturbed_states.get(key)
    )
    return Verdict(
        lost=Counter(map(fault_of, missing)),
        doubled=Counter(map(fault_of, beyond)) + doubled,
        repeated=repeated,
        states=tuple(differing),
        examples=(
            *(f"lost: {record.body.decode()}" for record in missing[:SHOWN]),
            *(f"beyond: {record.body.decode()}" for record in beyond[:SHOWN]),
            *(f"stands: {key}: {states.get(key)!r} for {undisturbed_states.get(key)!r}" for key in differing[:SHOWN]),
        ),
    )


def _dropped(
    records: Iterable[Told], fault_at: Callable[[Told], int]
) -> tuple[dict[str, Told], Counter[int], Counter[int]]:
    """What a consumer sees that drops ids that it has seen; how often it dropped one; how often wrongly."""
    seen: dict[str, Told] = {}
    repeated: Counter[int] = Counter()
    doubled: Counter[int] = Counter()
    for record in records:
        if record.kind == "flood":
            continue
        before = seen.setdefault(record.ce_id, record)
        if before is not record:
            (repeated if before.body == record.body else doubled)[fault_at(record)] += 1
    return seen, repeated, doubled


def standing(records: Sequence[tuple[str, bytes | None]]) -> dict[str, bytes]:
    """What stands at the end of a compacted topic: the newest value of each key; no floods and no heartbeats."""
    newest = dict(records)
    return {
        key: body
        for key, body in newest.items()
        if body is not None and not key.startswith("_heartbeat/") and "/flood/" not in key
    }
