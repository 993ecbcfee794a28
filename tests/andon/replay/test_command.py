"""`andon replay` on real recordings: the same bytes every time, whatever the lanes, the batches and the computer."""

import io
import re
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from rich.console import Console

from andon.replay.command import command
from andon.replay.spans import AlarmSpan
from andon.replay.witness import Presence
from andon.score.labels import labels_in_file, resolved
from andon.score.scoring import score
from andon.score.text import shown
from contracts.alerts import read_alert
from contracts.errors import ConfigError, SinkError

ROOT = Path(__file__).parent.parent.parent.parent
T0 = 1_700_000_000_000
SKAB_RULES = """
[[assets]]
window_s = {window_s}
[[rules]]
sensor = "Temperature"
unit = "degC"
limit = {{ h = 90, l = 80, deadband = 0.5, on_delay_s = 5 }}
[[rules]]
sensor = "Volume Flow RateRMS"
rate = {{ rise_max_per_s = 20 }}
[[rules]]
flatline = {{ after_s = 20 }}
stale = {{ after_s = 1.5 }}
"""


@pytest.fixture
def hot(tmp_path):
    """A recording of a minute in which a sensor passes its limit, and the settings that say so."""
    lines = [f"{T0 + second * 1000},{20 + (second > 30) * 60},fine" for second in range(60)]
    lines[40] = f"{T0 + 40_000},eighty,fine"
    table = tmp_path / "oven.csv"
    table.write_text("\n".join(["time,temp,remark", *lines]))
    settings = tmp_path / "andon.toml"
    settings.write_text('[[rules]]\nsensor = "temp"\nunit = "degC"\nlimit = { h = 70 }\n')
    return table, settings


def invoke(*arguments, env=None):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], env=env)


def bodies_of(result):
    assert result.exit_code == 0, result.output
    return result.stdout_bytes


def test_a_recording_gives_its_alerts_on_stdout_and_what_became_of_it_on_stderr(hot):
    """Pipes get alerts alone; people get the account."""
    table, settings = hot

    result = invoke(table, "--settings", settings)

    alerts = [read_alert(line) for line in result.stdout.splitlines()]
    assert [(alert.kind, alert.rule, alert.asset, alert.sensor, alert.ts) for alert in alerts] == [
        ("limit", "h", "oven", "temp", T0 + 31_000)
    ]
    assert result.exit_code == 0
    assert "oven.csv line 42: bad_value: temp: 'eighty' is not a number" in result.stderr
    assert "no sensors, because they hold text: remark" in result.stderr
    assert "59 readings, 1 bad; windows: 1; alarms raised: 1 limit;" in result.stderr


def test_at_a_finite_speed_the_same_alerts_come_as_they_happen(hot):
    """Watching a recording at its pace shows what the fast run prints."""
    table, settings = hot

    fast, paced = (invoke(table, "--settings", settings, "--speed", speed) for speed in ("max", "100"))

    assert bodies_of(paced) == bodies_of(fast) != b""


def test_a_recording_too_short_to_learn_from_is_told(tmp_path):
    """Who hopes for anomalies in some minutes of readings learns why there are none, and what to do."""
    table, settings = tmp_path / "oven.csv", tmp_path / "andon.toml"
    table.write_text("time,temp\n" + "".join(f"{T0 + second * 1000},{20 + second % 3}\n" for second in range(1200)))
    settings.write_text("[[assets]]\nwindow_s = 0\n")

    minutes, readings = invoke(table), invoke(table, "--settings", settings)

    assert re.search(r"too few windows for the learned detectors: oven temp \((19|20) of 150\)\. ", minutes.stderr)
    assert "windows: 1,200;" in readings.stderr
    assert "too few windows" not in readings.stderr


def test_a_recording_of_which_nothing_can_be_read_fails(tmp_path):
    """A file in a format that isn't understood is no quiet success."""
    path = tmp_path / "x.csv"
    path.write_text("time,a\nnoon,1\n")

    result = invoke(path)

    assert result.exit_code == 1
    assert "No reading could be read." in result.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--speed", "0"], "0 is not above 0"),
        (["--speed", "fast"], "neither max nor a number"),
        (["--sensor-columns", "pressure"], "there is no column 'pressure'"),
        (["--time-format", "weeks"], "'weeks' is neither one of s, ms, us, ns nor a pattern"),
    ],
)
def test_a_mistaken_option_is_a_usage_error(hot, arguments, complaint):
    """Exit code 2, and what would be right."""
    result = invoke(hot[0], *arguments)

    assert result.exit_code == 2
    assert complaint in " ".join(result.output.replace("│", " ").split())


def test_a_table_without_a_time_is_a_usage_error_before_anything_is_read(tmp_path):
    """A column of temperatures is not taken for the time."""
    path = tmp_path / "x.csv"
    path.write_text("temp,pressure\n20.5,1\n20.6,1\n")

    result = invoke(path)

    assert result.exit_code == 2
    assert "Name the column with the time by --time-column" in " ".join(result.output.replace("│", " ").split())


def test_mistakes_in_the_settings_are_told(hot):
    """The settings of a replay are checked as those of the service."""
    table, settings = hot
    settings.write_text("[service]\nlanez = 3\n")

    result = invoke(table, "--settings", settings)

    assert isinstance(result.exception, ConfigError)


def test_a_year_of_recording_is_replayed_twice_to_the_same_bytes(corpora, tmp_path):
    """A machine's temperature before its failure: nothing in the result depends on the run."""
    recording = corpora / "nab" / "data" / "realKnownCause" / "machine_temperature_system_failure.csv"
    settings = tmp_path / "andon.toml"
    settings.write_text("[[assets]]\nwindow_s = 0\n")
    arguments = [sys.executable, "-m", "andon", "replay", recording, "--settings", settings]

    runs = [subprocess.run(arguments, cwd=ROOT, capture_output=True, check=True, timeout=120) for _ in range(2)]

    assert runs[0].stdout == runs[1].stdout
    kinds = {orjson.loads(line)["kind"] for line in runs[0].stdout.splitlines()}
    assert kinds >= {"anomaly", "drift"}
    assert "22,695 readings" in runs[0].stderr.decode()


@pytest.mark.parametrize("window_s", [0, 1, 10])
def test_lanes_and_batches_change_no_byte(corpora, tmp_path, window_s):
    """Eight sensors of a pump at 1 Hz in three experiments: 1 lane or 12, batches of 100 or 10,000."""
    recordings = [corpora / "skab" / name for name in ("valve1/0.csv", "other/1.csv", "valve2/2.csv")]
    settings = tmp_path / "andon.toml"
    settings.write_text(SKAB_RULES.format(window_s=window_s))

    runs = [
        invoke(
            *recordings,
            "--settings",
            settings,
            "--ignore-columns",
            "anomaly,changepoint",
            env={"ANDON_SERVICE__LANES": lanes, "ANDON_SERVICE__POLL_MESSAGES_MAX": batch},
        )
        for lanes, batch in (("1", "10000"), ("12", "100"), ("5", "10000"), ("12", "10000"))
    ]

    assert len({bodies_of(run) for run in runs}) == 1
    alerts = [orjson.loads(line) for line in runs[0].stdout.splitlines()]
    assert {alert["kind"] for alert in alerts} >= {"limit", "stale"}
    assert "anomaly" not in {alert["sensor"] for alert in alerts}
    assert [alert["ts"] for alert in alerts] == sorted(alert["ts"] for alert in alerts)


def test_whoever_has_seen_enough_may_close_the_pipe(corpora, tmp_path):
    """`andon replay … | head -1` ends without a traceback."""
    recording = corpora / "skab" / "valve1" / "0.csv"
    settings = tmp_path / "andon.toml"
    settings.write_text(SKAB_RULES.format(window_s=0))
    replay = f"{sys.executable} -m andon replay {recording} --settings {settings} | head -1"

    run = subprocess.run(["sh", "-c", replay], cwd=ROOT, capture_output=True, check=True, timeout=120)

    assert len(run.stdout.splitlines()) == 1
    assert b"Traceback" not in run.stderr
    assert b"Broken" not in run.stderr


def test_the_same_readings_in_every_format_give_the_same_alerts(hot, tmp_path):
    """How a recording is stored decides nothing."""
    _, settings = hot
    readings = [(T0 + second * 1000, 20.0 + (second > 30) * 60) for second in range(60)]
    for name, header, line in (
        ("wide.csv", "time;temp", "{};{}"),
        ("long.csv", "ts,asset,sensor,value", "{},oven,temp,{}"),
        ("messages.ndjson", "", '{{"asset":"oven","sensor":"temp","ts":{},"value":{}}}'),
    ):
        (tmp_path / name).write_text("\n".join([header, *(line.format(ts, value) for ts, value in readings)]))

    runs = [
        invoke(tmp_path / name, "--settings", settings, "--asset", "oven")
        for name in ("wide.csv", "long.csv", "messages.ndjson")
    ]

    assert len({bodies_of(run) for run in runs}) == 1
    assert len(runs[0].stdout.splitlines()) == 1


def test_ctrl_c_ends_a_paced_replay_in_order(hot):
    """Whoever stops a replay still gets the account of what was read."""
    table, settings = hot
    arguments = [sys.executable, "-m", "andon", "replay", table, "--settings", settings, "--speed", "5"]

    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as replay:
        assert replay.stdout is not None
        first = replay.stdout.readline()
        replay.send_signal(signal.SIGINT)
        rest, remarks = replay.communicate(timeout=60)

    assert orjson.loads(first)["kind"] == "limit"
    assert rest == b""
    assert replay.returncode == 130
    assert b"alarms raised: 1 limit" in remarks
    assert b"Traceback" not in remarks


def test_a_score_says_how_well_the_alarms_told_what_happened(hot, tmp_path):
    """Settings are judged by what they tell and what they don't, not by looking at curves."""
    table, settings = hot
    labels = tmp_path / "labels.csv"
    labels.write_text(f"asset,start,end\noven,{T0 + 25_000},{T0 + 45_000}\npress,{T0},{T0 + 1}\n")

    result = invoke(table, "--settings", settings, "--labels", labels, "--score")

    (document,) = map(orjson.loads, bodies_of(result).splitlines())
    assert (document["detected"], document["labels"], document["labels_left_out"]) == (1, 1, 1)
    assert (document["precision"], document["recall"], document["f1"]) == (1.0, 1.0, 1.0)
    assert document["delay_median_s"] == 6.0
    assert document["events"][0]["by"].startswith("oven temp 80")
    assert "labels left out: 1, of other assets, or of a time that wasn't recorded" in result.stderr


def test_a_column_of_labels_is_no_sensor_and_scores(tmp_path):
    """Benchmarks keep their labels in the table."""
    table, settings = tmp_path / "oven.csv", tmp_path / "andon.toml"
    rows = [f"{T0 + at * 1000},{20 + (at == 40) * 60},{int(at in range(30, 36))}" for at in range(60)]
    table.write_text("\n".join(["time,temp,fault", *rows]))
    settings.write_text('[[rules]]\nlimit = { h = 70 }\n[[rules]]\nsensor = "fault"\nlimit = { h = 0.5 }\n')
    arguments = (table, "--settings", settings, "--label-column", "fault", "--score")

    strict, generous = (orjson.loads(bodies_of(invoke(*arguments, *more))) for more in ((), ("--tolerance", "5s")))

    assert (strict["detected"], strict["false_alarms"], strict["raises"]) == (0, 1, 1)
    assert (generous["detected"], generous["false_alarms"]) == (1, 0)


def test_a_score_on_a_terminal_is_for_people(hot, tmp_path):
    """Whoever tunes settings reads figures, and which label was missed."""
    labels = tmp_path / "labels.csv"
    labels.write_text(f"start,end\n{T0 + 25_000},{T0 + 45_000}\n{T0 + 50_000},{T0 + 55_000}\n")
    found = score(
        [AlarmSpan(T0 + 31_000, T0 + 40_000, T0, "oven", "temp", "limit", "h", "high", True, "oven is hot")],
        resolved(labels_in_file(labels, [hot[0]]), [Presence("oven", 0, T0, T0 + 59_000)])[0],
        [Presence("oven", 0, T0, T0 + 59_000)],
    )
    console = Console(width=140, record=True, file=io.StringIO())

    console.print(shown(found, tolerance_ms=60_000))

    text = console.export_text()
    for words in (
        "events detected",
        "1 of 2",
        "0.667",
        "longest 6 s",
        "of 1 raised; outside of every label, 60 s around them counted in",
        "2023-11-14 22:13:45 – 2023-11-14 22:14:05  oven  after 6 s  oven is hot",
        "missed",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--score"], "give --labels or --label-column too"),
        (["--label-column", "temp"], "Labels are for --score and --plot"),
        (["--plot", "x.html", "--to-kafka"], "there is nothing to score or plot"),
        (["--label-column", "gone", "--score"], "there is no column 'gone'"),
        (["--label-column", "remark", "--score", "--to-kafka"], "there is nothing to score or plot"),
        (["--label-column", "remark", "--score", "--tolerance", "soon"], "isn't a span of time"),
    ],
)
def test_a_score_without_what_it_needs_is_a_usage_error(hot, arguments, complaint):
    """Before a recording of years is read."""
    result = invoke(hot[0], *arguments)

    assert result.exit_code == 2
    assert complaint in " ".join(result.output.replace("│", " ").split())


def test_a_plot_is_one_page_that_shows_what_was_read_and_told(hot, tmp_path):
    """Whoever wants to know why an alarm came sees it."""
    table, settings = hot
    labels, path = tmp_path / "labels.csv", tmp_path / "oven.html"
    labels.write_text(f"start,end\n{T0 + 25_000},{T0 + 45_000}\n")

    result = invoke(table, "--settings", settings, "--labels", labels, "--plot", path)

    alerts = [orjson.loads(line) for line in bodies_of(result).splitlines()]
    document = orjson.loads(re.search(r'id="document">(.*?)</script>', path.read_text())[1])
    assert [(alarm["raised"], alarm["message"]) for alarm in document["alarms"]] == [
        (alert["ts"], alert["message"]) for alert in alerts
    ]
    assert [(chart["asset"], chart["sensor"], chart["readings"]["seen"]) for chart in document["charts"]] == [
        ("oven", "temp", 59)
    ]
    assert document["charts"][0]["windows"]["seen"] == 1
    assert document["labels"] == [{"start": T0 + 25_000, "end": T0 + 45_000, "assets": ["oven"], "sensor": None}]
    assert document["notes"] == ["andon.toml. Readings: 59; alarms: 1; labels: 1."]
    assert f"wrote {path}" in result.stderr.replace("\n", "")


def test_a_page_that_can_not_be_written_is_told(hot, tmp_path):
    """The disk is full, or the folder isn't there."""
    result = invoke(hot[0], "--plot", tmp_path / "gone" / "x.html")

    assert isinstance(result.exception, SinkError)
    assert "can't be written: No such file or directory" in str(result.exception)
