"""What a lane has numbered, compiled code finds again."""

from __future__ import annotations

import json

import numpy as np
import orjson
import pytest

from dataflows.scan.names import SeriesIndex, find_name, find_series


def _found(index, asset, sensor):
    """The number that compiled code finds for two names as they stand in a message; -1: none."""
    ids = []
    for name in (asset, sensor):
        held = np.frombuffer(name + bytes(16), np.uint8)
        ids.append(find_name(index.names, index.text_address, held.ctypes.data, len(name), index.seed))
    return find_series(index.pairs, *ids, index.seed) if all(ids) else -1


def test_thousands_of_series_are_each_found_under_their_own_number():
    """However many sensors a plant has, each one's readings stay its own."""
    index = SeriesIndex()
    names = [(f"hall-{number % 7}/press-{number % 61:04d}", f"s{number // 61}") for number in range(3000)]

    for asset, sensor in names:
        index.enter(asset, sensor)

    assert len(index) == 3000
    assert [_found(index, asset.encode(), sensor.encode()) for asset, sensor in names] == list(range(3000))
    assert _found(index, b"hall-1/press-0001", b"s") == -1
    assert _found(index, b"hall-1/press-000", b"s0") == -1
    assert _found(index, b"s0", b"hall-1/press-0001") == -1


@pytest.mark.parametrize("spell", [orjson.dumps, lambda name: json.dumps(name).encode()], ids=["plain", "escaped"])
@pytest.mark.parametrize("name", ["Öfen/北-1", "°C 🔥", 'with a "quote"', "back\\slash", "abcdefgh", "abcdefghi", " "])
def test_a_name_is_found_as_serialisers_write_it(name, spell):
    """A gateway that writes umlauts as escapes is as quick as one that doesn't."""
    index = SeriesIndex()
    index.enter("press-1", "temp")
    index.enter(name, name)

    assert _found(index, spell(name)[1:-1], spell(name)[1:-1]) == 1


def test_an_escape_in_capitals_is_found_too():
    """Other languages write the same escape in other letters."""
    index = SeriesIndex()
    index.enter("Öfen", "t")

    assert _found(index, b"\\u00D6fen", b"t") == 0
