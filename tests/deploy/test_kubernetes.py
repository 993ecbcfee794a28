"""The Kubernetes manifests: built by Kustomize, judged by Kubernetes' own schemas, and as hard as they should be.

Custom resources (ServiceMonitor, PrometheusRule, ScaledJob) are known to no schema here: they are named, and no more is
said of them. That N processes run from these manifests is tried in tests/kafka/test_kubernetes.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess

import kubernetes_validate
import pytest
import yaml

from deploy.kubernetes import rules
from tests.deploy.manifests import FOLDER, built, command_of, only, overlay_of

pytestmark = pytest.mark.timeout(900)  # the first time, Kustomize is built
VERSIONS = ["1.30", "1.34", "1.37"]
CUSTOM = {"PrometheusRule", "ScaledJob", "ServiceMonitor"}
COMPONENTS = ["console", "kafka-password", "keda", "servicemonitor"]
ADDRESSES = "andon-0.andon:9465;andon-1.andon:9465;andon-2.andon:9465"


@pytest.fixture(scope="module")
def single():
    """The overlay of one process."""
    return built(FOLDER / "overlays" / "single")


@pytest.fixture(scope="module")
def cluster():
    """The overlay of several."""
    return built(FOLDER / "overlays" / "cluster")


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """A user's overlay with all components, and the Job that rescale.sh applies."""
    resources = built(overlay_of(tmp_path_factory.mktemp("overlay"), "cluster", *COMPONENTS, namespace="andon"))
    return [*resources, yaml.safe_load((FOLDER / "rescale" / "state-job.yaml").read_text())]


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_key(single, everything, version):
    """Strictly: a key that is misspelt, or in the wrong place, is found."""
    for resource in [*single, *everything]:
        if resource["kind"] not in CUSTOM:
            kubernetes_validate.validate(resource, version, strict=True)


def test_a_misspelt_key_is_found(single):
    """The check can fail."""
    wrong = only(single, "StatefulSet")
    wrong = wrong | {"spec": wrong["spec"] | {"replica": 3}}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_the_custom_resources_are_these(everything):
    """What no schema here judges is at least named."""
    unknown = set()
    for resource in everything:
        try:
            kubernetes_validate.validate(resource, VERSIONS[-1])
        except kubernetes_validate.SchemaNotFoundError:
            unknown.add(resource["kind"])

    assert unknown == CUSTOM


def test_no_container_is_root_or_may_write_where_it_need_not(everything):
    """By the restricted Pod Security Standard, and a read-only file system on top."""
    pods = [spec for one in everything if (spec := pod_of(one))]

    assert len(pods) == 5  # detector, notify, console, the Job, KEDA's
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["serviceAccountName"] in {"andon", "andon-rescale"}
        for container in pod["containers"]:
            hardened = container["securityContext"]
            assert hardened["allowPrivilegeEscalation"] is False
            assert hardened["readOnlyRootFilesystem"] is True
            assert hardened["capabilities"] == {"drop": ["ALL"]}
            assert {"memory"} <= container["resources"]["limits"].keys()
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys()


def pod_of(resource):
    """The pod that a resource makes, if it makes any."""
    template = resource.get("spec", {}).get("jobTargetRef", resource.get("spec", {})).get("template", {})
    return template.get("spec")


def test_the_detector_is_asked_how_it_is(single):
    """Alive and ready are different questions: a process that waits for its broker isn't killed."""
    (container,) = pod_of(only(single, "StatefulSet"))["containers"]

    paths = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}


def test_one_process_and_many_are_started_by_these_arguments(single, cluster):
    """The pod's number is its number in the cluster, and each knows all addresses."""
    run = ["run", "--settings", "/etc/andon/andon.toml"]

    assert command_of(single, pod=0) == run
    assert only(cluster, "StatefulSet")["spec"]["replicas"] == 3
    assert [command_of(cluster, pod=pod) for pod in range(3)] == [
        [*run, "--process", str(pod), "--addresses", ADDRESSES] for pod in range(3)
    ]


def test_addresses_are_known_before_anybody_is_ready(cluster):
    """Else none would ever be."""
    service = only(cluster, "Service")

    assert service["spec"]["publishNotReadyAddresses"] is True
    assert service["spec"]["clusterIP"] == "None"
    assert only(cluster, "StatefulSet")["spec"]["podManagementPolicy"] == "Parallel"
    assert {port["port"] for port in service["spec"]["ports"]} == {9464, 9465}


def test_a_rescale_never_loses_the_volume(cluster):
    """It passes through zero processes."""
    policy = only(cluster, "StatefulSet")["spec"]["persistentVolumeClaimRetentionPolicy"]

    assert policy == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_the_detector_reaches_kafka_and_nothing_else(cluster):
    """Names, Kafka, its fellows: what is taken over can't call home."""
    egress = only(cluster, "NetworkPolicy")["spec"]["egress"]

    ports = [sorted(port["port"] for port in rule["ports"]) for rule in egress]
    assert ports == [[53, 53], [9092, 9093], [9465]]
    assert all(rule["to"] for rule in egress)


def test_secrets_come_as_files(everything):
    """Variables are seen by whoever may describe a pod."""
    pods = [pod_of(one) for one in everything if one["kind"] in {"StatefulSet", "Deployment"}]
    assert len(pods) == 3
    for pod in pods:
        (container,) = pod["containers"]
        given = {one["name"]: one for one in container["env"]}

        assert given["ANDON_KAFKA__CLIENT__SASL_PASSWORD_FILE"]["value"] == "/run/secrets/kafka/password"
        assert {"name": "kafka", "mountPath": "/run/secrets/kafka", "readOnly": True} in container["volumeMounts"]
        assert next(one for one in pod["volumes"] if one["name"] == "kafka")["secret"]["secretName"] == "andon-kafka"
        assert not any("secretKeyRef" in one.get("valueFrom", {}) for one in container["env"])


def test_the_operators_rules_are_prometheus_own():
    """There is one source of rules."""
    assert rules.FILE.read_text() == rules.written()


KUBECTL = """\
#!/bin/sh
# A cluster that does what it is told, and writes it down.
echo "$*" >> "$CALLS"
case "$*" in
    *"get pods"*) cat "$PODS" ;;
    *containers*) printf 'registry.example.com/andon:1' ;;
    *volumes*) printf 'andon-settings-abc' ;;
    *dry-run*) shift 2; printf 'configmap of %s\\n' "$*" ;;
    *apply*) cat >> "$APPLIED" ;;
    *condition=complete*) exit "$JOB" ;;
esac
"""


@pytest.fixture
def rescale(tmp_path):
    """`rescale(count, job=0, pods="")` runs the script against a kubectl that plays along: (code, calls, applied)."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "kubectl").write_text(KUBECTL)
    (tools / "kubectl").chmod(0o755)
    files = {name: tmp_path / name.lower() for name in ("CALLS", "APPLIED", "PODS")}

    def run(count, *, job=0, pods=""):
        for file in files.values():
            file.write_text("")
        files["PODS"].write_text(pods)
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "JOB": str(job)}
        environment |= {name: str(path) for name, path in files.items()}
        command = ["sh", FOLDER / "rescale" / "rescale.sh", count]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        calls = [line.removeprefix("--namespace andon ") for line in files["CALLS"].read_text().splitlines()]
        return done.returncode, calls, files["APPLIED"].read_text()

    return run


def test_a_rescale_stops_looks_and_starts(rescale):
    """In this order; the Job runs the same image on the same settings."""
    code, calls, applied = rescale("3")

    assert code == 0
    assert [call.split(" --")[0] for call in calls if call.startswith(("scale", "wait", "create"))] == [
        "scale statefulset/andon",
        "wait pods",
        "wait job/andon-state",
        "create configmap andon-size",
        "scale statefulset/andon",
        "wait statefulset/andon",
    ]
    assert "scale statefulset/andon --replicas=0" in calls
    assert "scale statefulset/andon --replicas=3" in calls
    assert "image: registry.example.com/andon:1\n" in applied
    assert "name: andon-settings-abc\n" in applied
    assert f"ADDRESSES={ADDRESSES} " in applied


def test_a_state_that_is_not_whole_is_not_started_on(rescale):
    """The Job's word counts."""
    code, calls, applied = rescale("3", job=1)

    assert code == 1
    assert [call for call in calls if call.startswith("scale")] == ["scale statefulset/andon --replicas=0"]
    assert "ADDRESSES" not in applied


def test_nothing_is_started_beside_a_process_that_does_not_stop(rescale):
    """Two would write to one state."""
    code, calls, _ = rescale("2", pods="pod/andon-0\n")

    assert code == 1
    assert not any("job" in call for call in calls)


def test_zero_stops_in_order_and_starts_nothing(rescale):
    """For a node that is drained, a backup, an upgrade."""
    code, calls, applied = rescale("0")

    assert (code, applied) == (0, "")
    assert [call for call in calls if call.startswith("scale")] == ["scale statefulset/andon --replicas=0"]


@pytest.mark.parametrize("count", ["two", "-1", "1.5"])
def test_what_is_no_number_changes_nothing(rescale, count):
    """Before anything is stopped."""
    assert rescale(count)[:2] == (2, [])


@pytest.mark.parametrize("script", ["rescale.sh", "grow.sh"])
def test_the_scripts_are_plain_shell(script):
    """They run in an image with nothing but a shell and kubectl."""
    path = FOLDER / "rescale" / script
    done = subprocess.run(["sh", "-n", path], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert os.access(path, os.X_OK)
    assert shutil.which("sh")
