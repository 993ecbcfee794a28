"""What the command line says of a cluster. The clusters themselves are in tests/kafka/test_cluster.py."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from andon.run import command
from contracts.errors import ConfigError

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
