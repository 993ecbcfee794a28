"""What a running service tells Prometheus, Kubernetes and Kafka's own tools about itself."""

from __future__ import annotations

import json
import re
from itertools import product
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import ROOT
from tests.kafka.service import Service, Topics, committed, produce, reading, wait_until

T0 = 1_700_000_000_000
ASSETS, SECONDS = 8, 120
RULES = """
[[rules]]
limit = { h = 85 }
stale = false
"""


@pytest.fixture(scope="module")
def pages(kafka, module_topics, tmp_path_factory):
    """What is told before there is anything to read, and once all has been read."""
    work = Topics(module_topics)
    folder = tmp_path_factory.mktemp("metrics")
    with Service(folder, kafka, work, service="epoch_s = 0.5", rules=RULES) as service:
        service.start()
        wait_until(lambda: service.get("/readyz")[0] == 200, "ready")
        before = service.get("/metrics")[1]
        sent = produce(kafka, work.readings, plant())
        wait_until(lambda: sum(committed(kafka, work.readings).values()) == sent, "all offsets are committed")
        wait_until(lambda: json.loads(service.get("/status")[1])["lag_rows"] == 0, "no lag")
        yield SimpleNamespace(
            before=before,
            after=service.get("/metrics")[1],
            health={path: service.get(path) for path in ("/healthz", "/readyz", "/status", "/elsewhere")},
            topic=work.readings,
            sent=sent,
            committed=committed(kafka, work.readings),
        )
        assert service.stop() == 0


def plant():
    """Two minutes of some presses, the last second of which is too hot."""
    for second in range(SECONDS):
        for asset in range(ASSETS):
            yield reading(f"press-{asset}", 97.0 if second == SECONDS - 1 else 20.0 + second % 7, T0 + 1_000 * second)


def samples(page):
    """Every sample by its name and labels."""
    families = text_string_to_metric_families(page)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def documented():
    """(metric, type, listed values by label) as the page on metrics has them; gateways are processes of their own."""
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    for line in page.splitlines():
        if line.startswith("| `andon_") and not line.startswith("| `andon_gateway_"):
            name, kind, _, labels = (cell.strip() for cell in line.split("|")[1:-1])
            listed = dict(re.findall(r"`(\w+)`(?:: ([\w, ]+))?", labels))
            yield name.strip("`"), kind, {label: values.split(", ") for label, values in listed.items() if values}


def ours(name):
    """A metric of andon's own, without the moments at which counters began."""
    return name.startswith("andon_") and not name.endswith("_created")


def labelled(name, listed):
    """The keys of all samples of a metric whose labels have listed values."""
    for values in product(*listed.values()):
        yield name, frozenset(zip(listed, values, strict=True))


def test_every_documented_metric_is_served_and_every_served_one_documented(pages):
    """Dashboards are built from the page, before the plant has ever had that fault."""
    served = {family.name: family.type for family in text_string_to_metric_families(pages.after)}

    expected = {name.removesuffix("_total") if kind == "counter" else name: kind for name, kind, _ in documented()}
    of_the_process = {"process_cpu_seconds", "process_resident_memory_bytes", "process_start_time_seconds"}
    assert {name: kind for name, kind in served.items() if ours(name)} == expected
    assert of_the_process <= served.keys()


def test_every_listed_label_value_is_there_from_the_start(pages):
    """A rate over a counter that appears with its first event would miss that event."""
    keys = {name: set(labelled(name, listed)) for name, _, listed in documented() if listed}
    found = samples(pages.before)

    assert len(keys) == 12
    assert [key for of_metric in keys.values() for key in of_metric if key not in found] == []
    for name in ("alarms_active", "alerts_total", "commands_total", "readings_total", "rejects_total"):
        assert {found[key] for key in keys[f"andon_{name}"]} == {0}


def test_the_figures_are_those_of_what_happened(pages):
    """What Prometheus shows is what was sent."""
    found = samples(pages.after)

    def value(name, **labels):
        return found[name, frozenset(labels.items())]

    assert value("andon_readings_total", result="accepted") == pages.sent == ASSETS * SECONDS
    assert value("andon_alerts_total", kind="limit", priority="high", transition="raised") == ASSETS
    assert value("andon_alarms_active", kind="limit", priority="high") == ASSETS
    assert (value("andon_series"), value("andon_assets")) == (ASSETS, ASSETS)
    assert value("andon_windows_closed_total") == 2 * ASSETS  # the minutes that end 40 s and 100 s after T0
    assert value("andon_learning", state="warming") == ASSETS
    assert value("andon_event_to_alert_seconds_count") == ASSETS
    assert value("andon_event_to_alert_seconds_bucket", le="300.0") == 0
    assert (value("andon_sink_in_flight"), value("andon_sink_errors_total")) == (0, 0)
    assert {value("andon_stage_seconds_total", stage=stage) > 0 for stage in ("decode", "samples", "deliver")} == {True}
    assert min(value("andon_snapshot_bytes", step=step) for step in ("samples", "windows", "alarms")) > 0
    for partition in range(4):
        assert value("andon_consumer_lag_rows", topic=pages.topic, partition=str(partition)) == 0


def test_health_is_told_as_supervisors_ask_for_it(pages):
    """Kubernetes asks for codes, people read the rest."""
    status = json.loads(pages.health["/status"][1])

    assert {path: code for path, (code, _) in pages.health.items()} == {
        "/healthz": 200,
        "/readyz": 200,
        "/status": 200,
        "/elsewhere": 404,
    }
    assert (status["ready"], status["unready"], status["site"]) == (True, [], "test")
    assert (status["lag_rows"], status["series"], status["assets"]) == (0, ASSETS, ASSETS)
    assert status["learning"] == {"warming": ASSETS, "learning": 0, "paused": 0}
    assert all(lane["caught_up"] for lane in status["lanes"].values())


def test_the_committed_offsets_are_where_the_service_is(pages):
    """Whoever watches consumer groups sees the same lag as andon's own page."""
    lanes = json.loads(pages.health["/status"][1])["lanes"].values()
    positions = {place: offset for lane in lanes for place, offset in lane["positions"].items()}

    assert positions == {f"{pages.topic}/{partition}": offset for partition, offset in pages.committed.items()}
    assert sum(positions.values()) == pages.sent


def test_a_service_that_waits_for_its_broker_lives_and_is_not_ready(tmp_path):
    """A supervisor neither kills it nor counts on it, and whoever asks is told why."""
    work = SimpleNamespace(readings="r", alerts="a", alarms="s", commands="c", dead_letters="d")
    with Service(tmp_path, "127.0.0.1:1", work, service="broker_wait_s = 60") as service:
        service.launch(until="metrics served")

        pages = {path: service.get(path) for path in ("/healthz", "/readyz", "/status", "/metrics")}

        assert {path: code for path, (code, _) in pages.items()} == {
            "/healthz": 200,
            "/readyz": 503,
            "/status": 200,
            "/metrics": 200,
        }
        assert "no broker was seen yet" in pages["/readyz"][1].splitlines()
        assert json.loads(pages["/status"][1])["ready"] is False
        assert service.stop() == 0
