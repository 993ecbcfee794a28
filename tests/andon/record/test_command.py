"""`andon record` before it reads anything: what can't be meant is told, and no file is touched."""

import pytest
from click.testing import CliRunner

from andon.record.command import command
from contracts.errors import SourceError

NOWHERE = {"ANDON_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9", "ANDON_SERVICE__BROKER_WAIT_S": "1"}
"""A port that nobody listens on."""


def invoke(folder, *arguments):
    settings = folder / "andon.toml"
    settings.write_text("")
    return CliRunner().invoke(command, ["--settings", str(settings), *map(str, arguments)], env=NOWHERE)


@pytest.mark.parametrize(
    ("name", "arguments", "complaint"),
    [
        ("x.csv", [], "a recording ends with .ndjson, .ndjson.zst or .parquet"),
        ("x.parquet.zst", [], "a recording ends with"),
        ("there.ndjson", [], "is there already (--force replaces it)"),
        ("x.ndjson", ["--follow", "--to", "1h"], "--follow goes on until Ctrl-C"),
        ("x.ndjson", ["--from", "1h", "--to", "2h"], "--from is not before --to"),
        ("x.ndjson", ["--from", "soon"], "nor offsets like 0/1200,1/1180"),
        ("x.ndjson", ["--topic", "a", "--topic", "b", "--from", "0/1"], "Offsets are those of one topic"),
    ],
)
def test_what_can_not_be_meant_is_a_usage_error(tmp_path, name, arguments, complaint):
    """Exit code 2, and what would be right, before a broker is asked."""
    (tmp_path / "there.ndjson").write_text("kept")

    result = invoke(tmp_path, "--out", tmp_path / name, *arguments)

    assert result.exit_code == 2
    assert complaint in " ".join(result.output.replace("│", " ").split())
    assert (tmp_path / "there.ndjson").read_text() == "kept"


def test_where_no_broker_answers_no_file_is_begun(tmp_path):
    """An empty file would be taken for a quiet plant."""
    result = invoke(tmp_path, "--out", tmp_path / "x.ndjson")

    assert isinstance(result.exception, SourceError)
    assert "no broker answered within 1 s" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["andon.toml"]
