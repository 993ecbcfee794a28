"""Which stretch of a topic a person means: by times, or by offsets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

import click

from andon.moments import Moment, moment_of
from dataflows.excerpt import Stretch
from dataflows.offsets import Partition

if TYPE_CHECKING:
    from collections.abc import Mapping

    _Type = click.ParamType["Bound"]
else:
    _Type = click.ParamType  # generic only in newer versions of click

__all__ = ["Bound", "BoundType", "stretch_of"]

Offsets: TypeAlias = dict[int, int]
"""Partition → offset."""

Bound: TypeAlias = Moment | Offsets

_OFFSETS = re.compile(r"\d{1,9}/\d{1,18}(?:,\d{1,9}/\d{1,18})*", re.ASCII)


class BoundType(_Type):
    """An option's value: `24h`, `2026-03-02T08:00Z`, or `0/1200,1/1180`, which is partition/offset."""

    name = "bound"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Bound:
        """Parse it; bounds are passed on as they are."""
        if isinstance(value, dict | Moment):
            return value
        text = str(value).replace(" ", "")
        if _OFFSETS.fullmatch(text):
            pairs = [each.split("/") for each in text.split(",")]
            offsets = {int(partition): int(offset) for partition, offset in pairs}
            if len(offsets) < len(pairs):
                self.fail(f"{value!r} names a partition twice.", param, ctx)
            return offsets
        try:
            return moment_of(str(value))
        except ValueError as error:
            self.fail(f"{error} nor offsets like 0/1200,1/1180, which is partition/offset.", param, ctx)


def stretch_of(
    begin: Bound | None, end: Bound | None, *, topics: tuple[str, ...], now_ms: int, follow: bool
) -> Stretch:
    """The stretch that both bounds mean.

    Raises: click.UsageError if they don't go together.
    """
    if follow and end is not None:
        raise click.UsageError("--follow goes on until Ctrl-C, --to says where to end: give one of them.")
    if len(topics) > 1 and (isinstance(begin, dict) or isinstance(end, dict)):
        raise click.UsageError("Offsets are those of one topic: give one --topic, or times.")
    begins, ends = _bound(begin, topics[0], now_ms), _bound(end, topics[0], now_ms)
    if isinstance(begins, int) and isinstance(ends, int) and begins >= ends:
        raise click.UsageError("--from is not before --to.")
    return Stretch(begin=begins, end=ends, follow=follow)


def _bound(bound: Bound | None, topic: str, now_ms: int) -> int | Mapping[Partition, int] | None:
    if bound is None:
        return None
    if isinstance(bound, Moment):
        return bound.before(now_ms)
    return {Partition(topic, partition): offset for partition, offset in bound.items()}
