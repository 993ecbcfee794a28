"""Metrics and health."""

from __future__ import annotations

import gc
import json
import socket
import time
import urllib.error
import urllib.request
from contextlib import suppress
from http.client import HTTPException

import httpx
import pytest

from andon.access import Access, access_of, client_tls
from andon.server import CONNECTIONS_MAX, Health, Server
from andon.status import fetch
from contracts.errors import ConfigError, SourceError
from contracts.settings import Service, Settings
from dataflows.happenings import Happenings
from dataflows.standing import LaneStanding, Standing
from tests.certificates import Authority

NOW_MS = 1_000_000


@pytest.fixture
def standing():
    return Standing(2)


@pytest.fixture
def server(standing):
    health = Health(
        Settings(),
        happenings=Happenings(),
        standing=standing,
        version="1.2.3",
        settings_hash="abc",
        now_ms=lambda: NOW_MS,
    )
    with Server(health, host="127.0.0.1", port=0) as running:
        yield running


def get(server, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def work(standing, *, seen_ms=NOW_MS):
    """Both lanes do their work."""
    for number in range(2):
        name = f"readings/{number}"
        standing.lanes[f"lane-0{number}"] = LaneStanding({name: 7}, {name: 3}, caught_up=False, resumed=True)
    standing.running = True
    standing.broker_seen_ms = seen_ms


def test_metrics_are_served_from_zero(server):
    """A dashboard shows zeros, not gaps, before anything happened."""
    status, text = get(server, "/metrics")

    assert status == 200
    assert 'andon_rejects_total{reason="not_json"} 0.0' in text


def test_the_process_is_alive_before_it_is_ready(server):
    """A supervisor doesn't kill what is still starting, and no traffic is counted on it yet."""
    assert get(server, "/healthz") == (200, "alive\n")

    status, reasons = get(server, "/readyz")

    assert status == 503
    assert reasons.splitlines() == [
        "0 of 2 lanes are assigned",
        "the saved state isn't back yet",
        "no broker was seen yet",
    ]


def test_a_process_that_works_is_ready(server, standing):
    """All lanes are there, the state is back, the broker answers."""
    work(standing)

    assert get(server, "/readyz") == (200, "ready\n")


@pytest.mark.parametrize(("age_s", "status"), [(30, 200), (31, 503)])
def test_a_broker_that_is_gone_for_half_a_minute_makes_it_unready(server, standing, age_s, status):
    """Alerts can't be trusted to arrive then."""
    work(standing, seen_ms=NOW_MS - age_s * 1000)

    assert get(server, "/readyz")[0] == status


def test_status_tells_how_far_it_has_come(server, standing):
    """Positions and lag of each lane, for people and for tests."""
    work(standing)

    status = json.loads(get(server, "/status")[1])

    assert (status["version"], status["settings_hash"], status["lag_rows"], status["ready"]) == (
        "1.2.3",
        "abc",
        6,
        True,
    )
    assert status["lanes"]["lane-01"] == {
        "positions": {"readings/1": 7},
        "lag_rows": {"readings/1": 3},
        "caught_up": False,
    }
    assert status["learning"] == {"warming": 0, "learning": 0, "paused": 0}


def test_what_is_asked_often_leaves_no_garbage_in_circles(server):
    """The garbage collector comes seldom to a process that runs a flow: what waits for it looks like a leak."""
    paths = ("/status", "/metrics", "/healthz")
    for path in paths:
        get(server, path)
    gc.collect()
    gc.disable()
    try:
        for path in 10 * paths:
            get(server, path)
        left = gc.collect()
    finally:
        gc.enable()

    assert left < 100


def test_status_has_its_lists_before_anything_is_known(server):
    """Whoever reads it needn't ask whether a list is there."""
    status = json.loads(get(server, "/status")[1])

    assert [status[name] for name in ("warming", "paused", "out_of_service", "adjusted", "refused")] == [[]] * 5


def test_other_paths_say_which_there_are(server):
    """Whoever guesses is helped."""
    status, text = get(server, "/")

    assert status == 404
    assert "/metrics" in text


def test_a_question_mark_changes_nothing(server):
    """Some probes add one."""
    assert get(server, "/healthz?verbose=1")[0] == 200


def test_a_port_that_is_taken_is_told_with_the_setting():
    """Two services on one machine: the second one says what to change."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(ConfigError, match=rf"service.metrics_port: 127.0.0.1:{port} can't be listened on"):
            Server(None, host="127.0.0.1", port=port)


def test_a_host_that_is_not_there_is_told_with_the_setting():
    """A typing mistake is no traceback."""
    with pytest.raises(ConfigError, match=r"service.metrics_host: .*can't be listened on"):
        Server(None, host="no.such.host.invalid", port=0)


# ── Who may ask ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def guarded(standing, tmp_path):
    """A server with TLS and a password, and settings that know both."""
    identity = Authority(tmp_path).vouch_for("andon")
    (tmp_path / "password").write_text("metr1cs-Pa55\n")
    service = Service(
        metrics_certificate_file=str(identity.certificate),
        metrics_key_file=str(identity.key),
        metrics_user="prometheus",
        metrics_password_file=str(tmp_path / "password"),
    )
    health = Health(
        Settings(),
        happenings=Happenings(),
        standing=standing,
        version="1.2.3",
        settings_hash="abc",
        now_ms=lambda: NOW_MS,
    )
    with Server(health, host="127.0.0.1", port=0, access=access_of(service)) as running:
        yield running, service


def ask(guarded, path, *, auth=None):
    """The answer to a client that trusts the server's own certificate."""
    server, service = guarded
    with httpx.Client(verify=client_tls(service), trust_env=False) as client:
        return client.get(f"https://127.0.0.1:{server.port}{path}", auth=auth)


def test_metrics_and_status_want_the_password_and_health_does_not(guarded):
    """Prometheus has one; a supervisor needs none."""
    right = ("prometheus", "metr1cs-Pa55")

    assert [ask(guarded, path).status_code for path in ("/metrics", "/status")] == [401, 401]
    assert [ask(guarded, path, auth=right).status_code for path in ("/metrics", "/status")] == [200, 200]
    assert [ask(guarded, path).status_code for path in ("/healthz", "/readyz", "/else")] == [200, 503, 404]
    assert ask(guarded, "/metrics").headers["www-authenticate"] == 'Basic realm="andon", charset="UTF-8"'
    assert "Python" not in ask(guarded, "/healthz").headers["server"]


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic ",
        "Basic ?",
        "Basic é",
        "Bearer cHJvbWV0aGV1czptZXRyMWNzLVBhNTU=",
        "Basic cHJvbWV0aGV1czptZXRyMWNzLVBhNTY=",
        "Basic cHJvbWV0aGV1czo=",
    ],
)
def test_what_is_not_quite_the_password_opens_nothing(authorization):
    """Also what is no base64, or of another scheme."""
    access = Access(b"prometheus:metr1cs-Pa55")

    assert access.admits("Basic cHJvbWV0aGV1czptZXRyMWNzLVBhNTU=")
    assert access.admits("basic cHJvbWV0aGV1czptZXRyMWNzLVBhNTU=")
    assert not access.admits(authorization)
    assert not access.admits(None)
    assert "metr1cs" not in repr(access)


def test_andon_status_says_the_password_and_knows_the_certificate(guarded, tmp_path):
    """The settings are enough; without them the line says what is wanted, and no password of the URL."""
    server, service = guarded
    url = f"https://127.0.0.1:{server.port}"

    assert fetch(url, service)["version"] == "1.2.3"
    with pytest.raises(SourceError, match="wants a user and a password"):
        fetch(url, service.model_copy(update={"metrics_user": None}))
    with pytest.raises(SourceError, match=r"https://127\.0\.0\.1:\d+/status doesn't answer .*certificate") as told:
        fetch(f"https://prometheus:metr1cs-Pa55@127.0.0.1:{server.port}")
    assert "metr1cs" not in str(told.value)
    other = Authority(tmp_path, "other").vouch_for("other")
    with pytest.raises(SourceError, match="certificate"):
        fetch(url, service.model_copy(update={"metrics_certificate_file": str(other.certificate)}))


def test_a_client_that_speaks_no_tls_or_says_nothing_holds_nobody_up(guarded, capfd):
    """Whatever scans the network: others are answered meanwhile, and nothing is printed."""
    server, _ = guarded
    with socket.create_connection(("127.0.0.1", server.port)) as silent:
        with socket.create_connection(("127.0.0.1", server.port)) as plain:
            plain.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            with suppress(ConnectionError):
                assert b"200" not in plain.recv(1000)

        assert ask(guarded, "/healthz").status_code == 200
        silent.close()

    assert capfd.readouterr() == ("", "")


def test_more_connections_than_can_be_answered_are_closed(server):
    """Nobody takes the process its threads; who comes later is answered when others have gone."""
    held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(CONNECTIONS_MAX)]
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as one_more:
            assert one_more.recv(1) == b""
    finally:
        for connection in held:
            connection.close()

    deadline = time.monotonic() + 30
    while True:
        try:
            assert get(server, "/healthz") == (200, "alive\n")
        except (OSError, HTTPException):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            break


@pytest.mark.parametrize("fault", ["missing", "no pem", "encrypted", "another key"])
def test_a_certificate_that_can_not_be_used_is_told_by_its_files(tmp_path, fault):
    """Before anything runs, and without asking for a password at the terminal."""
    authority = Authority(tmp_path)
    identity = authority.vouch_for("andon", password="k3y-Pa55" if fault == "encrypted" else None)
    key = authority.vouch_for("other").key if fault == "another key" else identity.key
    if fault == "no pem":
        identity.certificate.write_text("certificate")
    if fault == "missing":
        identity.certificate.unlink()
    service = Service(metrics_certificate_file=str(identity.certificate), metrics_key_file=str(key))

    with pytest.raises(
        ConfigError, match=r"service\.metrics_certificate_file: .*andon\.crt and .*\.key can't be used \("
    ):
        access_of(service)
