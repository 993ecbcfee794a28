"""Pieces of Markdown that all pages made from the code are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["sentence", "table"]


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """The lines of a table, and an empty one."""
    for row in (head, ("---",) * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def sentence(thing: object) -> str:
    """The first paragraph of a docstring."""
    return " ".join((thing.__doc__ or "").split("\n\n", maxsplit=1)[0].split())
