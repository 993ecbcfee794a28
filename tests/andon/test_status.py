"""`andon status`: a running service is asked how it is."""

from __future__ import annotations

import io
import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from click import UsageError
from click.testing import CliRunner
from rich.console import Console

from andon.server import Health, Server
from andon.status import address_of, command, fetch, shown
from contracts.errors import SourceError
from contracts.settings import Settings
from dataflows.happenings import Happenings, Refused
from dataflows.standing import LaneStanding, Standing
from detectors.windows import Adjusted, Paused, Warming

NOW_MS = 1_000_000


@pytest.fixture
def standing():
    return Standing(2)


@pytest.fixture
def happenings():
    return Happenings()


@pytest.fixture
def url(standing, happenings):
    health = Health(
        Settings(),
        happenings=happenings,
        standing=standing,
        version="1.2.3",
        settings_hash="abc",
        now_ms=lambda: NOW_MS,
    )
    with Server(health, host="127.0.0.1", port=0) as running:
        yield f"http://127.0.0.1:{running.port}"


def work(standing, *, seen_ms=NOW_MS):
    """Both lanes do their work; the first has messages to read."""
    for number in range(2):
        name = f"readings/{number}"
        standing.lanes[f"lane-0{number}"] = LaneStanding(
            {name: 7}, {name: 3 * (1 - number)}, caught_up=number > 0, resumed=True
        )
    standing.running = True
    standing.broker_seen_ms = seen_ms


def lines_of(document):
    """As a terminal of 100 columns shows it, without colours."""
    console = Console(file=io.StringIO(), width=100)
    console.print(shown(document))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("path", ["", "/", "/status"])
def test_a_service_that_works_is_fine(url, standing, path):
    """Exit code 0, and one JSON object for a script."""
    work(standing)

    result = CliRunner().invoke(command, ["--url", url + path])

    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert (document["ready"], document["lag_rows"], document["version"]) == (True, 3, "1.2.3")


def test_the_settings_say_where_it_is(url, standing, tmp_path):
    """On the service's own machine nothing need be given."""
    work(standing)
    file = tmp_path / "andon.toml"
    file.write_text(f"[service]\nmetrics_port = {url.rpartition(':')[2]}\n")

    result = CliRunner().invoke(command, ["--settings", str(file), "--json"])

    assert result.exit_code == 0
    assert json.loads(result.stdout)["ready"]


def test_a_service_that_is_not_ready_is_told_with_the_reasons(url, standing):
    """Exit code 1: a script that waits for it goes on waiting, a person reads why."""
    work(standing, seen_ms=NOW_MS - 45_000)

    result = CliRunner().invoke(command, ["--url", url])

    assert result.exit_code == 1
    assert json.loads(result.stdout)["unready"] == ["the broker was last seen 45 s ago"]
    assert lines_of(json.loads(result.stdout))[:2] == [
        "plant-1: not ready  andon 1.2.3",
        "  the broker was last seen 45 s ago",
    ]


def test_people_read_who_warms_is_paused_adjusted_or_refused(url, standing, happenings):
    """Everything that keeps a detector from judging as usual is on one page."""
    work(standing)
    happenings.learner_met(
        lambda: [Warming("press-1", "temp", 37, 150)],
        lambda: [Paused("press-1", "flow", True)],
        lambda: [Adjusted("press-2", None, 0.3)],
    )
    happenings.learning_changed(warming=5, learning=200, paused=1)
    happenings.capacity_met(Refused("sensors", "press-3", "g0001", 10))

    lines = lines_of(fetch(url))

    assert lines[:5] == [
        "plant-1: ready  andon 1.2.3",
        "to read   3 messages, lane-00 3",
        "lanes     2, 1 caught up",
        "watched   0 series of 0 assets",
        "learning  200 judge and learn, 5 warm up, 1 judge and don't learn",
    ]
    text = "\n".join(" ".join(line.split()) for line in lines[5:])
    assert "warming up\npress-1 temp warming 37/150 windows: 1 h 53 min of data to go\n… and 4 more" in text
    assert "not learning\npress-1 flow its alarm was called true" in text
    assert "thresholds raised by feedback, in L\npress-2 (as a whole) + 0.3" in text
    assert "refused\npress-3 press-3 has as many sensors as service.sensors_per_asset_max allows" in text


def test_what_a_name_says_stays_on_its_line():
    """A sensor's name can't paint the screen of whoever looks."""
    document = {"ready": True, "site": "plant-1", "out_of_service": [{"asset": "a\x1b[2Jb", "sensor": "[red]t"}]}

    assert "a\\x1b[2Jb [red]t" in "\n".join(lines_of(document))


def test_a_service_that_is_not_there_is_told_with_its_address():
    """One clear line, and what to look at."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"

        with pytest.raises(SourceError, match=rf"{url}/status doesn't answer \(.*refused.*\)\. Is andon running"):
            fetch(url)


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://"])
def test_an_address_that_is_none_is_told(url):
    """A typing mistake is no traceback."""
    with pytest.raises(SourceError, match="doesn't answer"):
        fetch(url)


@pytest.mark.parametrize("answer", [b"", b"hello", b"[]", b"{}", b'{"ready": "yes"}', b" " * 5_000_000])
def test_another_service_is_not_taken_for_andon(answer):
    """Whatever listens there, and however much it says."""

    class Other(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            with pytest.raises(SourceError, match="isn't andon's status"):
                fetch(f"http://127.0.0.1:{server.server_address[1]}")
        finally:
            server.shutdown()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:9464"),
        ("0.0.0.0", "http://127.0.0.1:9464"),  # noqa: S104 - nothing listens here
        ("::", "http://[::1]:9464"),
        ("plant.example", "http://plant.example:9464"),
    ],
)
def test_a_service_on_all_addresses_is_asked_at_home(host, url):
    """Listening everywhere isn't an address to connect to."""
    assert address_of(Settings.model_validate({"service": {"metrics_host": host}})) == url


def test_a_port_that_is_picked_at_the_start_must_be_given():
    """The settings can't know it."""
    with pytest.raises(UsageError, match="Give --url"):
        address_of(Settings.model_validate({"service": {"metrics_port": 0}}))
