"""What a recording becomes on its way to Kafka."""

import numpy as np
import orjson

from andon.publish import messages_of
from contracts.limits import MESSAGE_VALUES_MAX
from contracts.readings import Quality
from dataflows.chunks import CHUNK, Names

T0 = 1_700_000_000_000


def rows_of(names, *readings):
    """Rows of (asset, sensor, ts, value, line, quality)."""
    rows = np.zeros(len(readings), CHUNK)
    for place, (asset, sensor, ts, value, line, quality) in enumerate(readings):
        rows[place] = (ts, value, line, names.index(asset, sensor), quality)
    return rows


def sent(rows, names):
    return [(key, orjson.loads(value)) for key, value in messages_of(rows, names)]


def test_readings_of_one_line_travel_in_one_message():
    """A wide table becomes messages of many sensors, with the asset as the key."""
    names = Names()
    rows = rows_of(
        names,
        ("pump", "flow", T0, 1.0, 2, Quality.GOOD),
        ("pump", "temp", T0, 2.5, 2, Quality.GOOD),
        ("pump", "flow", T0 + 1, 3.0, 3, Quality.GOOD),
    )

    assert sent(rows, names) == [
        (b"pump", {"asset": "pump", "ts": T0, "values": {"flow": 1.0, "temp": 2.5}}),
        (b"pump", {"asset": "pump", "ts": T0 + 1, "sensor": "flow", "value": 3.0}),
    ]


def test_two_assets_never_share_a_message_and_quality_is_kept():
    """A message has one key and one quality."""
    names = Names()
    rows = rows_of(
        names,
        ("pump", "flow", T0, 1.0, 2, Quality.UNCERTAIN),
        ("press", "force", T0, 2.0, 2, Quality.BAD),
    )

    assert [(key, message["quality"]) for key, message in sent(rows, names)] == [
        (b"pump", "uncertain"),
        (b"press", "bad"),
    ]


def test_a_line_of_more_sensors_than_a_message_may_have_is_cut():
    """What the service would refuse as too_many_values isn't sent in the first place."""
    names = Names()
    rows = rows_of(names, *(("pump", f"s{place}", T0, 1.0, 2, 0) for place in range(MESSAGE_VALUES_MAX + 2)))

    assert [len(message["values"]) for _, message in sent(rows, names)] == [MESSAGE_VALUES_MAX, 2]
