"""The series that compiled code can find: (asset, sensor) as their bytes stand in messages → the lane's number.

Each name is kept once and has an id; a pair of ids has the number. Both tables are open addressing with at most half
of their places taken. A name with other characters than ASCII is entered as each way in which serialisers write it;
whoever writes it in yet another way is understood by the slow lane.
"""

from __future__ import annotations

from json import dumps
from re import sub
from secrets import randbits

import numpy as np
import orjson

from contracts.readings import Rows
from dataflows.scan.memory import WORD_BYTES, as_signed
from dataflows.scan.text import hash_of, is_same
from detectors.compiled import compiled, inlined

__all__ = ["NAME", "PAIR", "SeriesIndex", "find_name", "find_series"]

NAME = np.dtype([("hash", np.uint64), ("at", np.int64), ("length", np.int32), ("id", np.int32)])
"""A spelling of a name; `at` is its place in the index's text, a length of 0 marks a free place."""

PAIR = np.dtype([("asset", np.int32), ("sensor", np.int32), ("number", np.int32)])
"""The ids of both names and the number of the series; an asset of 0 marks a free place."""

_PAIR_MIX = np.uint64(0x9E3779B97F4A7C15)


class SeriesIndex:
    """What compiled code knows of the series of a lane. Numbers are dense: the next series is `len(index)`."""

    def __init__(self) -> None:
        self.names = np.zeros(256, NAME)
        self.pairs = np.zeros(256, PAIR)
        self.text = np.zeros(4096, np.uint8)
        self.text_address = self.text.ctypes.data
        self.last_seen = np.zeros(256, np.int64)
        """The newest message of many that has named a series, by number: one that is named twice is noticed."""
        self.seed = randbits(62)
        self._ids: dict[str, int] = {}
        self._spellings = 0
        self._text_used = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def enter(self, asset: str, sensor: str) -> None:
        """Give a series the next number. It must not be known yet."""
        pair = np.zeros(1, PAIR)
        pair[0] = (self._id(asset), self._id(sensor), self._count)
        if 2 * (self._count + 1) > len(self.pairs):
            pairs, self.pairs = self.pairs, np.zeros(2 * len(self.pairs), PAIR)
            _enter_pairs(pairs[pairs["asset"] > 0], self.pairs, self.seed)
        if self._count == len(self.last_seen):
            self.last_seen = np.concatenate([self.last_seen, np.zeros_like(self.last_seen)])
        _enter_pairs(pair, self.pairs, self.seed)
        self._count += 1

    def _id(self, name: str) -> int:
        known = self._ids.get(name)
        if known is None:
            known = self._ids[name] = len(self._ids) + 1
            for spelling in _spellings(name):
                self._spell(spelling, known)
        return known

    def _spell(self, spelling: bytes, known: int) -> None:
        at = self._text_used
        self._text_used += len(spelling)
        while self._text_used + WORD_BYTES > len(self.text):
            self.text = np.concatenate([self.text, np.zeros_like(self.text)])
            self.text_address = self.text.ctypes.data
        self.text[at : self._text_used] = np.frombuffer(spelling, np.uint8)
        if 2 * (self._spellings + 1) > len(self.names):
            names, self.names = self.names, np.zeros(2 * len(self.names), NAME)
            _enter_names(names[names["length"] > 0], self.names)
        name = np.zeros(1, NAME)
        name[0] = (hash_of_text(self.text_address + at, len(spelling), self.seed), at, len(spelling), known)
        _enter_names(name, self.names)
        self._spellings += 1


def _spellings(name: str) -> list[bytes]:
    """How serialisers write a name: as it is; or each other character escaped, in small letters or in capitals."""
    escaped = dumps(name)[1:-1]
    capitals = sub(r"\\u[0-9a-f]{4}", lambda match: "\\u" + match[0][2:].upper(), escaped)
    return list(dict.fromkeys([orjson.dumps(name)[1:-1], escaped.encode(), capitals.encode()]))


@inlined
def find_name(names: Rows, text: int, at: int, length: int, seed: int) -> int:
    """The id of the name whose bytes stand at `at`; 0: unknown. `text` is the address of the index's text."""
    wanted = hash_of(at, length, seed)
    last = len(names) - 1
    place = as_signed(wanted) & last
    while True:
        name = names[place]
        if name.length == 0:
            return 0
        if name.hash == wanted and name.length == length and is_same(at, text + name.at, length):
            known: int = name.id
            return known
        place = (place + 1) & last


@inlined
def find_series(pairs: Rows, asset: int, sensor: int, seed: int) -> int:
    """The number of the series of two names, by their ids; -1: unknown."""
    last = len(pairs) - 1
    place = _place_of(asset, sensor, seed) & last
    while True:
        pair = pairs[place]
        if pair.asset == 0:
            return -1
        if pair.asset == asset and pair.sensor == sensor:
            number: int = pair.number
            return number
        place = (place + 1) & last


@compiled
def hash_of_text(at: int, length: int, seed: int) -> np.uint64:
    """As `hash_of`, to be called from Python."""
    return hash_of(at, length, seed)


@inlined
def _place_of(asset: int, sensor: int, seed: int) -> int:
    h = (np.uint64(asset) << np.uint64(32) | np.uint64(sensor)) ^ np.uint64(seed)
    h *= _PAIR_MIX
    place: int = as_signed(h >> np.uint64(32))
    return place


@compiled
def _enter_names(new: Rows, names: Rows) -> None:
    last = len(names) - 1
    for name in new:
        place = as_signed(name.hash) & last
        while names[place].length != 0:
            place = (place + 1) & last
        names[place] = name


@compiled
def _enter_pairs(new: Rows, pairs: Rows, seed: int) -> None:
    last = len(pairs) - 1
    for pair in new:
        place = _place_of(pair.asset, pair.sensor, seed) & last
        while pairs[place].asset != 0:
            place = (place + 1) & last
        pairs[place] = pair
