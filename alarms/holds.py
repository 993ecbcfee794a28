"""What people hold back of one asset: shelves, suppressions, and what is out of service.

A hold stands for a scope (a sensor, a kind, a rule, or all of an asset), whether an alarm stands there now or not. What
it covers goes on being watched, and its transitions are on record; they only aren't annunciated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import orjson

from contracts.alarm_states import AlarmRecord, hold_key
from contracts.commands import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contracts.alarm_states import Hold

__all__ = ["MEANS", "Act", "Holding", "Holds", "Means", "act_of", "described"]

Means: TypeAlias = Literal["shelved", "suppressed", "out_of_service"]
MEANS: tuple[Means, ...] = ("shelved", "suppressed", "out_of_service")


class Act(NamedTuple):
    """What a person did, and when: `contracts.alarm_states.Hold` in the size of many."""

    by: str
    comment: str | None
    since_ts: int
    until_ts: int | None = None


class Holding(NamedTuple):
    """What holds one alarm back, or one scope."""

    shelved: Act | None = None
    suppressed: Act | None = None
    out_of_service: Act | None = None


NOTHING = Holding()


class Holds:
    """The holds of one asset. Cost: some 100 ns a hold for each alarm that asks."""

    def __init__(self, asset: str) -> None:
        self._asset = asset
        self._standing: dict[Scope, Holding] = {}

    def __len__(self) -> int:
        return len(self._standing)

    def __iter__(self) -> Iterator[Scope]:
        return iter(self._standing)

    def of(self, scope: Scope) -> Holding:
        """What stands for exactly this scope."""
        return self._standing.get(scope, NOTHING)

    def put(self, scope: Scope, means: Means, act: Act | None) -> None:
        """Let one stand, in place of what stood there before; None: let it stand no more."""
        holding = self.of(scope)._replace(**{means: act})
        if holding == NOTHING:
            self._standing.pop(scope, None)
        else:
            self._standing[scope] = holding

    def covering(self, *, sensor: str, kind: str, rule: str) -> Holding:
        """What holds an alarm back. Of several shelves the one that ends last, else the oldest."""
        if not self._standing:
            return NOTHING
        found = [
            holding
            for scope, holding in self._standing.items()
            if scope.covers(sensor=sensor, kind=kind, rule=rule)
        ]  # fmt: skip
        return Holding(
            shelved=max((one.shelved for one in found if one.shelved), key=_end, default=None),
            suppressed=min((one.suppressed for one in found if one.suppressed), key=_beginning, default=None),
            out_of_service=min(
                (one.out_of_service for one in found if one.out_of_service), key=_beginning, default=None
            ),
        )

    def next_end(self) -> int | None:
        """When the next shelf ends (ms)."""
        return min(
            (holding.shelved.until_ts or 0 for holding in self._standing.values() if holding.shelved), default=None
        )

    def ending_at(self, until_ts: int) -> list[Scope]:
        """The scopes whose shelf ends then (ms)."""
        return [
            scope
            for scope, holding in self._standing.items()
            if holding.shelved and (holding.shelved.until_ts or 0) == until_ts
        ]

    def scopes(self, means: Means) -> list[Scope]:
        """The scopes for which such a hold stands, in the order in which they began to be held."""
        return [scope for scope, holding in self._standing.items() if getattr(holding, means)]

    def record(self, scope: Scope) -> AlarmRecord:
        """What the alarm-state topic says of a scope: a tombstone where nothing is held any more."""
        key = hold_key(self._asset, scope)
        holding = self._standing.get(scope)
        if holding is None:
            return AlarmRecord(key, None)
        body = {
            "schema": 1,
            "asset": self._asset,
            "sensor": scope.sensor,
            "kind": scope.kind,
            "rule": scope.rule,
            **{means: plain(act) for means, act in holding._asdict().items()},
        }
        return AlarmRecord(key, orjson.dumps(body))

    def rows(self) -> list[tuple[Any, ...]]:
        """Plain data: (asset, sensor, kind, rule, shelved, suppressed, out of service)."""
        return [
            (self._asset, scope.sensor, scope.kind, scope.rule, *(act and tuple(act) for act in holding))
            for scope, holding in self._standing.items()
        ]

    def take(self, row: Iterable[Any]) -> None:
        """A row as `rows` gave it."""
        _asset, sensor, kind, rule, *acts = row
        self._standing[Scope(sensor, kind, rule)] = Holding(*(Act(*act) if act else None for act in acts))


def act_of(hold: Hold) -> Act:
    """What a record of the alarm-state topic says, in our own form."""
    return Act(hold.by, hold.comment, hold.since_ts, hold.until_ts)


def plain(act: Act | None) -> dict[str, Any] | None:
    """An act as it is in a record."""
    return act and act._asdict()


def described(asset: str, scope: Scope) -> str:
    """A scope for people: `press-0012 temp limit hh`, `all of press-0012`."""
    if scope == Scope():
        return f"all of {asset}"
    sensor = "as a whole" if scope.sensor == "" else scope.sensor or "all sensors"
    return " ".join(part for part in (asset, sensor, scope.kind, scope.rule) if part)


def _end(act: Act) -> int:
    return act.until_ts or 0


def _beginning(act: Act) -> int:
    return act.since_ts
