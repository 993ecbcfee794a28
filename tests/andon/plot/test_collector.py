"""What is shown of a recording, collected while it is played."""

import numpy as np

from andon.plot import collector as module
from andon.plot.collector import READINGS_MAX, ROWS_LEAST, SERIES_MAX, Collector, ranked_of
from contracts.loading import parse
from dataflows.chunks import CHUNK, Chunk, Names
from detectors.trace import TRACE, UNJUDGED, Trace


def chunk_of(names, *readings):
    rows = np.zeros(len(readings), CHUNK)
    for row, (asset, sensor, ts, value) in zip(rows, readings, strict=True):
        row["name"], row["ts"], row["value"] = names.index(asset, sensor), ts, value
    return Chunk(rows=rows, source=0)


def trace_of(*windows):
    rows = np.zeros(len(windows), TRACE)
    for row, (slot, end) in zip(rows, windows, strict=True):
        row["slot"], row["end"] = slot, end
    return Trace(rows, [("pump", "flow"), ("pump", None)])


def test_readings_and_windows_come_together_by_series():
    """A chart has both, an asset as a whole has only windows."""
    names, collected = Names(), Collector()
    collected.chunk(
        chunk_of(names, ("pump", "flow", 1, 1.0), ("press", "force", 1, 9.0), ("pump", "flow", 2, 2.0)), names
    )
    collected.trace(trace_of((0, 2), (1, 2), (UNJUDGED, 3)))

    streams = collected.streams()

    assert [(stream.asset, stream.sensor, stream.readings.seen, stream.windows.seen) for stream in streams] == [
        ("press", "force", 1, 0),
        ("pump", None, 0, 1),
        ("pump", "flow", 2, 1),
    ]
    assert streams[2].readings.rows()["value"].tolist() == [1.0, 2.0]
    assert collected.refused == set()


def test_a_page_has_room_for_so_many_series_and_so_many_rows():
    """A plant of ten thousand sensors doesn't fill the memory of who plots it."""
    names, collected = Names(), Collector()
    for number in range(SERIES_MAX + 2):
        collected.chunk(chunk_of(names, ("pump", f"s{number:05}", 1, 1.0)), names)

    assert len(collected.streams()) == SERIES_MAX
    assert collected.refused == {("pump", f"s{SERIES_MAX:05}"), ("pump", f"s{SERIES_MAX + 1:05}")}
    assert {stream.readings._rows_max for stream in collected.streams()} == {ROWS_LEAST}
    assert module._shares(1)[0] == READINGS_MAX


def test_a_threshold_is_one_of_p_where_alarms_are_ranked():
    """A rank is drawn on the scale of ranks."""
    settings = parse('[[rules]]\nasset = "pump"\nanomaly = { policy = "ranked" }\n', "andon.toml", {})
    names, collected = Names(), Collector()
    collected.chunk(chunk_of(names, ("pump", "flow", 1, 1.0), ("press", "force", 1, 1.0)), names)

    assert ranked_of(collected.streams(), settings) == {("pump", "flow"), ("pump", None)}
