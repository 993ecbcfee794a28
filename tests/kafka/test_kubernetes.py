"""The Kubernetes manifests without Kubernetes: N processes from exactly their arguments, and the state between."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from contextlib import ExitStack

import pytest
import yaml

from contracts.limits import RECOVERY_PARTITIONS
from tests.conftest import ROOT
from tests.deploy.broker import free_port
from tests.deploy.containers import image_environment
from tests.deploy.manifests import FOLDER, built, command_of, only, overlay_of
from tests.kafka.service import Topics, produce, read_all, reading, wait_until

pytestmark = pytest.mark.timeout(600)  # a dozen processes start one after another: on a busy machine that takes minutes
WAIT_S = 150
T0 = 1_772_438_400_000
ASSETS = 24
SETTINGS = """
[site]
name = "test"
[[rules]]
limit = { h = 85 }
stale = false
anomaly = false
drift = false
"""
"""What a user puts in place of base/andon.toml."""


class Pods:
    """The pods of the manifests for so many processes, as plain processes. A context manager."""

    def __init__(self, folder, resources, variables):
        (self.folder, self.resources, self.variables) = (folder, resources, variables)
        self.count = only(resources, "StatefulSet")["spec"]["replicas"]
        self.processes = []
        etc = folder / "etc"
        etc.mkdir(parents=True, exist_ok=True)
        (settings,) = [
            one["data"]["andon.toml"]
            for one in resources
            if one["kind"] == "ConfigMap" and one["metadata"]["name"].startswith("andon-settings-")
        ]
        (etc / "andon.toml").write_text(settings)

    def start(self):
        """All at once, and wait until Kubernetes would call them ready."""
        here = {f"andon-{pod}.andon:9465": f"127.0.0.1:{free_port()}" for pod in range(self.count)}
        for pod in range(self.count):
            arguments = self.here(command_of(self.resources, pod=pod), **here)
            with self.log(pod).open("wb") as log:
                command = [sys.executable, "-m", "andon", *arguments]
                self.processes.append(subprocess.Popen(command, env=self.environment(pod), stderr=log))
        for pod in range(self.count):
            wait_until(lambda pod=pod: self.ready(pod), f"pod {pod} is ready", wait_s=WAIT_S)

    def here(self, arguments, **replaced):
        """Paths and names of the pod as they are here."""
        replaced |= {"/etc/andon": str(self.folder / "etc")}
        pattern = "|".join(map(re.escape, replaced))
        return [re.sub(pattern, lambda found: replaced[found[0]], argument) for argument in arguments]

    def environment(self, pod):
        """Of the image, the manifest and the test; only the first pod's volume is kept."""
        volume = self.folder / ("state-andon-0" if pod == 0 else f"state-andon-{pod}-of-{self.count}")
        image = {name: value.replace("/var/lib/andon", str(volume)) for name, value in image_environment().items()}
        return {**os.environ, **image, **self.variables, "PYTHONPATH": str(ROOT)}

    def log(self, pod):
        """What the pod writes."""
        return self.folder / f"andon-{pod}-of-{self.count}.log"

    def ready(self, pod):
        """Ask as the manifest's probe does."""
        assert self.processes[pod].poll() is None, self.log(pod).read_text()
        served = re.search(r'"port": (\d+).*"event": "metrics served"', self.log(pod).read_text())
        if served is None:
            return False
        (container,) = only(self.resources, "StatefulSet")["spec"]["template"]["spec"]["containers"]
        path = container["readinessProbe"]["httpGet"]["path"]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{served[1]}{path}", timeout=10) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self):
        """SIGTERM to all, as `kubectl scale --replicas=0` does; their exit codes."""
        for process in self.processes:
            process.terminate()
        return [process.wait(WAIT_S) for process in self.processes]

    def check_state(self):
        """What the Job of a rescale runs, and what it says."""
        job = yaml.safe_load((FOLDER / "rescale" / "state-job.yaml").read_text())
        pod = job["spec"]["template"]["spec"]
        assert pod["volumes"][1]["persistentVolumeClaim"]["claimName"] == "state-andon-0"
        arguments = self.here(pod["containers"][0]["args"])
        command = [sys.executable, "-m", "andon", *arguments]
        done = subprocess.run(command, env=self.environment(0), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()


@pytest.fixture
def pods_of(tmp_path, kafka, topics):
    """`pods_of(n)`: the pods of a user's overlay of the cluster with n processes; the topics they work on."""
    work = Topics(topics, partitions=12)
    variables = {
        "ANDON_KAFKA__BOOTSTRAP_SERVERS": kafka,
        "ANDON_KAFKA__READINGS": work.readings,
        "ANDON_KAFKA__ALERTS": work.alerts,
        "ANDON_KAFKA__ALARMS": work.alarms,
        "ANDON_KAFKA__COMMANDS": work.commands,
        "ANDON_KAFKA__DEAD_LETTERS": work.dead_letters,
        "ANDON_SERVICE__METRICS_PORT": "0",
        "ANDON_SERVICE__METRICS_HOST": "127.0.0.1",
    }
    with ExitStack() as opened:

        def make(count):
            addresses = ";".join(f"andon-{pod}.andon:9465" for pod in range(count))
            folder = tmp_path / f"overlay-{count}"
            folder.mkdir()
            (folder / "andon.toml").write_text(SETTINGS)
            overlay = overlay_of(
                folder,
                "cluster",
                replicas=[{"name": "andon", "count": count}],
                configMapGenerator=[
                    {"name": "andon-size", "behavior": "merge", "literals": [f"ADDRESSES={addresses}"]},
                    {"name": "andon-settings", "behavior": "replace", "files": ["andon.toml"]},
                ],
            )
            return opened.enter_context(Pods(tmp_path, built(overlay), variables))

        yield make, kafka, work


def test_a_rescale_goes_on_where_it_stopped(pods_of):
    """Two processes, then three, then one: each alarm is raised once, and cleared by whoever has it then."""
    make, kafka, work = pods_of
    told = []

    for count, (start_s, value, assets) in {
        2: (0, 95, ASSETS),
        3: (100, 20, ASSETS // 2),
        1: (200, 20, ASSETS),
    }.items():
        pods = make(count)
        pods.start()
        produce(kafka, work.readings, [reading(f"press-{at}", value, T0 + 1_000 * start_s) for at in range(assets)])
        expected = {2: ASSETS, 3: ASSETS + ASSETS // 2, 1: 2 * ASSETS}[count]
        wait_until(lambda at_least=expected: len(alerts(kafka, work)) >= at_least, f"{expected} alerts", wait_s=WAIT_S)
        assert pods.stop() == [0] * count, [pods.log(pod).read_text()[-1000:] for pod in range(count)]
        state = pods.check_state()
        told.append((state["partitions"], state["in_use"], state["faults"]))

    assert told == [(RECOVERY_PARTITIONS, False, [])] * 3
    assert sorted(alerts(kafka, work)) == sorted(
        (transition, f"press-{at}") for at in range(ASSETS) for transition in ("raised", "cleared")
    )


def alerts(kafka, work):
    """(transition, asset) of all alerts about assets."""
    bodies = [json.loads(message.value()) for message in read_all(kafka, work.alerts)]
    return [(body["transition"], body["asset"]) for body in bodies if body["kind"] == "limit"]
