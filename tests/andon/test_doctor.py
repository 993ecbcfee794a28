"""`andon doctor`: what a bug report needs is in it, and what nobody may know isn't."""

from __future__ import annotations

import json
import stat
from functools import partial
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from confluent_kafka import KafkaError, KafkaException

from andon.doctor import REMOVED, _committed, _tried, command
from andon.state import open_state
from contracts.limits import RECOVERY_PARTITIONS
from contracts.settings import Settings
from dataflows.offsets import Partition

SECRETS = ("hunter2-of-kafka", "correct-horse", "-----BEGIN PRIVATE KEY-----", "a-password-in-an-address")
TOML = """
[kafka]
bootstrap_servers = "127.0.0.1:1"
[kafka.client]
"security.protocol" = "SASL_SSL"
"sasl.mechanism" = "SCRAM-SHA-512"
"sasl.username" = "andon"
"sasl.password" = "hunter2-of-kafka"
"ssl.key.pem" = "-----BEGIN PRIVATE KEY-----"
"ssl.ca.location" = "/etc/andon/ca.pem"
[service]
state_dir = "{state}"
metrics_port = 0
"""


@pytest.fixture
def report(tmp_path, monkeypatch):
    """`report(*options)`: what is written, as text and as a document."""
    with open_state(tmp_path / "state", Settings()):
        pass
    settings = tmp_path / "andon.toml"
    settings.write_text(TOML.format(state=tmp_path / "state"))
    monkeypatch.setenv("ANDON_ALERTMANAGER_TOKEN", "correct-horse")

    def make(*options):
        out = tmp_path / "report.json"
        done = CliRunner().invoke(command, ["--settings", str(settings), "--out", str(out), *options])
        text = out.read_text() if out.exists() else "{}"
        return SimpleNamespace(done=done, text=text, document=json.loads(text), path=out)

    return make


def test_what_a_bug_report_needs_is_in_it(report):
    """Versions, machine, settings, state; and why the rest couldn't be had."""
    made = report()

    assert made.done.exit_code == 0, made.done.output
    assert {"andon", "python", "platform", "settings", "state", "kafka", "variables"} <= made.document.keys()
    assert {"bytewax", "confluent-kafka", "numba"} <= made.document["packages"].keys()
    assert made.document["state"]["partitions"] == RECOVERY_PARTITIONS
    assert "ssl.ca.location" in made.document["kafka"]["unknown"]
    assert "not to be had: kafka" in made.done.output


def test_a_group_that_may_not_be_asked_keeps_nothing_else_away():
    """Rights for the group are often missing, and andon runs without; what the broker says of topics is there."""

    class Refusing:
        def committed(self, asked, timeout):
            assert timeout > 0
            assert [(one.topic, one.partition) for one in asked] == [("readings", 3)]
            raise KafkaException(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED))

    told = _tried(partial(_committed, Refusing(), [Partition("readings", 3)]))

    assert list(told) == ["unknown"]
    assert "Group authorization failed" in told["unknown"]


def test_secrets_are_removed_wherever_they_stand(report, tmp_path):
    """In the settings, in the environment, in lines of the log, in addresses."""
    log = tmp_path / "andon.log"
    event = {"event": "source failed", "level": "warning", "detail": "hunter2-of-kafka is wrong"}
    log.write_text(f"{json.dumps(event)}\nhttps://user:a-password-in-an-address@am.example.com and correct-horse\n")

    made = report("--log", str(log))

    assert [secret for secret in SECRETS if secret in made.text] == []
    client = made.document["settings"]["kafka"]["client"]
    assert client["sasl.password"] == client["ssl.key.pem"] == REMOVED
    assert (client["security.protocol"], client["ssl.ca.location"]) == ("SASL_SSL", "/etc/andon/ca.pem")
    assert "ANDON_ALERTMANAGER_TOKEN" in made.document["variables"]
    assert made.document["log"]["recent"][0]["detail"] == f"{REMOVED} is wrong"


def test_settings_that_cannot_be_read_keep_nothing_else_away(report, tmp_path):
    """The report is wanted most where something is wrong."""
    (tmp_path / "andon.toml").write_text("[kafka\n")

    made = report()

    assert made.done.exit_code == 0
    assert "andon.toml" in made.document["settings"]["unknown"]
    assert made.document["packages"]


def test_the_file_is_its_makers_alone_and_no_other_is_replaced(report):
    """It isn't overwritten without being asked to."""
    first = report()

    assert stat.S_IMODE(first.path.stat().st_mode) == 0o600
    assert report().done.exit_code == 2
    assert report("--force").done.exit_code == 0
