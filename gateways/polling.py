"""The beat of protocols that are asked again and again."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["beats"]


async def beats(every_s: float) -> AsyncIterator[None]:
    """One at once, then one at each multiple of `every_s`; those for which there was no time are left out."""
    began = monotonic()
    count = 0
    while True:
        yield
        count = max(count + 1, int((monotonic() - began) / every_s) + 1) if every_s else 0
        if (left := began + count * every_s - monotonic()) > 0:
            await asyncio.sleep(left)
