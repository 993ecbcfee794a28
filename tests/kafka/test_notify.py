"""`andon notify` between a real Kafka and a real Alertmanager, which calls a real web hook."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from contracts.alarm_states import Hold, alarm_key, heartbeat_key
from contracts.alerts import State
from deploy.alertmanager.local import EXAMPLE, LocalAlertmanager
from deploy.debian import ProgramError, program
from tests.alarm_states import alarm_state, heartbeat
from tests.conftest import unavailable
from tests.kafka.service import WAIT_S, andon, environment, produce, wait_until

QUICK_S = 2
"""Between two repetitions, where a test waits for what happens without them. Elsewhere they are far apart, so that
nothing that a test sees is due to them."""

ASSET = "press-1"
"""What is found to be wrong with it is told of in all these tests."""

CONFIG = """
route:
  receiver: hook
  group_by: [alertname, asset, sensor, rule]
  group_wait: 50ms
  group_interval: 200ms
  repeat_interval: 1h
receivers:
  - name: hook
    webhook_configs:
      - url: http://127.0.0.1:{port}/
        send_resolved: true
"""


class Hook:
    """The web hook that a pager would be: what it was called with, in order."""

    def __init__(self) -> None:
        calls = self.calls = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                calls.extend(body["alerts"])  # last: who sees them may take it that Alertmanager has its answer

            def log_message(self, *_arguments):
                """The test's own output is enough."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self):
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def told(self, status, *, after=0, **labels):
        """The calls of this status about these labels, from the call number `after` on."""
        return [
            call for call in self.calls[after:] if call["status"] == status and labels.items() <= call["labels"].items()
        ]

    def wait(self, status, *, after=0, **labels):
        """The newest such call, as soon as there is one."""
        wait_until(lambda: self.told(status, after=after, **labels), f"{status} {labels} in {self.calls[after:]}")
        return self.told(status, after=after, **labels)[-1]


class Notify:
    """`andon notify` as a process."""

    def __init__(self, folder, settings, *urls, every_s):
        self.stderr = folder / "notify.log"
        self._command = [sys.executable, "-m", "andon", "notify", "--settings", str(settings), "--every", str(every_s)]
        self._command += [part for url in urls for part in ("--alertmanager", url)]
        self._process = None

    def start(self):
        """Start it, and wait until it has read what stands."""
        before = len(self.events("caught up"))
        with self.stderr.open("ab") as stderr:
            self._process = subprocess.Popen(self._command, env=environment(), stdin=subprocess.DEVNULL, stderr=stderr)
        wait_until(lambda: len(self.events("caught up")) > before, "caught up")

    def end(self, number):
        """Its exit code."""
        self._process.send_signal(number)
        return self._process.wait(WAIT_S)

    def close(self):
        """Leave no process behind."""
        if self._process is not None and self._process.poll() is None:
            self.end(signal.SIGKILL)

    def events(self, name):
        """What it logged under this name."""
        lines = self.stderr.read_text().splitlines() if self.stderr.exists() else []
        return [event for event in map(json.loads, lines) if event["event"] == name]


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory):
    """A real Alertmanager that calls a hook at once."""
    try:
        program("alertmanager")
    except ProgramError as error:
        unavailable(f"there is no Alertmanager: {error}")
    folder = tmp_path_factory.mktemp("alertmanager")
    hook = Hook()
    config = folder / "alertmanager.yml"
    config.write_text(CONFIG.format(port=hook.port))
    with LocalAlertmanager(folder, config) as running:
        running.hook = hook
        yield running
    hook.close()


@pytest.fixture
def every_s():
    """Between two repetitions."""
    return 600


@pytest.fixture
def hanging():
    """The URL of something that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def plant(kafka, topics, alertmanager, hanging, every_s, tmp_path):
    """A plant's alarm-state topic, a running `andon notify`, and the hook that is called in the end.

    It has a second Alertmanager, one that hangs: that must not be noticed anywhere.
    """
    topic = topics(2)
    site = topic.replace("_", "-")
    settings = tmp_path / "andon.toml"
    settings.write_text(
        f'[site]\nname = "{site}"\n[kafka]\nbootstrap_servers = "{kafka}"\nalarms = "{topic}"\n', encoding="utf-8"
    )

    def say(*states):
        """Write what stands; a state of normal is a tombstone."""
        records = []
        for state in states:
            alert = state.alert
            key = alarm_key(asset=alert.asset, sensor=alert.sensor, kind=alert.kind, rule=alert.rule)
            records.append((key.encode(), None if alert.state is State.NORMAL else state.body()))
        produce(kafka, topic, records)

    def beat(ts_ms):
        produce(kafka, topic, [(heartbeat_key(site, "host").encode(), heartbeat(site, ts=ts_ms).body())])

    def state(**changed):
        return alarm_state(asset=ASSET, site=site, onset_ts=now_ms() - 60_000, **changed)

    beat(now_ms())
    notify = Notify(tmp_path, settings, hanging, alertmanager.url, every_s=every_s)
    notify.start()
    yield SimpleNamespace(
        site=site, say=say, beat=beat, state=state, notify=notify, hook=alertmanager.hook, alertmanager=alertmanager
    )
    notify.close()


def now_ms():
    return time.time_ns() // 1_000_000


def firing(plant):
    """Labels and annotations of what Alertmanager has of the plant now."""
    with urllib.request.urlopen(f"{plant.alertmanager.url}/api/v2/alerts", timeout=10) as answer:  # noqa: S310 - our own http
        alerts = json.load(answer)
    return [alert for alert in alerts if alert["labels"]["site"] == plant.site]


def test_an_alarm_calls_when_it_is_raised_and_when_it_is_over(plant):
    """The pager says what is wrong within a second or two, and that it is over."""
    raised = plant.state()
    plant.say(raised)

    call = plant.hook.wait("firing", site=plant.site)
    assert call["labels"] == {
        "alertname": "AndonLimit",
        "site": plant.site,
        "asset": ASSET,
        "sensor": "temp",
        "kind": "limit",
        "rule": "hh",
        "priority": "critical",
    }
    assert call["annotations"]["summary"] == raised.said
    assert call["annotations"]["alert_id"] == raised.alert.alert_id

    plant.say(plant.state(state=State.NORMAL))
    plant.hook.wait("resolved", site=plant.site)
    wait_until(lambda: not firing(plant), "nothing fires")


@pytest.mark.parametrize("every_s", [QUICK_S])
def test_an_acknowledged_alarm_goes_on_firing_and_says_who_has_it(plant):
    """Acknowledged isn't over: the alert stays, with a name on it, beyond the end that it first carried."""
    plant.say(plant.state())
    plant.hook.wait("firing", site=plant.site)
    ends = datetime.fromisoformat(firing(plant)[0]["endsAt"])

    hold = Hold(by="Maria", comment="on my way", since_ts=now_ms())
    plant.say(plant.state(state=State.ACTIVE_ACKED, acknowledged=hold))
    wait_until(lambda: "Maria" in firing(plant)[0]["annotations"]["state"], "Maria is named")
    wait_until(lambda: datetime.now(UTC) > ends, "it would have ended")

    assert [alert["annotations"]["state"].split(" at ")[0] for alert in firing(plant)] == ["acknowledged by Maria"]
    assert plant.hook.told("resolved", site=plant.site) == []


def test_a_shelved_alarm_is_resolved_and_fires_again_when_the_shelf_ends(plant):
    """What the control room holds back pages nobody."""
    plant.say(plant.state())
    plant.hook.wait("firing", site=plant.site)

    shelf = Hold(by="Maria", since_ts=now_ms(), until_ts=now_ms() + 3_600_000)
    plant.say(plant.state(shelved=shelf, annunciated=False))
    plant.hook.wait("resolved", site=plant.site)
    calls = len(plant.hook.calls)
    plant.say(plant.state())

    plant.hook.wait("firing", after=calls, site=plant.site)


def test_what_ended_while_notify_was_away_is_resolved_when_it_is_back(plant):
    """A crash of `andon notify` leaves no alert behind, and calls nobody twice."""
    over, stays = plant.state(sensor="temp"), plant.state(sensor="flow")
    plant.say(over, stays)
    plant.hook.wait("firing", site=plant.site, sensor="temp")
    plant.hook.wait("firing", site=plant.site, sensor="flow")

    plant.notify.end(signal.SIGKILL)
    plant.say(replace_state(over, State.NORMAL))
    plant.notify.start()

    plant.hook.wait("resolved", site=plant.site, sensor="temp")
    assert [alert["labels"]["sensor"] for alert in firing(plant)] == ["flow"]
    assert len(plant.hook.told("firing", site=plant.site, sensor="flow")) == 1
    assert plant.hook.told("resolved", site=plant.site, sensor="flow") == []


@pytest.mark.parametrize("every_s", [QUICK_S])
def test_alerts_end_by_themselves_when_notify_is_gone_for_good(plant):
    """A dead `andon notify` doesn't leave alerts firing for ever."""
    plant.say(plant.state())
    plant.hook.wait("firing", site=plant.site)

    plant.notify.end(signal.SIGKILL)

    plant.hook.wait("resolved", site=plant.site)


def test_an_alertmanager_that_was_restarted_is_told_everything_again(plant):
    """It forgets all alerts; what stands is back in seconds, and what ended meanwhile is told as over."""
    over, stays = plant.state(sensor="temp"), plant.state(sensor="flow")
    plant.say(over, stays)
    plant.hook.wait("firing", site=plant.site, sensor="temp")
    plant.hook.wait("firing", site=plant.site, sensor="flow")
    assert {alert["labels"]["sensor"] for alert in firing(plant)} == {"temp", "flow"}  # it has noted whom it has told

    plant.alertmanager.stop()
    plant.say(replace_state(over, State.NORMAL))
    plant.say(plant.state(sensor="pressure"))
    url = plant.alertmanager.url
    wait_until(
        lambda: any(url in event["reason"] for event in plant.notify.events("alertmanager away")), "it is missed"
    )
    plant.alertmanager.start()

    plant.hook.wait("firing", site=plant.site, sensor="pressure")
    plant.hook.wait("resolved", site=plant.site, sensor="temp")
    assert {alert["labels"]["sensor"] for alert in firing(plant)} == {"flow", "pressure"}
    assert len(plant.hook.told("firing", site=plant.site, sensor="flow")) == 1
    assert sum(url in event["reason"] for event in plant.notify.events("alertmanager away")) == 1
    assert plant.notify.events("alertmanager informed")[-1]["failures_since"] > 0


def test_silence_of_the_watcher_calls_and_its_return_is_told(plant):
    """When nobody watches the plant, somebody hears of it."""
    plant.beat(now_ms() - 200_000)

    call = plant.hook.wait("firing", site=plant.site)
    assert call["labels"] == {"alertname": "AndonWatcherSilent", "priority": "critical", "site": plant.site}
    assert "no heartbeat" in call["annotations"]["summary"]

    plant.beat(now_ms())
    plant.hook.wait("resolved", site=plant.site, alertname="AndonWatcherSilent")


def test_it_ends_in_order_when_it_is_asked_to(plant):
    """A deployment doesn't wait for an Alertmanager that hangs; what was done is said, and nothing is resolved."""
    plant.say(plant.state())
    plant.hook.wait("firing", site=plant.site)

    code = plant.notify.end(signal.SIGTERM)

    assert code == 0
    assert [told["posted"] for told in plant.notify.events("stopped")[0]["told"]] == [0, 1]
    assert len(firing(plant)) == 1


def test_a_missing_topic_is_one_line_that_says_what_to_do(kafka, tmp_path):
    """A mistyped topic isn't waited for."""
    settings = tmp_path / "andon.toml"
    settings.write_text(f'[kafka]\nbootstrap_servers = "{kafka}"\nalarms = "no-such-topic"\n')

    done = andon("notify", "--settings", str(settings), "--alertmanager", "http://127.0.0.1:9")

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"andon: kafka {kafka}: no topic no-such-topic.")


def test_the_example_of_a_configuration_is_valid(alertmanager):
    """Who copies it has something that works."""
    done = subprocess.run([program("amtool"), "check-config", EXAMPLE], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 receivers" in done.stdout


def replace_state(state, changed):
    """The same alarm in another state."""
    return state.model_copy(update={"alert": replace(state.alert, state=changed)})
