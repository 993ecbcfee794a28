"""NDJSON recordings: the messages of the readings topic, one a line, decoded as the service decodes them."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from contracts.errors import SourceError
from contracts.readings import Block, Reject
from dataflows.chunks import CHUNK, Chunk
from dataflows.decode import Decoder
from dataflows.happenings import Happenings
from dataflows.packed import Opened
from dataflows.polls import joined

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from contracts.readings import Rows
    from contracts.settings import Settings
    from dataflows.chunks import Names

__all__ = ["ndjson_chunks"]

LINES_MAX = 4096
NO_TIMESTAMP = -1


def ndjson_chunks(path: Path, settings: Settings, *, names: Names, source: int) -> Iterator[tuple[Chunk, int]]:
    """Chunks of a file, each with the bytes that were read up to its end. Empty lines are passed over.

    A line has no Kafka timestamp: one without `ts` is refused, and none is refused as too far ahead.

    Raises: SourceError if the file can't be read.
    """
    file, line = Opened(path), 0
    decoder = Decoder(_unbounded(settings), lane=0, happenings=Happenings())  # its own: the lanes count and bound
    name_of_number = np.zeros(0, np.int32)
    sources = ((path.name, 0),)
    try:
        with closing(file):
            while lines := list(islice(file.stream, LINES_MAX)):
                numbered = [(line + place, text) for place, raw in enumerate(lines, start=1) if (text := raw.strip())]
                line += len(lines)
                poll = joined(
                    [text for _, text in numbered],
                    stamps_ms=[NO_TIMESTAMP] * len(numbered),
                    partitions=np.zeros(len(numbered), np.uint16),
                    offsets=np.array([number for number, _ in numbered], dtype=np.int64),
                    sources=sources,
                    key=_no_key,
                )
                items = [item for _, item in decoder.decode(poll)]
                blocks = [item for item in items if isinstance(item, Block)]
                name_of_number = _learn(name_of_number, blocks, names)
                rejects = tuple(item for item in items if isinstance(item, Reject))
                yield Chunk(rows=_rows(blocks, name_of_number), source=source, rejects=rejects), file.position
    except OSError as error:
        raise SourceError(f"{path}: can't be read after line {line}: {error}") from error


def _unbounded(settings: Settings) -> Settings:
    """The bounds on series are judged once, where the readings are dealt to lanes, as for every other recording."""
    bounds = {"series_per_group_max": _UNREACHED, "sensors_per_asset_max": _UNREACHED}
    return settings.model_copy(update={"service": settings.service.model_copy(update=bounds)})


_UNREACHED = 1 << 31


def _no_key(_: int) -> bytes | None:
    return None


def _learn(name_of_number: Rows, blocks: list[Block], names: Names) -> Rows:
    """The decoder's numbers, with those that are new here."""
    new = sorted(name for block in blocks for name in block.names)
    if not new:
        return name_of_number
    grown = np.zeros(new[-1].number + 1, np.int32)
    grown[: len(name_of_number)] = name_of_number
    for number, asset, sensor in new:
        grown[number] = names.index(asset, sensor)
    return grown


def _rows(blocks: list[Block], name_of_number: Rows) -> Rows:
    """The rows of all blocks in the order of their lines."""
    if not blocks:
        return np.zeros(0, CHUNK)
    read = np.concatenate([block.rows for block in blocks])
    read = read[np.argsort(read["offset"], kind="stable")]
    rows = np.zeros(len(read), CHUNK)
    rows["ts"], rows["value"], rows["line"] = read["ts"], read["value"], read["offset"]
    rows["name"], rows["quality"] = name_of_number[read["series"]], read["quality"]
    return rows
