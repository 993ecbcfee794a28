"""What Prometheus has kept: bounded questions, and a calm line where there is no answer. The real one: tests/kafka."""

import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from andon.console import prometheus
from andon.console.prometheus import CHARTS, PastFigures
from contracts.console import Console
from contracts.errors import ConfigError

HOUR = 3_600_000
T0 = 1_700_000_000_000


class Answering:
    """Answers every question with the same, and writes down what it was asked."""

    def __init__(self, answer, *, status=200):
        self.asked = []
        self.headers = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                parts = urlsplit(self.path)
                outer.asked.append((parts.path, {name: one for name, (one,) in parse_qs(parts.query).items()}))
                outer.headers.append(dict(self.headers))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def matrix(*values):
    """As Prometheus answers."""
    series = [{"metric": {}, "values": [[T0 / 1000 + 15 * i, value] for i, value in enumerate(values)]}]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}}).encode()


def past_of(url, **more):
    return PastFigures(Console(prometheus_url=url, **more))


def test_a_page_has_its_charts_and_what_is_no_number_is_left_out():
    """A rate of nothing is NaN, and no point on a line."""
    with Answering(matrix("1", "NaN", "2.5", "+Inf")) as there:
        document = past_of(there.url + "/")("report", T0, T0 + HOUR)

    assert document["fault"] == ""
    assert [chart["title"] for chart in document["charts"]] == [query.title for query in CHARTS["report"]]
    assert document["charts"][0]["trend"] == {
        "step_ms": 15_000,
        "start": [T0 - 15_000, T0 + 15_000],
        "low": [1.0, 2.5],
        "high": [1.0, 2.5],
        "last": [1.0, 2.5],
    }


def test_what_is_asked_is_bounded_whatever_the_time():
    """Thirty days have no more points than eight hours, and only our own job is asked for."""
    with Answering(matrix()) as there:
        past_of(there.url, prometheus_job='an"don\\')("system", T0 - 720 * HOUR, T0)

    assert len(there.asked) == len(CHARTS["system"])
    for path, asked in there.asked:
        assert path == "/api/v1/query_range"
        assert (int(asked["end"]) - int(asked["start"])) / int(asked["step"]) <= prometheus.POINTS_MAX
        assert r'{job="an\"don\\"}' in asked["query"]
        assert "$" not in asked["query"]


def test_a_token_goes_with_every_question(tmp_path):
    """It is in a file, and in no message."""
    (tmp_path / "token").write_text("s3cret\n")
    with Answering(b"{}") as there:
        document = past_of(there.url, prometheus_token_file=str(tmp_path / "token"))("report", T0, T0 + HOUR)

    assert there.headers[0]["authorization"] == "Bearer s3cret"
    assert "s3cret" not in str(document)
    with pytest.raises(ConfigError, match="prometheus_token_file"):
        past_of(there.url, prometheus_token_file=str(tmp_path / "no-token"))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "isn't Prometheus"),
        (b"<html>", "isn't Prometheus"),
        (b"[]", "isn't Prometheus"),
        (b"{}", "isn't Prometheus"),
        (b'{"status": "success", "data": {"result": [{"values": [["a", "b"]]}]}}', "isn't Prometheus"),
        (b'{"status": "error", "error": "out of memory"}', "refuses: out of memory"),
        (b" " * 5_000_000, "too much"),
    ],
)
def test_what_answers_nonsense_is_a_line_on_the_page(answer, why):
    """Whatever listens there, and however much it says."""
    with Answering(answer, status=503) as there:
        document = past_of(there.url)("report", T0, T0 + HOUR)

    assert why in document["fault"]
    assert document["charts"] == []
    assert len(there.asked) == 1


def test_one_that_is_away_is_a_line_without_its_password():
    """An address may carry one: it is for the server alone."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"

        document = past_of(f"http://reader:s3cret@{address}")("system", T0, T0 + HOUR)

    assert document["fault"].startswith(f"Prometheus at http://{address} doesn't answer (")
    assert "s3cret" not in document["fault"]


def test_one_that_hangs_is_given_up(monkeypatch):
    """The page waits no longer than that, and nor does a thread."""
    monkeypatch.setattr(prometheus, "ASK_S", 0.2)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()

        document = past_of(f"http://127.0.0.1:{mute.getsockname()[1]}")("system", T0, T0 + HOUR)

    assert "doesn't answer" in document["fault"]


def test_one_that_takes_too_long_in_all_is_given_up(monkeypatch):
    """Six slow answers are too slow, each for itself or not."""
    monkeypatch.setattr(prometheus, "ALL_S", -1.0)
    with Answering(matrix("1")) as there:
        document = past_of(there.url)("system", T0, T0 + HOUR)

    assert "takes more than" in document["fault"]


@pytest.mark.parametrize("url", ["127.0.0.1:9090", "file:///etc/passwd", "http://", "http://a?b=c"])
def test_an_address_that_is_none_is_refused_by_the_settings(url):
    """Before anything is served."""
    with pytest.raises(ValueError, match="prometheus_url"):
        Console(prometheus_url=url)
