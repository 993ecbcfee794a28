"""What a source says, read as a link does it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateways.seam import Description, Frame, Source

__all__ = ["read", "read_once"]


def read(
    source: Source, *, times: int, between: Callable[[], None] = lambda: None
) -> tuple[Description, list[list[Frame]]]:
    """Who it is, and what it says so many times; `between` is called after each."""

    async def all_of_it() -> tuple[Description, list[list[Frame]]]:
        try:
            await source.connect()
            who = await source.describe()
            found: list[list[Frame]] = []
            async for frames in source.readings():
                found.append(frames)
                between()
                if len(found) == times:
                    break
            return who, found
        finally:
            await source.close()

    return asyncio.run(all_of_it())


def read_once(source: Source) -> tuple[Description, list[Frame]]:
    """Who it is, and what it says at first."""
    who, (frames,) = read(source, times=1)
    return who, frames
