"""Recordings in files: CSV of every shape, NDJSON, Parquet; what is bad is told by line and never raises."""

import gzip
import math

import numpy as np
import orjson
import pytest

from contracts.errors import SourceError
from contracts.readings import Quality, Reason
from contracts.settings import Settings
from dataflows.files import Files
from dataflows.sheets import BATCH_LINES, Choice
from dataflows.time_formats import TimeFormat

T0 = 1_700_000_000_000


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(*paths, settings=None, **choice):
    """All readings as (asset, sensor, ts, value, quality, line), the rejects, and the recording."""
    files = Files(paths, settings or Settings(), Choice(**choice))
    readings, rejects = [], []
    for chunk in files.chunks():
        rejects += chunk.rejects
        for row in chunk.rows:
            asset, sensor = files.names.pairs[row["name"]]
            quality, line = Quality(int(row["quality"])), int(row["line"])
            readings.append((asset, sensor, int(row["ts"]), float(row["value"]), quality, line))
    return readings, rejects, files


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_seen_from_the_header(tmp_path, separator):
    """A table is read whatever separates its cells."""
    lines = ["time,temp,pressure", f"{T0},20.5,1.25", f"{T0 + 1000},21.5,1.5"]
    path = write(tmp_path, "oven.csv", "\n".join(lines).replace(",", separator))

    readings, rejects, _ = read(path)

    assert rejects == []
    assert readings == [
        ("oven", "temp", T0, 20.5, Quality.GOOD, 2),
        ("oven", "pressure", T0, 1.25, Quality.GOOD, 2),
        ("oven", "temp", T0 + 1000, 21.5, Quality.GOOD, 3),
        ("oven", "pressure", T0 + 1000, 1.5, Quality.GOOD, 3),
    ]


def test_a_table_with_semicolons_may_have_decimal_commas(tmp_path):
    """A European export is read without being edited first."""
    path = write(tmp_path, "oven.csv", f"time;temp\r\n{T0};20,5\r\n")

    readings, _, _ = read(path)

    assert [reading[3] for reading in readings] == [20.5]


def test_a_long_table_names_asset_sensor_and_quality_in_its_lines(tmp_path):
    """One reading a line, as an historian exports it."""
    text = f"ts,asset,sensor,value,quality\n{T0},pump,flow,1,\n{T0},press,force,2,uncertain\n{T0 + 5},pump,flow,3,bad\n"

    readings, rejects, _ = read(write(tmp_path, "all.csv", text))

    assert rejects == []
    assert readings == [
        ("pump", "flow", T0, 1.0, Quality.GOOD, 2),
        ("press", "force", T0, 2.0, Quality.UNCERTAIN, 3),
        ("pump", "flow", T0 + 5, 3.0, Quality.BAD, 4),
    ]


def test_a_long_table_without_assets_takes_the_name_that_is_given(tmp_path):
    """--asset names what a file leaves unsaid; the file's own name does otherwise."""
    path = write(tmp_path, "line-3.csv", f"ts,sensor,value\n{T0},flow,1\n")

    assert read(path)[0][0][0] == "line-3"
    assert read(path, asset="pump")[0][0][0] == "pump"


def test_bad_rows_of_a_long_table_are_refused_by_line_and_the_others_read(tmp_path):
    """Each bad line costs itself and says why."""
    rows = [
        f"{T0},pump,flow,1,good",
        "yesterday,pump,flow,2,good",
        f"{T0},pump,flow,abc,good",
        f"{T0},pump,,4,good",
        f"{T0},pump,flow,5,fine",
        f"{T0},pump",
        f"{T0},pump,flow,,good",
        f"{T0},pump,flow,8,good",
    ]

    readings, rejects, files = read(write(tmp_path, "x.csv", "\n".join(["ts,asset,sensor,value,quality", *rows])))

    assert [reading[3] for reading in readings] == [1.0, 8.0]
    assert [(reject.offset, reject.reason) for reject in rejects] == [
        (3, Reason.BAD_TS),
        (4, Reason.BAD_VALUE),
        (5, Reason.BAD_NAME),
        (6, Reason.BAD_QUALITY_CODE),
        (7, Reason.BAD_VALUE),
    ]
    assert files.tally.empty_cells == 1


def test_one_bad_cell_of_a_wide_line_leaves_its_neighbours(tmp_path):
    """A sensor that wrote text doesn't cost the other sensors their reading."""
    path = write(tmp_path, "x.csv", f"time,a,b\n{T0},1,2\n{T0 + 1},oops,3\n{T0 + 2},inf,4\n{T0 + 3},5,\n{T0 + 4},6,\n")

    readings, rejects, files = read(path)

    read_values = [(reading[1], reading[3]) for reading in readings]
    assert read_values == [("a", 1.0), ("b", 2.0), ("b", 3.0), ("b", 4.0), ("a", 5.0), ("a", 6.0)]
    assert [(reject.reason, reject.offset) for reject in rejects] == [(Reason.BAD_VALUE, 3), (Reason.BAD_VALUE, 4)]
    assert "'oops'" in rejects[0].detail
    assert files.tally.empty_cells == 2


def test_empty_and_nan_cells_are_passed_over_and_counted(tmp_path):
    """Gaps in a recording are no values and no faults."""
    path = write(tmp_path, "x.csv", f"time,a,b\n{T0},,NaN\n{T0 + 1},1,null\n")

    readings, rejects, files = read(path)

    assert [(reading[1], reading[3]) for reading in readings] == [("a", 1.0)]
    assert rejects == []
    assert files.tally.empty_cells == 3


def test_a_line_with_a_bad_time_is_refused_whole(tmp_path):
    """Values that can't be placed in time are no readings."""
    readings, rejects, _ = read(write(tmp_path, "x.csv", f"time,a,b\nnoon,1,2\n{T0},3,4\n"))

    assert [reading[3] for reading in readings] == [3.0, 4.0]
    assert [(reject.reason, reject.offset) for reject in rejects] == [(Reason.BAD_TS, 2)]


def test_columns_of_text_are_no_sensors(tmp_path):
    """A remark column is left out, and it is said which."""
    path = write(tmp_path, "x.csv", f"time,a,remark,b\n{T0},1,fine,2\n{T0 + 1},3,hot,4\n")

    readings, rejects, files = read(path)

    assert {reading[1] for reading in readings} == {"a", "b"}
    assert rejects == []
    assert files.tally.text_columns == ("remark",)


def test_labels_can_be_left_out_and_sensors_and_time_be_named(tmp_path):
    """What is a label and what is a sensor is for a person to say."""
    path = write(tmp_path, "x.csv", f"a,when,anomaly,b\n1,{T0},0,2\n")

    assert [reading[1] for reading in read(path, time_column="when", ignore_columns=("anomaly",))[0]] == ["a", "b"]
    assert [reading[1] for reading in read(path, time_column="when", sensor_columns=("b",))[0]] == ["b"]


@pytest.mark.parametrize(
    "choice", [{"time_column": "when"}, {"sensor_columns": ("when",)}, {"ignore_columns": ("when",)}]
)
def test_a_column_that_is_not_there_is_told_with_those_that_are(tmp_path, choice):
    """A mistyped column name is noticed before anything runs."""
    path = write(tmp_path, "x.csv", "time,temp\n1,2\n")

    with pytest.raises(SourceError, match=r"no column 'when'; it has 'time', 'temp'"):
        Files([path], Settings(), Choice(**choice))


def test_labels_are_left_out_of_the_files_that_have_them(tmp_path):
    """Recordings of faults have labels, those of a healthy machine have none: both are replayed together."""
    labelled = write(tmp_path, "fault.csv", f"time,temp,anomaly\n{T0},1,0\n")
    healthy = write(tmp_path, "healthy.csv", f"time,temp\n{T0},2\n")

    for paths in ([labelled, healthy], [healthy, labelled]):
        readings, _, _ = read(*paths, ignore_columns=("anomaly",))

        assert [reading[:2] for reading in readings] == [(path.stem, "temp") for path in paths]


def test_a_label_that_no_file_has_is_told_with_the_columns_that_are_there(tmp_path):
    """A mistyped label would be judged as a sensor: it is told before anything runs."""
    first = write(tmp_path, "fault.csv", "time,temp,anomaly\n1,2,0\n")
    second = write(tmp_path, "healthy.csv", "time,temp,flow\n1,2,3\n")
    messages = write(tmp_path, "line.ndjson", "{}\n")

    with pytest.raises(
        SourceError, match=r"no file has a column 'anomalie_'; there are 'time', 'temp', 'anomaly', 'flow'"
    ):
        Files([first, messages, second], Settings(), Choice(ignore_columns=("anomaly", "anomalie_")))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "first line is empty"),
        (f"{T0},1.5\n{T0},1.6\n", "first line holds data"),
        ("temp\n1\n", "only one column"),
        ("time,temp\n1,2\n".encode("utf-16"), "isn't text in UTF-8"),
        (gzip.compress(b"time,temp\n1,2\n", mtime=0), "isn't text in UTF-8"),
        ("time,a,a\n", "more than one column is named 'a'"),
    ],
)
def test_a_table_without_a_usable_header_is_told(tmp_path, text, complaint):
    """A file that isn't a table with named columns says so at once."""
    with pytest.raises(SourceError, match=complaint):
        Files([write(tmp_path, "x.csv", text)], Settings(), Choice())


def test_a_table_without_columns_of_numbers_is_told(tmp_path):
    """Nothing to watch is a mistake, not a quiet recording."""
    path = write(tmp_path, "x.csv", f"time,remark\n{T0},fine\n")

    with pytest.raises(SourceError, match="no column of numbers"):
        read(path)


def test_a_missing_file_is_told(tmp_path):
    """A path that leads nowhere is named."""
    with pytest.raises(SourceError, match=r"gone\.csv: can't be read"):
        Files([tmp_path / "gone.csv"], Settings(), Choice())


def test_bytes_that_are_no_text_cost_only_their_line(tmp_path):
    """A damaged file is read as far as it can be."""
    path = write(
        tmp_path, "x.csv", b"\xef\xbb\xbftime,a\n" + f"{T0},1\n".encode() + b"\xff\xfe,2\n" + f"{T0},3\n".encode()
    )

    readings, rejects, _ = read(path)

    assert [reading[3] for reading in readings] == [1.0, 3.0]
    assert [reject.offset for reject in rejects] == [3]


def test_lines_longer_than_a_batch_keep_their_numbers(tmp_path):
    """In a long recording a bad line is still found by its number."""
    count = 2 * BATCH_LINES + 10
    lines = [f"{T0 + row},{row}" for row in range(count)]
    lines[BATCH_LINES + 5] = "never,1"

    readings, rejects, _ = read(write(tmp_path, "x.csv", "\n".join(["time,a", *lines])))

    assert len(readings) == count - 1
    assert [reject.offset for reject in rejects] == [BATCH_LINES + 7]
    assert readings[-1][3:] == (count - 1, Quality.GOOD, count + 1)


def test_several_files_come_one_after_another_each_under_its_name(tmp_path):
    """A folder of recordings is one recording of several machines."""
    second = write(tmp_path, "b.csv", f"time,a\n{T0},1\n")
    first = write(tmp_path, "a.csv", f"time,a\n{T0},2\n")

    readings, _, files = read(second, first)

    assert [(reading[0], reading[3]) for reading in readings] == [("b", 1.0), ("a", 2.0)]
    assert files.position == files.bytes_total == second.stat().st_size + first.stat().st_size


def test_ndjson_is_read_as_the_readings_topic_is(tmp_path):
    """What was recorded from the topic can be played back, with the same reasons for what is refused."""
    lines = [
        orjson.dumps({"asset": "pump", "ts": T0, "values": {"flow": 1.5, "temp": "hot"}}),
        b"",
        b'{"half',
        orjson.dumps({"asset": "press", "sensor": "force", "ts": T0 + 1, "value": 2, "quality": "uncertain"}),
        orjson.dumps({"asset": "pump", "sensor": "flow", "value": 3}),
        orjson.dumps({"asset": "pump", "sensor": "flow", "ts": T0 + 2, "value": 4}),
    ]

    readings, rejects, _ = read(write(tmp_path, "line.ndjson", b"\n".join(lines)))

    assert readings == [
        ("pump", "flow", T0, 1.5, Quality.GOOD, 1),
        ("press", "force", T0 + 1, 2.0, Quality.UNCERTAIN, 4),
        ("pump", "flow", T0 + 2, 4.0, Quality.GOOD, 6),
    ]
    assert sorted((reject.offset, reject.reason) for reject in rejects) == [
        (1, Reason.BAD_VALUE),
        (3, Reason.NOT_JSON),
        (5, Reason.BAD_TS),
    ]


def test_ndjson_longer_than_a_batch_keeps_its_order_and_line_numbers(tmp_path):
    """A long recording of many assets comes in the order of its lines."""
    count = 10_000
    lines = [
        orjson.dumps({"asset": f"pump-{row % 7}", "sensor": f"s{row % 3}", "ts": T0 + row, "value": row})
        for row in range(count)
    ]

    readings, rejects, _ = read(write(tmp_path, "line.jsonl", b"\n".join(lines)))

    assert rejects == []
    assert readings == [
        (f"pump-{row % 7}", f"s{row % 3}", T0 + row, float(row), Quality.GOOD, row + 1) for row in range(count)
    ]


def test_parquet_is_read_as_the_same_table_in_csv(tmp_path):
    """A file format is no reason for another result."""
    arrow = pytest.importorskip("pyarrow", reason="Parquet files need pip install 'andon[parquet]'")
    from pyarrow import parquet  # noqa: PLC0415 - an optional extra

    times = np.array([T0, T0 + 1000, T0 + 2000], dtype="datetime64[ms]")
    table = arrow.table(
        {
            "time": times,
            "temp": [20.5, None, 22.5],
            "running": [True, False, True],
            "count": arrow.array([1, 2, None], arrow.int32()),
            "spike": [1.0, math.inf, 2.0],
            "remark": ["a", "b", None],
        }
    )
    parquet.write_table(table, tmp_path / "oven.parquet")
    text = "time,temp,running,count,spike,remark\n"
    text += f"{T0},20.5,true,1,1,a\n{T0 + 1000},,false,2,inf,b\n{T0 + 2000},22.5,true,,2,\n"

    readings, rejects, files = read(tmp_path / "oven.parquet")

    expected, _, csv_files = read(write(tmp_path, "oven.csv", text))
    assert [reading[:5] for reading in readings] == [reading[:5] for reading in expected]
    assert [reject.reason for reject in rejects] == [Reason.BAD_VALUE]
    assert files.tally == csv_files.tally


def test_a_long_parquet_table_with_epoch_times_is_read(tmp_path):
    """Times may be numbers in a Parquet file too."""
    arrow = pytest.importorskip("pyarrow", reason="Parquet files need pip install 'andon[parquet]'")
    from pyarrow import parquet  # noqa: PLC0415 - an optional extra

    table = arrow.table({"ts": [T0, 0, T0 // 1000], "asset": ["a", "a", "b"], "sensor": ["s"] * 3, "value": [1, 2, 3]})
    parquet.write_table(table, tmp_path / "x.parquet")

    readings, rejects, _ = read(tmp_path / "x.parquet")

    assert [(reading[0], reading[2], reading[3]) for reading in readings] == [("a", T0, 1.0), ("b", T0, 3.0)]
    assert [(reject.reason, reject.offset) for reject in rejects] == [(Reason.BAD_TS, 2)]


def test_numbers_that_are_names_or_codes_are_read_as_a_csv_file_would_have_them(tmp_path):
    """A historian that numbers its assets and tags, and writes OPC UA's status codes."""
    arrow = pytest.importorskip("pyarrow", reason="Parquet files need pip install 'andon[parquet]'")
    from pyarrow import parquet  # noqa: PLC0415 - an optional extra

    columns = {
        "ts": [T0, T0 + 1, T0 + 2],
        "asset": [1001, 1001, None],
        "sensor": [7, 7, 8],
        "value": [1.5, 2.5, 3.5],
        "quality": arrow.array([0, 0x40000000, None], arrow.uint32()),
    }
    parquet.write_table(arrow.table(columns), tmp_path / "line.parquet")

    readings, rejects, _ = read(tmp_path / "line.parquet")

    assert readings == [
        ("1001", "7", T0, 1.5, Quality.GOOD, 1),
        ("1001", "7", T0 + 1, 2.5, Quality.UNCERTAIN, 2),
        ("line", "8", T0 + 2, 3.5, Quality.GOOD, 3),
    ]
    assert rejects == []


def test_a_file_that_only_ends_like_parquet_is_told(tmp_path):
    """A wrong suffix gives a sentence, not a traceback."""
    pytest.importorskip("pyarrow", reason="Parquet files need pip install 'andon[parquet]'")

    with pytest.raises(SourceError, match="can't be read as Parquet"):
        Files([write(tmp_path, "x.parquet", "time,a\n")], Settings(), Choice())


@pytest.mark.parametrize("row", ["20.5,1", "press-3,1", f"7,{T0}"])
def test_a_table_without_a_time_is_told_and_not_read_as_a_day_in_1970(tmp_path, row):
    """The first column is taken for the time only if it is one."""
    path = write(tmp_path, "x.csv", f"temp,other\n,\n{row}\n")

    with pytest.raises(
        SourceError, match=r"the first column, 'temp', is taken for the time, and holds '.*--time-column"
    ):
        Files([path], Settings(), Choice())


@pytest.mark.parametrize("header", ["time", "Time (s)", "t", "event_time"])
def test_a_first_column_that_says_it_is_the_time_may_count_from_0(tmp_path, header):
    """A test bench has no calendar."""
    path = write(tmp_path, "x.csv", f"{header},a\n0.5,1\n1,2\n")

    readings, rejects, _ = read(path)

    assert [(reading[2], reading[3]) for reading in readings] == [(500, 1.0), (1000, 2.0)]
    assert rejects == []


def test_times_are_read_as_a_person_says_that_they_are_written(tmp_path):
    """--time-format reads what nobody could guess, and tells it where a cell is something else."""
    path = write(tmp_path, "x.csv", "when;a\n14.11.2023 22:13:20;1\n2023-11-14;2\n")

    readings, rejects, _ = read(path, time_format=TimeFormat("%d.%m.%Y %H:%M:%S"))

    assert [(reading[2], reading[3]) for reading in readings] == [(T0, 1.0)]
    assert [reject.detail for reject in rejects] == ["'2023-11-14' is no time: give %d.%m.%Y %H:%M:%S"]
