"""What a recording's file holds, and what is said of it."""

import sys
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from andon.record.landing import landing
from andon.record.writers import Tally, is_known, open_writer
from contracts.errors import SinkError
from contracts.limits import AHEAD_MS_MAX
from contracts.readings import Quality
from contracts.settings import Settings
from dataflows.files import Files
from dataflows.sheets import Choice
from tests.fake_kafka import FakeMessage

T0 = 1_700_000_000_000
GOOD = [
    {"asset": "pump", "sensor": "flow", "ts": T0, "value": 1.1},
    {"asset": "press", "ts": T0 + 1, "values": {"temp": True, "force": 1e-9}, "quality": "uncertain"},
    {"asset": "pump", "sensor": "flow", "value": 2},
]
BAD = [b"{half", b'{"asset":"pump","ts":1,"values":{"flow":3,"temp":"hot"}}']
AHEAD = {"asset": "pump", "sensor": "flow", "ts": T0 + AHEAD_MS_MAX + 100, "value": 9}
READINGS = [
    ("pump", "flow", T0, 1.1, Quality.GOOD),
    ("press", "temp", T0 + 1, 1.0, Quality.UNCERTAIN),
    ("press", "force", T0 + 1, 1e-9, Quality.UNCERTAIN),
    ("pump", "flow", T0 + 7, 2.0, Quality.GOOD),
    ("pump", "flow", 1, 3.0, Quality.GOOD),
]


def written(path):
    """A recording of all of them, sent at T0 + 7 but for the first."""
    tally = Tally()
    writer = open_writer(path, path, tally)
    for offset, value in enumerate([*map(orjson.dumps, GOOD), *BAD, orjson.dumps(AHEAD)]):
        writer.write(FakeMessage(("readings", 3, offset), value, T0 + 7 if offset else T0 + 2))
    writer.close()
    writer.close()
    return tally


def read(path):
    files = Files([path], Settings(), Choice())
    chunks = list(files.chunks())
    readings = [
        (*files.names.pairs[row["name"]], int(row["ts"]), float(row["value"]), Quality(int(row["quality"])))
        for chunk in chunks
        for row in chunk.rows
    ]
    return readings, [reject for chunk in chunks for reject in chunk.rejects]


@pytest.mark.parametrize("name", ["x.ndjson", "x.jsonl.zst", "x.parquet"])
def test_what_is_recorded_is_what_is_replayed(tmp_path, name):
    """A recording says what the topic said, in whatever file."""
    path = tmp_path / name

    tally = written(path)

    readings, rejects = read(path)
    assert readings == READINGS
    assert tally.readings == 5
    assert (tally.first_ts, tally.last_ts, tally.given_ts) == (T0 + 2, T0 + 7, 1)
    assert tally.unreadable == {"not_json": 1, "bad_value": 1, "ts_too_far_ahead": 1}
    if name == "x.parquet":
        assert (tally.messages, tally.left_out, rejects) == (4, 2, [])
    else:
        assert (tally.messages, tally.left_out) == (5, 1)
        assert [reject.reason for reject in rejects] == ["not_json", "bad_value"]


def test_a_packed_recording_can_be_unpacked_by_others(tmp_path):
    """The file belongs to the plant, not to andon."""
    written(tmp_path / "x.ndjson")
    written(tmp_path / "x.ndjson.zst")

    with pa.OSFile(str(tmp_path / "x.ndjson.zst")) as raw:
        unpacked = pa.CompressedInputStream(raw, "zstd").read()

    assert unpacked == (tmp_path / "x.ndjson").read_bytes()


def test_a_row_of_parquet_says_which_message_it_was(tmp_path):
    """What is odd in a table can be looked up on the topic."""
    written(tmp_path / "x.parquet")

    table = pa.parquet.read_table(tmp_path / "x.parquet").to_pylist()

    assert [(row["topic"], row["partition"], row["offset"]) for row in table] == [
        ("readings", 3, offset) for offset in (0, 1, 1, 2, 4)
    ]


@pytest.mark.parametrize(
    ("name", "known"), [("a.ndjson", True), ("a.JSON", True), ("a.jsonl.zst", True), ("a.pq", True), ("a.csv", False)]
)
def test_the_name_says_what_a_file_is(tmp_path, name, known):
    """A slip in the name is told before anything is read."""
    assert is_known(tmp_path / name) is known
    assert not is_known(tmp_path / "a.parquet.zst")


@pytest.mark.parametrize("name", ["x.ndjson.zst", "x.parquet"])
def test_without_the_library_it_is_said_what_to_install(tmp_path, monkeypatch, name):
    """Packing and Parquet are extras."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(SinkError, match=r"pip install 'andon\["):
        open_writer(tmp_path / name, tmp_path / "part", Tally())
    assert not list(tmp_path.iterdir())


def test_a_file_is_there_whole_or_not_at_all(tmp_path):
    """Nobody takes half a recording for a whole one."""
    path = tmp_path / "x.ndjson"

    with landing(path, force=False) as part:
        part.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"

    with pytest.raises(SinkError, match="is there by now"), landing(path, force=False) as part:
        part.write_text("other")
    assert path.read_text() == "half"

    with landing(path, force=True) as part:
        part.write_text("other")
    assert path.read_text() == "other"
    assert [each.name for each in tmp_path.iterdir()] == ["x.ndjson"]


def test_what_was_read_before_a_fault_stays_beside_it(tmp_path):
    """Hours of recording aren't lost with their end."""
    path = tmp_path / "x.ndjson"

    def record():
        with landing(path, force=False) as part:
            part.write_text("hours")
            raise KeyError

    with pytest.raises(KeyError):
        record()

    assert [each.name for each in tmp_path.iterdir()] == ["x.ndjson.part"]


def test_where_nothing_can_be_written_that_is_told(tmp_path):
    """A folder that isn't there is named."""
    path = tmp_path / "gone" / "x.ndjson"

    with (
        pytest.raises(SinkError, match=r"x\.ndjson: can't be written: No such file"),
        landing(path, force=False) as part,
    ):
        open_writer(path, part, Tally())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is always full here: Linux has /dev/full")
def test_a_full_disk_is_told(tmp_path):
    """No recording ends quietly."""
    writer = open_writer(tmp_path / "x.ndjson", Path("/dev/full"), Tally())
    writer.write(FakeMessage(("readings", 0, 0), orjson.dumps(GOOD[0]), T0))

    with pytest.raises(OSError, match="No space left on device"):
        writer.close()


@pytest.mark.parametrize("name", ["x.ndjson", "x.parquet"])
def test_what_is_recorded_of_umh_is_replayed_as_andons_own(tmp_path, name):
    """A replay has no keys: the readings are in the file, and what is no reading is counted."""
    path, tally = tmp_path / name, Tally()
    writer = open_writer(path, path, tally, umh=frozenset({"umh.messages"}))
    key = b"umh.v1.acme.line-1._raw.temp"
    bodies = [b'{"timestamp_ms":%d,"value":21.5}' % T0, b'{"timestamp_ms":%d,"value":"on"}' % T0, b"{half"]
    for offset, value in enumerate(bodies):
        writer.write(FakeMessage(("umh.messages", 0, offset), value, T0, raw_key=key))
    writer.close()

    readings, rejects = read(path)

    assert readings == [("acme.line-1", "temp", T0, 21.5, Quality.GOOD)]
    assert rejects == []
    assert (tally.messages, tally.readings, tally.left_out, tally.unreadable) == (1, 1, 2, {"not_json": 1})
