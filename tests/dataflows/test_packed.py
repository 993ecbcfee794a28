"""Recordings that are packed with Zstandard are read as if they weren't."""

import sys
from pathlib import Path

import pyarrow as pa
import pytest

from contracts.errors import SourceError
from contracts.settings import Settings
from dataflows.files import Files
from dataflows.packed import inner_suffix, stem_of
from dataflows.sheets import Choice

T0 = 1_700_000_000_000


def packed(text):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(text.encode())
    return sink.getvalue().to_pybytes()


def messages(count):
    return "".join(f'{{"asset":"pump","sensor":"flow","ts":{T0 + at},"value":{at}}}\n' for at in range(count))


def read(path):
    files = Files([path], Settings(), Choice())
    values = [float(value) for chunk in files.chunks() for value in chunk.rows["value"]]
    return values, files


def test_packed_messages_are_read_also_where_files_were_put_together(tmp_path):
    """`cat a.zst b.zst` gives a file of both."""
    path = tmp_path / "line.ndjson.zst"
    path.write_bytes(packed(messages(10_000)) + packed(messages(3)))

    values, files = read(path)

    assert values == [*map(float, range(10_000)), 0.0, 1.0, 2.0]
    assert files.position == files.bytes_total == path.stat().st_size


def test_a_packed_table_names_its_asset_by_the_file_without_its_suffixes(tmp_path):
    """A table may be packed too."""
    path = tmp_path / "oven.csv.zst"
    path.write_bytes(packed(f"time,temp\n{T0},1\n{T0 + 1},2\n"))

    values, files = read(path)

    assert values == [1.0, 2.0]
    assert files.names.pairs == [("oven", "temp")]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("line.ndjson.zst", packed(messages(200_000))[:-2000], r"can't be read after line \d+: "),
        ("line.ndjson.zst", b"not packed at all", "can't be read after line 0: "),
        ("oven.csv.zst", b"not packed at all", "can't be read: "),
        ("oven.csv.zst", packed("time,temp\n" + f"{T0},1.5\n" * 500_000)[:-20], r"can't be read after line \d+: "),
    ],
)
def test_a_packed_file_that_was_cut_or_is_none_is_told(tmp_path, name, content, complaint):
    """Half a recording is not taken for a whole one."""
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(SourceError, match=complaint):
        read(path)


def test_without_the_library_it_is_said_what_to_install(tmp_path, monkeypatch):
    """Zstandard is an extra; plain files need none."""
    path = tmp_path / "line.ndjson.zst"
    path.write_bytes(packed(messages(1)))
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(SourceError, match=r"pip install 'andon\[zstd\]'"):
        read(path)


@pytest.mark.parametrize(
    ("name", "suffix", "stem"),
    [("a.b.ndjson.ZST", ".ndjson", "a.b"), ("a.b.CSV", ".csv", "a.b"), ("a", "", "a"), ("a.zst", "", "a")],
)
def test_what_a_file_is_stands_before_its_packing(name, suffix, stem):
    """Names are read as people write them."""
    assert (inner_suffix(Path(name)), stem_of(Path(name))) == (suffix, stem)
