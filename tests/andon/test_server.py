"""Metrics and health."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request

import pytest

from andon.server import Health, Server
from contracts.errors import ConfigError
from contracts.settings import Settings
from dataflows.happenings import Happenings
from dataflows.standing import LaneStanding, Standing

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
