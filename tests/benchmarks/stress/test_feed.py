"""The loads are what their names say, as messages that andon takes."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice

import orjson
import pytest

from benchmarks.stress.feed import MIXES, PARTITIONS


def sent(mix, count):
    return [(orjson.loads(value), key.decode(), partition) for key, value, partition in islice(MIXES[mix](), count)]


@pytest.mark.parametrize("mix", MIXES)
def test_messages_are_readings_under_the_name_of_their_asset(mix):
    """Otherwise the load would be one of dead letters."""
    for reading, key, partition in sent(mix, 300):
        assert reading["asset"] == key
        assert reading["ts"] > 1_700_000_000_000
        assert isinstance(reading["value"], float)
        assert 0 <= partition < PARTITIONS


def test_a_hot_asset_has_nine_readings_of_ten():
    """All of them in one partition."""
    assets = Counter(key for _, key, _ in sent("hot_asset", 1_000))

    assert assets["hot"] == 900


def test_many_series_are_a_hundred_thousand():
    """Each comes once before the first comes again."""
    assert len({(key, reading["sensor"]) for reading, key, _ in sent("many_series", 100_000)}) == 100_000


def test_one_in_ten_readings_is_of_a_new_series():
    """At ten thousand a second these are a thousand."""
    fresh = Counter((key, reading["sensor"]) for reading, key, _ in sent("new_series", 1_000) if key.startswith("new"))

    assert len(fresh) == 100
    assert set(fresh.values()) == {1}


def test_only_the_hopping_asset_hops():
    """Over all partitions."""
    where = defaultdict(set)
    for _, key, partition in sent("hopping_asset", 3_000):
        where[key].add(partition)

    assert {key for key, partitions in where.items() if len(partitions) > 1} == {"hopping"}
    assert len(where["hopping"]) == PARTITIONS
