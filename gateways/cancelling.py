"""Cancellations that libraries lose: `asyncio.wait_for` before Python 3.12, when an answer comes at the same moment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["end", "heed_cancellation"]


async def end(tasks: Collection[asyncio.Task[Any]], *, again_s: float) -> None:
    """Cancel until all have ended; what became of them is theirs to tell.

    Args:
        again_s: after so long those that still run are asked again.
    """
    left = [task for task in tasks if not task.done()]
    while left:
        for task in left:
            task.cancel()
        _, still = await asyncio.wait(left, timeout=again_s)
        left = list(still)


def heed_cancellation() -> None:
    """End if that was asked for, though somebody has made something else of it.

    Raises: asyncio.CancelledError.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
