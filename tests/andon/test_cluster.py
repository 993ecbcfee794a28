"""What the command line says of a cluster. The clusters themselves are in tests/kafka/test_cluster.py."""

from __future__ import annotations

import threading

import pytest
from click.testing import CliRunner

from andon.cluster import Place, not_left_waiting
from andon.run import command
from contracts.errors import ConfigError
from dataflows.cluster import Share

SETTINGS = """
[service]
lanes = 4
state_dir = "{state_dir}"
metrics_port = 65535
"""


@pytest.fixture
def file(tmp_path):
    """Settings."""
    path = tmp_path / "andon.toml"
    path.write_text(SETTINGS.format(state_dir=tmp_path / "state"), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--processes", "5"), "service.lanes is 4: more processes than that have nothing to read"),
        (("--process", "0", "--addresses", "a:1;b:1;c:1;d:1;e:1"), "service.lanes is 4"),
        (("--process", "0"), "--process and --addresses belong together"),
        (("--addresses", "a:1;b:2"), "--process and --addresses belong together"),
        (("--process", "2", "--addresses", "a:1;b:2"), "--process 2: with 2 addresses there are 0 to 1"),
        (("--process", "0", "--addresses", "a:1;b"), "'b' isn't host:port"),
        (("--process", "0", "--addresses", "a:1;a:1"), "two processes can't listen at the same address"),
        (("--processes", "2", "--process", "0"), "--processes starts processes on this machine"),
    ],
)
def test_what_cannot_be_a_cluster_is_refused_at_once(file, tmp_path, options, told):
    """A typing mistake costs no start, and leaves no state directory."""
    done = CliRunner().invoke(command, ["--settings", str(file), *options])

    assert done.exit_code == 2
    assert told in " ".join(done.output.split())
    assert not (tmp_path / "state").exists()


def test_every_process_needs_a_port(file):
    """They serve their metrics one beside the other."""
    done = CliRunner().invoke(command, ["--settings", str(file), "--processes", "2"])

    assert isinstance(done.exception, ConfigError)
    assert "service.metrics_port: 65535: 2 processes need as many ports" in str(done.exception)


TWO = Place(Share(0, 2), ("a:1", "b:1"))


def test_a_flow_that_stands_still_is_ended():
    """A silent process closes no connection: without a watch the others would wait for it for ever."""
    ended, seconds = threading.Event(), []

    with not_left_waiting(
        TWO, wait_s=0.1, asked=lambda: 7, end=lambda s: (seconds.append(s), ended.set()), look_s=0.02
    ):
        assert ended.wait(60)

    assert [second > 0.1 for second in seconds] == [True]
    assert "cluster" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(
    ("place", "counts"), [(TWO, range(1, 1_000_000)), (TWO, [0] * 1_000_000), (Place(Share(0, 1)), [7] * 1_000_000)]
)
def test_who_moves_or_has_not_begun_or_is_alone_is_left_alone(place, counts):
    """A cluster that isn't formed yet has another watch, and a process alone waits for nobody."""
    count, looked, looks, ends = iter(counts), threading.Event(), [], []

    def asked():
        looks.append(next(count))
        if len(looks) > 10:
            looked.set()
        return looks[-1]

    with not_left_waiting(place, wait_s=0, asked=asked, end=ends.append, look_s=0.01):
        if place.in_cluster:
            assert looked.wait(60)

    assert ends == []
