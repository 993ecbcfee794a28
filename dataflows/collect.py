"""The end of a flow that runs inside this process: what comes out is handed to a function, at once and in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from bytewax.outputs import DynamicSink, StatelessSinkPartition

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Hand"]

Out = TypeVar("Out")


class Hand(DynamicSink["tuple[str, Out]"], Generic[Out]):
    """A sink that calls a function with every item.

    Guarantees: each item once, in the order in which the flow brings it; nothing is buffered, retried or saved. What
    the function raises ends the flow.
    """

    def __init__(self, take: Callable[[Out], None]) -> None:
        self._take = take

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Part[Out]:  # noqa: ARG002 - Bytewax's words
        """The part of the one worker."""
        return _Part(self._take)


class _Part(StatelessSinkPartition["tuple[str, Out]"], Generic[Out]):
    def __init__(self, take: Callable[[Out], None]) -> None:
        self._take = take

    def write_batch(self, items: list[tuple[str, Out]]) -> None:
        for _, item in items:
            self._take(item)
