"""A page that shows a recording: whole in itself, honest, and safe whatever a name says."""

import base64
import hashlib
import re
import zlib

import numpy as np
import orjson
import pytest

from andon.plot.collector import Stream
from andon.plot.page import CHARTS_MAX, WINDOW_COLUMNS, Shown, page
from andon.plot.thinning import Thinned
from andon.replay.spans import AlarmSpan
from andon.score.labels import Label
from dataflows.chunks import CHUNK
from detectors.trace import TRACE
from tests.conftest import ROOT

T0 = 1_700_000_000_000
NASTY = '</script><script>alert("x")</script>'
UPLOT = {
    "LICENSE.txt": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}
"""Checksums (SHA-256) of the files as the npm package has them."""


def stream(asset="pump", sensor="flow", *, values=(), windows=0, rows_max=1_000):
    readings = Thinned("ts", ("value",), rows_max=rows_max)
    rows = np.zeros(len(values), CHUNK)
    rows["ts"], rows["value"] = T0 + np.arange(len(values)) * 1000, values
    readings.add(rows)
    judged = Thinned("end", ("x",), rows_max=rows_max)
    traced = np.zeros(windows, TRACE)
    traced["end"], traced["low"], traced["surprise"] = T0 + np.arange(windows) * 1000, np.nan, 0.5
    traced["z"][:, 2] = 7.0
    judged.add(traced)
    return Stream(asset, sensor, readings, judged)


def shown(streams, *, alarms=(), labels=(), ranked=frozenset(), title="pump.csv"):
    return page(Shown(title, streams, alarms, labels, frozenset(ranked), ["andon.toml"]))


def alarm(asset="pump", sensor="flow", message="hot"):
    return AlarmSpan(T0, None, T0, asset, sensor, "limit", "h", "high", True, message)


def document_of(text):
    return orjson.loads(re.search(r'<script type="application/json" id="document">(.*?)</script>', text)[1])


def columns_of(text, place, count):
    packed = re.search(r'<script type="text/plain" id="columns">(.*?)</script>', text)[1]
    numbers = np.frombuffer(zlib.decompress(base64.b64decode(packed)), "<f8")
    return [numbers[place["at"] + at * place["rows"] : place["at"] + (at + 1) * place["rows"]] for at in range(count)]


def test_a_page_holds_the_numbers_themselves():
    """What is drawn is what was read."""
    text = shown([stream("press", "force", values=[1.0]), stream(values=[1.5, 2.5, np.pi], windows=2)])

    first, second = document_of(text)["charts"]
    ts, values = columns_of(text, second["readings"], 2)
    windows = dict(zip(WINDOW_COLUMNS, columns_of(text, second["windows"], len(WINDOW_COLUMNS)), strict=True))
    assert columns_of(text, first["readings"], 2)[1].tolist() == [1.0]
    assert first["windows"]["rows"] == 0
    assert ts.tolist() == [T0, T0 + 1000, T0 + 2000]
    assert values.tolist() == [1.5, 2.5, np.pi]
    assert windows["end"].tolist() == [T0, T0 + 1000]
    assert np.isnan(windows["low"]).all()
    assert (windows["surprise"].tolist(), windows["season"].tolist()) == ([0.5, 0.5], [7.0, 7.0])


def test_a_pause_is_a_gap_and_no_line():
    """A line across a silence would tell of readings that never were."""
    one = stream(values=np.arange(10.0))
    later = np.zeros(5, CHUNK)
    later["ts"] = T0 + 1_000_000 + np.arange(5) * 1000
    one.readings.add(later)

    text = shown([one])

    ts, values = columns_of(text, document_of(text)["charts"][0]["readings"], 2)
    assert np.flatnonzero(np.isnan(values)).tolist() == [10]
    assert ts[10] == T0 + 9_001
    assert len(ts) == 16


def test_what_is_left_out_is_said():
    """A thinned curve isn't taken for all there is."""
    many = [stream(sensor=f"s{at:03}", values=[1.0, 2.0]) for at in range(CHARTS_MAX + 5)]
    many[-1] = stream(sensor="told", values=np.arange(500.0), rows_max=20)

    document = document_of(shown(many, alarms=[alarm(sensor="told")] * 2_001))

    assert len(document["charts"]) == CHARTS_MAX
    assert "told" in {chart["sensor"] for chart in document["charts"]}
    assert len(document["alarms"]) == 2_000
    thinned = many[-1].readings.interval_ms / 1000
    told = (
        f"1 of {CHARTS_MAX} charts are thinned: of each interval, at most {thinned:,.3g} s long, the first, lowest and "
        "highest values are drawn, and every window in which an alarm began."
    )
    assert document["notes"] == [
        "andon.toml",
        told,
        "5 more streams aren't drawn: replay some of them by --sensor-columns.",
        "1 later alarms aren't shown.",
    ]


def test_alarms_labels_and_ranks_are_there():
    """What a person looks for."""
    label = Label(T0, T0 + 5, frozenset({"pump", "press"}), "flow")

    document = document_of(
        shown([stream(values=[1.0])], alarms=[alarm(sensor=None)], labels=[label], ranked={("pump", "flow")})
    )

    assert document["alarms"] == [
        {
            "raised": T0,
            "cleared": None,
            "asset": "pump",
            "sensor": None,
            "kind": "limit",
            "rule": "h",
            "priority": "high",
            "message": "hot",
        }
    ]
    assert document["labels"] == [{"start": T0, "end": T0 + 5, "assets": ["press", "pump"], "sensor": "flow"}]
    assert document["charts"][0]["ranked"] is True


def test_no_name_can_break_out_of_the_page():
    """Whoever names a sensor doesn't write scripts for the engineer's browser."""
    text = shown([stream(NASTY, NASTY, values=[1.0])], alarms=[alarm(NASTY, NASTY, NASTY)], title=NASTY)

    assert NASTY not in text
    assert document_of(text)["alarms"][0]["message"] == NASTY
    assert text.count("<script") == text.count("</script>") == 4


def test_a_page_asks_no_host_for_anything_and_runs_its_own_scripts_only():
    """It can be mailed, and opened on a machine without a network."""
    text = shown([stream(values=[1.0])])

    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    scripts = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    sums = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{sums[0]}' 'sha256-{sums[1]}'"
    )
    assert not re.search(r"<(?:link|img|iframe|script src)|@import|url\(|fetch\(|XMLHttpRequest|import\(", text)


@pytest.mark.parametrize("name", UPLOT)
def test_what_was_taken_from_others_is_unchanged(name):
    """Who looks for the licence and the version of a file finds those of the file."""
    content = (ROOT / "console" / "static" / "vendor" / "uplot" / name).read_bytes()

    assert hashlib.sha256(content).hexdigest() == UPLOT[name]
