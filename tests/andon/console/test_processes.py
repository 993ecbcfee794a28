"""All processes of the service are asked how they are, however they are found."""

import json
import socket
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from andon.console.processes import told_by_processes
from contracts.console import Console
from contracts.settings import Service, Settings


@pytest.fixture
def processes():
    """`processes(3)`: so many on ports that follow each other; gives the first port."""
    with ExitStack() as stack:

        def start(count, *, away=()):
            servers = _listening(count)
            for number, server in enumerate(servers):
                stack.callback(server.server_close)
                if number in away:
                    server.server_close()
                    continue
                server.status = {"ready": True, "process": number, "processes": count}
                Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
                stack.callback(server.shutdown)
            return servers[0].server_address[1]

        yield start


class _Status(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(self.server.status).encode())

    def log_message(self, *_):
        """Say nothing."""


def _listening(count):
    """Servers on ports in a row: where one of them is taken, elsewhere."""
    for _ in range(50):
        servers = []
        try:
            for _number in range(count):
                port = servers[-1].server_address[1] + 1 if servers else 0
                servers.append(ThreadingHTTPServer(("127.0.0.1", port), _Status))
        except (OSError, OverflowError):
            for server in servers:
                server.server_close()
        else:
            return servers
    raise AssertionError("no ports in a row")


def settings_of(**console):
    """Settings of a console that asks there."""
    return Settings(service=Service(metrics_port=console.pop("port", 9464)), console=Console(**console))


def told(settings):
    """(process, port) of those that answer; the fault of those that don't."""
    return [
        (one["process"], int(one["address"].split(":")[1])) if "fault" not in one else one["fault"]
        for one in told_by_processes(settings)
    ]


def test_the_fellows_of_a_process_are_found_on_the_ports_after_its_own(processes):
    """As `andon run --processes 3` gives them out: nothing has to be set."""
    port = processes(3)

    assert told(settings_of(port=port)) == [(0, port), (1, port + 1), (2, port + 2)]


def test_a_fellow_that_is_away_is_told(processes):
    """Two of three aren't shown as all."""
    port = processes(3, away={1})

    first, second, third = told(settings_of(port=port))

    assert (first, third) == ((0, port), (2, port + 2))
    assert f"127.0.0.1:{port + 1}/status doesn't answer" in second


def test_each_of_a_list_is_asked_and_no_other(processes):
    """On many machines each has an address of its own; one that is named twice is shown once."""
    port = processes(2)
    urls = tuple(f"http://{host}:{number}" for number in (port + 1, port) for host in ("127.0.0.1", "localhost"))

    assert sorted(told(settings_of(status_urls=urls))) == [(0, port), (1, port + 1)]
    assert told(settings_of(status_urls=urls[:1])) == [(1, port + 1)]


def test_a_name_with_several_addresses_is_asked_at_each(processes, monkeypatch):
    """As of a headless Service: whoever is added there is seen."""
    port = processes(1)
    known = socket.getaddrinfo

    def resolved(host, *more, **options):
        if host != "andon":
            return known(host, *more, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("127.0.0.1", "127.0.0.3")]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)

    first, second = told_by_processes(settings_of(status_urls=(f"http://user:secret@andon:{port}",)))

    assert (first["process"], first["address"]) == (0, f"127.0.0.1:{port}")
    assert second["address"] == f"127.0.0.3:{port}"
    assert "secret" not in str((first, second))


@pytest.mark.parametrize("port", [0, False])
def test_without_an_address_it_is_said_what_is_missing(port):
    """A port that is picked anew at each start is known to nobody."""
    (one,) = told_by_processes(settings_of(port=port))

    assert "service.metrics_port" in one["fault"]


@pytest.mark.parametrize("url", ["nonsense", "http://", "http://127.0.0.1:no"])
def test_an_address_that_is_none_is_told(url):
    """A typing mistake is a line on the page."""
    (one,) = told_by_processes(settings_of(status_urls=(url,)))

    assert "doesn't answer" in one["fault"]
