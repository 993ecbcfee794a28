"""`andon compare`: what would have been told with other settings, and an exit code that a build can use."""

import io

import orjson
import pytest
from click.testing import CliRunner
from rich.console import Console

from andon.compare.command import command
from andon.compare.matching import match
from andon.compare.text import shown
from andon.replay.spans import AlarmSpan

T0 = 1_700_000_000_000
QUIET = "anomaly = false\ndrift = false\nstale = false\n"
"""Learned detectors have nothing to say of a minute."""


@pytest.fixture
def oven(tmp_path):
    """A minute in which a sensor passes 70, and then 80; and settings by their limit."""
    table = tmp_path / "oven.csv"
    table.write_text(
        "time,temp\n" + "".join(f"{T0 + s * 1000},{20 + (s > 20) * 55 + (s > 40) * 10}\n" for s in range(60))
    )

    def settings(name, high, text=""):
        path = tmp_path / name
        path.write_text(f'[[rules]]\nsensor = "temp"\nlimit = {{ h = {high} }}\n{QUIET}{text}')
        return path

    return table, settings


def invoke(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_the_same_settings_make_no_difference(oven):
    """A build that changed nothing passes."""
    table, settings = oven

    result = invoke(settings("a.toml", 70), settings("b.toml", 71), table)

    assert (result.exit_code, result.stdout) == (0, "")
    assert "no difference: 1 alarms in both" in result.stderr


def test_what_only_one_of_them_raises_is_told_line_by_line_and_by_the_exit_code(oven):
    """A build that changed what people are told fails, and says how."""
    table, settings = oven

    result = invoke(settings("a.toml", 70), settings("b.toml", 80), table, "--tolerance", "10s")

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "- 2023-11-14 22:13:41  oven temp  limit h  oven temp 75 above H 70",
        "+ 2023-11-14 22:14:01  oven temp  limit h  oven temp 85 above H 80",
    ]
    assert "2 differences, 0 alarms in both" in result.stderr


def test_the_document_has_all_of_it(oven):
    """What machines ask for."""
    table, settings = oven

    result = invoke(settings("a.toml", 70), settings("b.toml", 100), table, "--json")

    document = orjson.loads(result.stdout)
    assert result.exit_code == 1
    assert (document["same"], document["both"], document["tolerance_ms"]) == (False, 0, 60_000)
    assert document["kinds"] == {"limit": {"only_a": 1, "both": 0, "only_b": 0}}
    assert [span["raised_ts"] for span in document["only_a"]] == [T0 + 21_000]
    assert document["asset_days"] == pytest.approx(59 / 86_400)


def test_on_a_terminal_they_stand_side_by_side():
    """A person sees what each would have told, and how often."""
    hot = AlarmSpan(T0, None, T0, "oven", "temp", "limit", "h", "high", True, "oven is hot")
    odd = hot._replace(raised_ts=T0 + 1000, kind="anomaly", rule="sensor", message="oven is odd")
    console = Console(width=120, record=True, file=io.StringIO())

    console.print(shown(match([hot], [odd], tolerance_ms=0), a="a.toml", b="b.toml", asset_days=2.0))

    lines = [line.split() for line in console.export_text().splitlines()]
    assert ["raised", "only", "a.toml", "only", "b.toml"] in lines
    assert ["2023-11-14", "22:13:20", "limit", "h:", "oven", "is", "hot"] in lines
    assert ["anomaly", "0", "0", "1", "0", "0.5"] in lines
    assert ["all", "1", "0", "1", "0.5", "0.5"] in lines


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [("settings", "[limit"), ("recording", "No reading could be read"), ("column", "no column 'gone'")],
)
def test_what_can_not_be_compared_is_no_difference(oven, tmp_path, wrong, complaint):
    """Exit code 2: a build tells a mistake from a difference."""
    table, settings = oven
    more = ()
    if wrong == "settings":
        a = settings("a.toml", 70, "[limit")
        complaint = str(a)
    else:
        a = settings("a.toml", 70)
    if wrong == "recording":
        table = tmp_path / "none.csv"
        table.write_text("time,temp\nnoon,1\n")
    if wrong == "column":
        more = ("--sensor-columns", "gone")

    result = invoke(a, settings("b.toml", 70), table, *more)

    assert result.exit_code == 2
    assert complaint in result.output
