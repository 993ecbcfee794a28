"""Alerts, the alarm-state topic and the report say the same: of all recordings of a pump, and of a day of a plant."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import groupby
from types import SimpleNamespace

import pytest

from andon.demo import SETTINGS_PATH
from andon.plant import DAY_MS, Plant, faults_of
from andon.table import Table
from contracts.alarm_states import alarm_key
from tests.kafka.service import Service, Topics, andon, produce, read_all

LABELS = ("anomaly", "changepoint")
SECOND_OF_PUMP = """
[[rules]]
sensor = "Temperature"
unit = "degC"
limit = { hh = 94.5, h = 79, l = 68, deadband = 0.2, on_delay_s = 3, off_delay_s = 2 }
[[rules]]
sensor = "Pressure"
unit = "bar"
limit = { h = 0.5, l = -0.5, deadband = 0.1 }
[[rules]]
sensor = "Volume*"
rate = { rise_max_per_s = 0.9 }
[[rules]]
sensor = "Thermocouple"
stale = { after_s = 1.5 }
flatline = { after_s = 15, tolerance = 0.02 }
[[assets]]
window_s = 1
"""


def pump(folder):
    """All experiments with a pump, one after another in the order of their names; each is an asset of its own."""
    for path in sorted(folder.glob("*/*.csv")):
        head, *rows = (line.split(";") for line in path.read_text(encoding="utf-8").splitlines())
        sensors = [(column, name) for column, name in enumerate(head) if name not in (*LABELS, "datetime")]
        asset = f"{path.parent.name}-{path.stem}"
        for row in rows:
            ts = round(datetime.fromisoformat(row[0]).replace(tzinfo=UTC).timestamp()) * 1000
            yield {"asset": asset, "ts": ts, "values": {name: float(row[column]) for column, name in sensors}}


def day(seed):
    """A day of the simulated plant, in which six things go wrong."""
    start_ms = round(datetime(2026, 3, 2, tzinfo=UTC).timestamp()) * 1000
    faults = faults_of(seed, start_ms=start_ms, end_ms=start_ms + DAY_MS)
    plant = Plant(seed, start_ms=start_ms, end_ms=start_ms + DAY_MS, faults=faults)
    for chunk in plant.chunks():
        pairs = [plant.names.pairs[name] for name in chunk.rows["name"].tolist()]
        rows = zip(chunk.rows["ts"].tolist(), pairs, chunk.rows["value"].tolist(), strict=True)
        for (ts, asset), scan in groupby(rows, key=lambda row: (row[0], row[1][0])):
            yield {"asset": asset, "ts": ts, "values": {sensor: value for _, (_, sensor), value in scan}}


@pytest.fixture(scope="module", params=["recordings", "simulated day"])
def watched(request, kafka, module_topics, tmp_path_factory):
    """A service has read it all by the event clock; what it has said."""
    work = Topics(module_topics)
    if request.param == "recordings":
        messages, rules = pump(request.getfixturevalue("corpora") / "skab"), SECOND_OF_PUMP
    else:
        text = SETTINGS_PATH.read_text(encoding="utf-8")
        messages, rules = day(seed=7), text[text.index("[[rules]]") :]
    service = Service(tmp_path_factory.mktemp("agreement"), kafka, work, service='clock = "event"', rules=rules)
    sent = produce(kafka, work.readings, messages)
    began = time.monotonic()
    service.catch_up()
    took_s = time.monotonic() - began
    records = read_all(kafka, work.alerts)
    table = Table()
    for record in read_all(kafka, work.alarms):
        table.take(record.key(), record.value())
    alerts = [json.loads(record.value()) for record in records]
    first, last = (datetime.fromtimestamp(edge(one["ts"] for one in alerts) / 1000, UTC) for edge in (min, max))
    done = andon(
        *("report", "--settings", str(service.settings), "--json"),
        *("--since", first.isoformat(), "--until", (last + timedelta(milliseconds=1)).isoformat()),
    )
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(
        name=request.param,
        sent=sent,
        took_s=took_s,
        records=records,
        alerts=alerts,
        table=table,
        report=json.loads(done.stdout),
    )


def name_of(alert):
    return alarm_key(asset=alert["asset"], sensor=alert["sensor"], kind=alert["kind"], rule=alert["rule"])


def test_raises_minus_returns_are_what_stands(watched):
    """Who counts alerts and who reads the topic see the same alarms; each is raised and returns by turns."""
    active = Counter()
    for alert in watched.alerts:
        active[name_of(alert)] += {"raised": 1, "cleared": -1}[alert["transition"]]
        assert active[name_of(alert)] in (0, 1), name_of(alert)

    assert (+active).keys() == watched.table.alarms.keys()
    assert watched.table.unreadable == 0
    newest = {name_of(alert): alert for alert in watched.alerts}
    assert {key: json.loads(state.alert.body()) for key, state in watched.table.alarms.items()} == {
        key: newest[key] for key in watched.table.alarms
    }


def test_every_alert_is_there_once(watched):
    """Nothing crashed, so nothing comes twice."""
    assert len({dict(record.headers())["ce_id"] for record in watched.records}) == len(watched.records)


def test_the_report_counts_what_is_on_the_topic(watched, capsys):
    """Its totals are those of the alerts; floods sum up other alarms and count nowhere."""
    report = watched.report
    alerts = [alert for alert in watched.alerts if alert["kind"] != "flood"]
    raised = Counter(alert["kind"] for alert in alerts if alert["transition"] == "raised" and alert["annunciated"])
    cleared = [alert for alert in alerts if alert["transition"] == "cleared"]
    floods = [alert for alert in watched.alerts if (alert["kind"], alert["transition"]) == ("flood", "raised")]

    with capsys.disabled():
        sys.stdout.write(
            f"\n{watched.name}: {watched.sent:,} messages read in {watched.took_s:.1f} s with start and stop; "
            f"{len(watched.alerts)} alerts: {raised.total()} annunciated raises ({dict(raised)}), {len(cleared)} "
            f"returns, {len(watched.table.alarms)} stand; {len(floods)} floods, {len(report['floods'])} by the report\n"
        )
    assert report["alerts"] == {"read": len(watched.alerts), "repeated": 0, "unreadable": 0}
    assert report["annunciated"] == raised.total()
    assert sum(report["rate"]["per_10min"]) == raised.total()
    assert report["returned"] == sum(alert["annunciated"] for alert in cleared)


def test_the_report_is_the_same_from_a_file(watched, tmp_path):
    """Who keeps alerts in files needs no broker to judge them."""
    path = tmp_path / "alerts.ndjson"
    path.write_bytes(b"".join(record.value() + b"\n" for record in watched.records))

    done = andon("report", str(path), "--json")

    assert done.returncode == 0, done.stderr
    for figure in ("annunciated", "returned", "floods", "chattering"):
        assert json.loads(done.stdout)[figure] == watched.report[figure]
