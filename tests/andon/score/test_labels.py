"""Labels in every format that engineers have them in."""

import orjson
import pytest

from andon.replay.witness import Presence
from andon.score.labels import Given, Label, labels_in_column, labels_in_file, resolved
from contracts.errors import SourceError
from dataflows.sheets import Choice

T0 = 1_700_000_000_000


def write(tmp_path, name, text):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else orjson.dumps(text))
    return path


def test_labels_of_the_numenta_benchmark_are_those_of_the_files_that_are_replayed(tmp_path):
    """The corpus has one file of labels for all of its streams."""
    recording = write(tmp_path, "realKnownCause/machine.csv", "")
    labels = write(
        tmp_path,
        "windows.json",
        {
            "realKnownCause/machine.csv": [["2023-11-14 22:13:20.000000", "2023-11-14 22:14:20.000000"]],
            "other/machine.csv": [["2024-01-01", "2024-01-02"]],
            "realKnownCause/none.csv": [],
        },
    )

    assert labels_in_file(labels, [tmp_path / "x.csv", recording]) == [Given(T0, T0 + 60_000, source=1)]


def test_single_times_are_labels_of_a_moment(tmp_path):
    """NAB's raw labels have no windows."""
    labels = write(tmp_path, "labels.json", {"m.csv": ["2023-11-14 22:13:20"]})

    assert labels_in_file(labels, [tmp_path / "m.csv"]) == [Given(T0, T0, source=0)]


def test_a_table_of_labels_names_assets_and_sensors_or_any(tmp_path):
    """What the shift wrote down."""
    text = f"asset;start;end;sensor\npump;{T0};{T0 + 5};flow\n;2023-11-14T22:13:20Z;2023-11-14T23:13:21+01:00;-\n"

    assert labels_in_file(write(tmp_path, "l.csv", text), []) == [
        Given(T0, T0 + 5, "pump", "flow"),
        Given(T0, T0 + 1000, None, None),
    ]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("l.csv", "asset,from,to\npump,1,2\n", "need the columns start and end"),
        ("l.csv", f"start,end\n{T0},{T0 - 1}\n", r"l\.csv line 2: .* is no interval"),
        ("l.csv", f"start,end\n{T0},noon\n", r"line 2: .*'noon' is no interval"),
        ("l.csv", f"start,end\n{T0}\n", "line 2: 1 cells, the header has 2"),
        ("l.json", "{half", "can't be read as JSON"),
        ("l.json", [1], "an object of file name and intervals"),
        ("l.json", {"m.csv": 3}, "its labels are no list"),
        ("l.json", {"m.csv": [["2023-11-14"]]}, "is no interval of two times"),
        ("l.json", {"m.csv": [7]}, "is no interval of two times"),
        ("l.json", {"m.csv": [["2023-11-14", "2022-11-14"]]}, "is no interval of two times"),
        ("l.json", {"other.csv": []}, r"has labels of 1 files \(other\.csv …\), and none of m\.csv"),
    ],
)
def test_labels_that_can_not_be_read_are_told(tmp_path, name, content, complaint):
    """A slip in the labels is no bad score."""
    path = write(tmp_path, name, content)

    with pytest.raises(SourceError, match=complaint):
        labels_in_file(path, [tmp_path / "m.csv"])


def test_a_column_that_is_not_0_marks_stretches_from_its_first_line_to_its_last(tmp_path):
    """Benchmarks keep their labels beside the readings."""
    flags = [0, 1, 1, "", 1.0, 0, 2, 2]
    wide = write(
        tmp_path, "a.csv", "time;x;fault\n" + "".join(f"{T0 + at};1;{flag}\n" for at, flag in enumerate(flags))
    )
    healthy = write(tmp_path, "b.csv", f"time,x\n{T0},1\n")
    messages = write(tmp_path, "c.ndjson", "{}\n")

    given = labels_in_column("fault", [healthy, wide, messages], Choice())

    assert given == [
        Given(T0 + 1, T0 + 2, "a", source=1),
        Given(T0 + 4, T0 + 4, "a", source=1),
        Given(T0 + 6, T0 + 7, "a", source=1),
    ]


def test_in_a_long_table_a_stretch_is_one_assets(tmp_path):
    """Two machines may fail at the same time."""
    rows = [("a", 1), ("b", 0), ("a", 1), ("b", 1), ("a", 0), ("b", 1)]
    lines = [f"{T0 + at},{asset},s,1,{flag}\n" for at, (asset, flag) in enumerate(rows)]
    path = write(tmp_path, "all.csv", "ts,asset,sensor,value,fault\n" + "".join(lines))

    assert labels_in_column("fault", [path], Choice()) == [
        Given(T0, T0 + 2, "a", source=0),
        Given(T0 + 3, T0 + 5, "b", source=0),
    ]


def test_assets_that_are_numbers_are_named_as_their_readings_are(tmp_path):
    """Parquet has numbers where CSV has text."""
    arrow = pytest.importorskip("pyarrow", reason="Parquet files need pip install 'andon[parquet]'")
    from pyarrow import parquet  # noqa: PLC0415 - an optional extra

    rows = {"ts": [T0, T0 + 1], "asset": [1001, 1001], "sensor": ["s", "s"], "value": [1, 2], "fault": [0, 1]}
    parquet.write_table(arrow.table(rows), tmp_path / "line.parquet")

    (given,) = labels_in_column("fault", [tmp_path / "line.parquet"], Choice())

    assert given.asset == "1001"


def test_a_label_column_that_no_file_has_is_told(tmp_path):
    """Messages have no columns."""
    with pytest.raises(SourceError, match="no file has a column 'fault'"):
        labels_in_column("fault", [write(tmp_path, "c.ndjson", "{}\n")], Choice())


def test_labels_are_about_what_was_recorded_and_the_others_are_counted():
    """A score of what nobody saw would be a score of nothing."""
    presences = [Presence("a", 0, 100, 200), Presence("b", 0, 100, 300), Presence("a", 1, 900, 950)]

    labels, left_out = resolved(
        [
            Given(250, 260),  # only b spoke then
            Given(150, 160),
            Given(50, 100, "a", "x"),
            Given(201, 800, "a"),  # not recorded
            Given(150, 160, "c"),  # not there
            Given(920, 930, source=1),
            Given(920, 930, source=0),  # not in that file
        ],
        presences,
    )

    assert left_out == 3
    assert labels == [
        Label(50, 100, frozenset("a"), "x"),
        Label(150, 160, frozenset("ab"), None),
        Label(250, 260, frozenset("b"), None),
        Label(920, 930, frozenset("a"), None),
    ]
