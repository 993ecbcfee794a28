"""compose.yaml without containers: its commands, settings and files run as plain processes, and show what they should.

Kafka from Maven, Prometheus and Alertmanager from Debian. What only an engine for containers can do (images, users,
read-only file systems) is judged as text in tests/deploy/test_compose.py.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace

import pytest
import yaml
from confluent_kafka.admin import AdminClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from andon.reference.log_pages import log_events
from tests.conftest import ROOT, need_local_kafka
from tests.deploy.broker import Broker, free_port
from tests.deploy.containers import Containers, answers, services_of
from tests.deploy.dashboards import PANELS
from tests.kafka.service import environment, produce, reading, wait_until

pytestmark = pytest.mark.timeout(600)  # a dozen processes start one after another: on a busy machine that takes minutes
WAIT_S = 150
SERVICES = services_of("compose.yaml")
ALERTS = [
    rule["alert"]
    for group in yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerting.yml").read_text())["groups"]
    for rule in group["rules"]
]
QUICK = {"ANDON_SERVICE__EPOCH_S": "1"}
"""As in compose.yaml, but for saving state more often than every ten seconds."""


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Everything that `docker compose up` starts, but Grafana, in the order that it says, with something going on."""
    need_local_kafka()
    folder = tmp_path_factory.mktemp("compose")
    ports = {name: free_port() for name in ("andon", "console", "prometheus", "alertmanager")}
    here = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    with Broker(folder / "kafka", SERVICES["kafka"]["environment"]) as broker:
        replaced = {
            "kafka:9092": broker.bootstrap,
            "alertmanager:9093": here["alertmanager"],
            "127.0.0.1:9090": here["prometheus"],
            "http://andon-metrics:9464": f"http://{here['andon']}",
            "http://prometheus:9090": f"http://{here['prometheus']}",
            "scrape_interval: 15s": "scrape_interval: 1s",
            "evaluation_interval: 15s": "evaluation_interval: 1s",
            '"4d"': '"1h"',
            **_static(here["andon"]),
        }
        services = {**SERVICES, "plant": SERVICES["plant"] | {"command": _shorter(SERVICES["plant"]["command"])}}
        for name in ("prometheus", "alertmanager"):
            command = [*services[name]["command"], f"--web.listen-address={here[name]}"]
            services[name] = services[name] | {"command": command}
        with ExitStack() as opened:
            containers = opened.enter_context(Containers(folder, services, replaced))
            containers.start("alertmanager")
            containers.finish("topics")
            wait_until(
                lambda: answers(f"http://{here['alertmanager']}/-/ready"), "Alertmanager is ready", wait_s=WAIT_S
            )
            traces = collect_traces(opened)
            containers.start(
                "andon",
                ANDON_SERVICE__METRICS_PORT=str(ports["andon"]),
                ANDON_SERVICE__TRACES_ENDPOINT=traces.url,
                **QUICK,
            )
            containers.start("plant")
            containers.start("notify")
            containers.start("console", ANDON_CONSOLE__PORT=str(ports["console"]))
            containers.start("prometheus")
            wait_until(lambda: answers(f"http://{here['prometheus']}/-/ready"), "Prometheus is ready", wait_s=WAIT_S)
            yield SimpleNamespace(
                containers=containers,
                folder=folder,
                traces=traces,
                bootstrap=broker.bootstrap,
                andon=f"http://{here['andon']}",
                console=f"http://{here['console']}",
                prometheus=f"http://{here['prometheus']}",
                alertmanager=f"http://{here['alertmanager']}",
            )


@pytest.fixture(scope="module")
def busy(house):
    """The same, once Prometheus has seen andon ready and then alarms, refusals and readings of all sorts."""
    wait_until(lambda: asked(house, 'andon_ready{job="andon"} == 1'), "Prometheus sees andon ready", wait_s=WAIT_S)
    wait_until(lambda: asked(house, "andon_series >= 56"), "the plant speaks", wait_s=WAIT_S)
    before_ms = time.time_ns() // 1_000_000 - 240_000
    produce(house.bootstrap, "readings", trouble(before_ms))
    wait_until(lambda: asked(house, 'sum(andon_alerts_total{transition="raised"}) >= 8'), "alarms", wait_s=WAIT_S)
    return house


def trouble(t0_ms):
    """Four pumps run hot for a minute and cool down; some readings are doubtful, and some are none."""
    for step in range(20):
        for pump in range(4):
            hot = 2 <= step < 8
            yield reading(f"pump-9{pump}", 90.0 if hot else 50.0, t0_ms + 10_000 * step, "bearing_temp")
    for quality in ("uncertain", "bad"):
        yield reading("pump-90", 50.0, t0_ms + 210_000, "flow") | {"quality": quality}
    yield b"pump-90", b"no reading"


def collect_traces(opened):
    """A collector of OpenTelemetry: what is sent to `url` is in `spans`."""
    spans = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = ExportTraceServiceRequest.FromString(
                gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body
            )
            for resource in request.resource_spans:
                spans.extend(span for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    opened.callback(server.server_close)
    opened.callback(server.shutdown)
    return SimpleNamespace(url=f"http://127.0.0.1:{server.server_address[1]}/v1/traces", spans=spans)


def _static(address):
    """Prometheus asks its own resolver for the names of containers; here is none that knows them."""
    discovery = (
        'dns_sd_configs:\n      - names: ["andon-metrics"]\n        type: A\n        port: 9464\n'
        "        refresh_interval: 15s\n"
    )
    assert discovery in (ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text()
    return {discovery: f'static_configs:\n      - targets: ["{address}"]\n'}


def _shorter(command):
    """Four days of history are two million messages."""
    assert command[-2:] == ["--history", "4d"]
    return [*command[:-1], "1h"]


def fetched(url):
    """A JSON document."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own http
        return json.loads(answer.read())


def asked(house, query):
    """What Prometheus answers now: values that are numbers."""
    answer = fetched(f"{house.prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}")
    assert answer["status"] == "success", answer
    return [sample for sample in answer["data"]["result"] if sample["value"][1] != "NaN"]


@pytest.mark.parametrize(("page", "title", "queries"), PANELS, ids=[f"{panel.page}: {panel.title}" for panel in PANELS])
def test_every_panel_shows_something(busy, page, title, queries):
    """A dashboard that stays empty is worse than none: each query finds figures of an andon under load."""
    for query in queries:
        expression = query.replace("$__rate_interval", "10s").replace("$job", "andon")

        wait_until(lambda found=expression: bool(asked(busy, found)), f"{page}, {title}: {expression}", wait_s=60)


def test_the_panel_of_assets_has_groups_to_show(busy):
    """What Alertmanager holds is grouped by asset, and the pumps that run hot are there."""

    def assets():
        groups = fetched(f"{busy.alertmanager}/api/v2/alerts/groups")
        return {group["labels"].get("asset") for group in groups}

    produce(busy.bootstrap, "readings", hot_now())

    wait_until(lambda: "pump-95" in assets(), "the pump is a group of its own", wait_s=WAIT_S)


def hot_now():
    """A pump that has run hot until now."""
    now_ms = time.time_ns() // 1_000_000
    for step in range(6):
        yield reading("pump-95", 90.0, now_ms - 60_000 + 10_000 * step, "bearing_temp")


def test_the_operators_page_is_served_to_who_signs_in(busy):
    """With the users of the demo, whom the file beside compose.yaml names."""
    wait_until(lambda: answers(busy.console), "the console is there", wait_s=WAIT_S)

    def sign_in(password):
        request = urllib.request.Request(  # noqa: S310 - our own http
            f"{busy.console}/api/login",
            data=json.dumps({"name": "operator", "password": password}).encode(),
            headers={"Content-Type": "application/json", "Origin": busy.console},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own http
                return answer.status, answer.headers["Set-Cookie"].split(";")[0]
        except urllib.error.HTTPError as error:
            return error.code, ""

    status, cookie = sign_in("andon-demo")
    assert status == 200
    assert sign_in("wrong")[0] == 401

    def past():
        request = urllib.request.Request(f"{busy.console}/api/past?page=system&hours=8", headers={"Cookie": cookie})  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own http
            return json.load(answer)

    wait_until(lambda: past()["charts"] and past()["charts"][0]["trend"]["start"], "it shows what Prometheus has kept")


def test_all_rules_are_evaluated_and_no_alert_is_wrong(busy):
    """Prometheus takes our files as they are; a healthy andon is called neither down nor mute."""

    def rules():
        groups = fetched(f"{busy.prometheus}/api/v1/rules")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    wait_until(lambda: all(rule["health"] == "ok" for rule in rules()), "all rules are evaluated", wait_s=60)

    assert {rule["name"] for rule in rules() if rule["type"] == "alerting"} == set(ALERTS)
    firing = {rule["name"] for rule in rules() if rule.get("state") == "firing"}
    assert firing & {"AndonDown", "AndonAbsent", "AndonNotReady", "AndonRestarting", "AndonSinkErrors"} == set()


def test_the_image_is_healthy_by_its_own_health_check(busy):
    """What HEALTHCHECK runs in the container says that andon does its work, and fails where it doesn't."""
    dockerfile = (ROOT / "deploy" / "docker" / "Dockerfile").read_text()
    _, _, check = dockerfile.partition("HEALTHCHECK")
    program, *arguments = json.loads(check.partition("CMD ")[2].partition("\n")[0])
    assert program == "andon"

    def run(url):
        here = [argument.replace("http://127.0.0.1:9464", url) for argument in arguments]
        return subprocess.run(
            [sys.executable, "-m", "andon", *here], env=environment(), capture_output=True, check=False
        )

    assert run(busy.andon).returncode == 0
    assert run(f"http://127.0.0.1:{free_port()}").returncode == 1


def test_the_topics_are_there_with_the_partitions_that_are_written(busy):
    """The service `topics` has made them."""
    topics = AdminClient({"bootstrap.servers": busy.bootstrap}).list_topics(timeout=20).topics

    assert len(topics["readings"].partitions) == 12
    assert {"andon.alerts", "andon.alarms", "andon.commands", "andon.dead-letters"} <= topics.keys()


def test_traces_arrive_where_they_are_asked_for(busy):
    """An epoch is a trace, and its spans are what took time: on a quiet machine not every stage takes a millisecond."""

    def stages():
        return [span for span in list(busy.traces.spans) if span.name != "epoch"]

    def roots():
        return {span.trace_id for span in list(busy.traces.spans) if span.name == "epoch"}

    wait_until(lambda: roots() & {span.trace_id for span in stages()}, "an epoch's trace with a span", wait_s=WAIT_S)

    assert all(span.parent_span_id for span in stages())


def test_the_doctor_collects_it_all_from_what_runs(busy):
    """One file: how each process is, how far the group is in Kafka, what is saved; in one go."""
    _, variables, _ = busy.containers.command("andon")
    out = busy.folder / "report.json"
    command = [sys.executable, "-m", "andon", "doctor", "--url", busy.andon, "--out", str(out)]
    command += ["--settings", str(ROOT / "andon" / "demo.toml"), "--log", str(busy.containers.log("andon"))]

    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, f"wrote {out}: read it before you send it\n"), done.stderr
    report = json.loads(out.read_text())
    assert report["processes"][busy.andon]["status"]["ready"] is True
    assert len(report["kafka"]["partitions"]) == 12
    assert max(limits["committed"] for limits in report["kafka"]["partitions"].values()) > 0
    assert report["state"]["faults"] == []
    assert {"samples", "windows", "alarms"} <= report["state"]["steps"].keys()


def test_what_is_logged_is_on_the_page_of_log_events(busy):
    """Whoever finds a line in a log finds its meaning."""
    lines = [json.loads(line) for name in ("andon", "notify") for line in _lines(busy.containers.log(name))]

    assert {line["event"] for line in lines} >= {"started", "metrics served", "ready", "first reading"}
    assert {line["event"] for line in lines} <= {event.name for event in log_events()}


def _lines(log):
    """Of JSON; the newest may not be whole yet."""
    return [line for line in log.read_text().splitlines() if line.startswith("{") and line.endswith("}")]


def test_zz_everything_ends_in_order_when_it_is_told_to(busy):
    """`docker compose down`: exit code 0, state saved, no lock left."""
    for name in ("plant", "notify", "console", "andon", "prometheus", "alertmanager"):
        assert busy.containers.stop(name) == 0, busy.containers.log(name).read_text()[-2000:]

    account = json.loads(busy.containers.log("andon").read_text().splitlines()[-1])
    assert account["event"] == "stopped"
    assert account["readings"] > 20_000
