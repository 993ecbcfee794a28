"""The proxy does to connections what it says, so that what survives it has survived that."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, suppress

import pytest

from tests.crash.proxy import Proxy


@pytest.fixture
def echo():
    """The port of a server that says everything again."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=repeat, args=(connection,), daemon=True).start()

    def repeat(connection):
        with connection:
            while said := connection.recv(65536):
                connection.sendall(said)

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.fixture
def proxy(echo):
    """A proxy before that server."""
    with Proxy() as proxy:
        proxy.target_port = echo
        yield proxy


def connect(proxy):
    connection = socket.create_connection(("127.0.0.1", proxy.port), 10)
    connection.settimeout(10)
    return connection


def said_again(connection, text):
    connection.sendall(text)
    found = b""
    while len(found) < len(text):
        found += connection.recv(65536)
    return found == text


def test_what_is_sent_comes_back_whole(proxy):
    """Without a fault nothing changes on the way, however large it is."""
    with connect(proxy) as connection:
        assert said_again(connection, b"hello")
        assert said_again(connection, bytes(range(256)) * 4_000)
        assert proxy.connections == 1


def test_a_delay_holds_in_both_directions_and_keeps_the_order(proxy):
    """A slow line is slow for questions and answers; nothing overtakes, also when it becomes fast again."""
    with connect(proxy) as connection:
        proxy.delay_s = 0.2
        began = time.monotonic()
        connection.sendall(b"first")
        time.sleep(0.02)
        proxy.delay_s = 0.0

        connection.sendall(b"second")
        found = b""
        while len(found) < len(b"firstsecond"):
            found += connection.recv(100)

        assert found == b"firstsecond"
        assert time.monotonic() - began >= 0.2


def test_cut_connections_are_reset_and_new_ones_work(proxy):
    """Both sides learn of it at once."""
    with connect(proxy) as connection:
        assert said_again(connection, b"hello")

        assert proxy.cut() == 1

        with suppress(ConnectionResetError):
            assert connection.recv(10) == b""
    with connect(proxy) as again:
        assert said_again(again, b"hello")


def test_half_open_connections_are_silent_and_new_ones_work(proxy):
    """Nobody is told: only who counts the seconds learns of it."""
    with connect(proxy) as connection:
        assert said_again(connection, b"hello")

        assert proxy.half_open() == 1

        connection.sendall(b"lost")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(10)
        with connect(proxy) as again:
            assert said_again(again, b"hello")


def test_a_server_that_is_not_there_is_a_closed_connection():
    """As a host says whose service is down."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with Proxy() as proxy:
        proxy.target_port = port
        with connect(proxy) as connection:
            assert connection.recv(10) == b""


def test_a_proxy_that_ends_while_it_connects_leaves_its_client_to_nobody():
    """A connection that was still being forwarded is closed then: not by whoever collects garbage next."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as busy, ExitStack() as opened:
        port = busy.getsockname()[1]
        for _ in range(4):  # nobody accepts them, so that the next one waits
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        with Proxy() as proxy:
            proxy.target_port = port
            connection = opened.enter_context(connect(proxy))
            assert [proxy.connections for _ in range(20)] == [0] * 20  # twenty turns of its loop: it is connecting

        with suppress(ConnectionResetError):
            assert connection.recv(10) == b""
