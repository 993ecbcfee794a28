"""No secret is in anything that andon writes or says: all of it is searched, as it is and as it may be written."""

from __future__ import annotations

import base64
import json
import urllib.parse

import httpx
import pytest

from contracts.settings import Commands, Kafka, Settings
from tests.conftest import new_topics
from tests.kafka.secured import KEY_PASSWORD, PASSWORD, rights, toml_of
from tests.kafka.service import RULES, WAIT_S, Service, Topics, andon, produce, read_all, reading, wait_until
from tests.kafka.test_secured import T0, settings_of

METRICS_PASSWORD = "metr1cs-Pa55 word"
COMMAND_KEY = "5eed" * 16
SECRETS = (PASSWORD, KEY_PASSWORD, METRICS_PASSWORD, COMMAND_KEY)


def _forms(secret):
    """How a secret might be written somewhere."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    yield base64.b64encode(raw).rstrip(b"=")[:-1]
    yield urllib.parse.quote(secret).encode()
    yield json.dumps(secret).encode()
    if secret == COMMAND_KEY:
        yield bytes.fromhex(secret)
        yield base64.b64encode(bytes.fromhex(secret)).rstrip(b"=")[:-1]


def _shown(text):
    """The secrets that a text has, in whatever form."""
    content = text if isinstance(text, bytes) else text.encode()
    return [secret for secret in SECRETS if any(form in content for form in _forms(secret))]


def test_the_search_finds_what_it_looks_for():
    """It isn't kept by looking for nothing."""
    assert _shown(f"Basic {base64.b64encode(PASSWORD.encode()).decode()}") == [PASSWORD]
    assert _shown(b"\x00" + bytes.fromhex(COMMAND_KEY) + b"\x00") == [COMMAND_KEY]


@pytest.mark.parametrize("door", ["scram", "mtls"])
def test_no_secret_is_in_what_andon_writes_or_says(secured_kafka, tmp_path, request, door, monkeypatch):
    """Logs, metrics, status, topics, the state directory, what `check` prints, and what goes wrong."""
    broker, plain = secured_kafka.broker, secured_kafka.broker.bootstrap
    (tmp_path / "metrics-password").write_text(METRICS_PASSWORD)
    (tmp_path / "keys").write_text(f"maria {COMMAND_KEY}\n")
    client = {"scram": secured_kafka.scram, "mtls": secured_kafka.mtls}[door]()
    if door == "mtls":  # one from a file, the other from the environment
        del client["ssl.key.password_file"]
        monkeypatch.setenv("ANDON_KAFKA__CLIENT__SSL_KEY_PASSWORD", KEY_PASSWORD)
    guarded = f'metrics_user = "prometheus"\nmetrics_password_file = "{tmp_path}/metrics-password"\nepoch_s = 0.5'
    signed = f'[commands]\naccept = "signed"\nkeys_file = "{tmp_path}/keys"\n'
    rules = f"{toml_of(client)}{signed}{RULES}stale = false"
    bootstrap = {"scram": broker.scram_bootstrap, "mtls": broker.mtls_bootstrap}[door]
    with new_topics(plain, request.node.name) as make:
        there = Topics(make, partitions=2)
        secured_kafka.grant(rights(settings_of(there)))
        with Service(tmp_path / "s", bootstrap, there, service=guarded, rules=rules) as service:
            produce(plain, there.readings, [reading("press-1", 99, T0), (b"x", b"no json")])
            produce(plain, there.commands, [(b"press-1", b'{"command":"unshelve"}')])
            service.start()
            wait_until(lambda: len(read_all(plain, there.alerts)) == 1, "the alert")
            port = service.events("metrics served")[-1]["port"]
            with httpx.Client(auth=("prometheus", METRICS_PASSWORD), trust_env=False, timeout=WAIT_S) as asking:
                asked = [f"http://127.0.0.1:{port}/{page}" for page in ("metrics", "status", "readyz", "healthz", "")]
                pages = [asking.get(url).text for url in asked]
            assert "andon_config_info" in pages[0]
            assert '"lanes"' in pages[1]
            assert service.stop() == 0
        said = [service.stderr.read_bytes(), *pages]
        said += [
            part or b""
            for name in ("alerts", "alarms", "dead_letters")
            for message in read_all(plain, getattr(there, name))
            for part in (message.key(), message.value(), repr(message.headers()).encode())
        ]
        said += [path.read_bytes() for path in service.state_dir.rglob("*") if path.is_file()]
        settings = ["--settings", str(service.settings)]
        service.settings.write_text(service.settings.read_text().replace("authority.pem", "nowhere.pem"))
        trials = [
            andon("check", str(service.settings)),
            andon("run", *settings),
            andon(
                "status", *settings, "--url", f"http://prometheus:{urllib.parse.quote(METRICS_PASSWORD)}@127.0.0.1:1"
            ),
        ]
        assert [trial.returncode for trial in trials] == [2, 2, 1], [trial.stderr for trial in trials]
        said += [text for trial in trials for text in (trial.stdout, trial.stderr)]

    assert [(secret, text[:200]) for text in said for secret in _shown(text)] == []
    assert len(said) > 20


def test_settings_that_are_printed_have_no_secret(tmp_path):
    """In a traceback, or by whoever debugs."""
    (tmp_path / "keys").write_text(f"maria {COMMAND_KEY}\n")
    settings = Settings(
        kafka=Kafka(client={"sasl.password": PASSWORD}), commands=Commands(keys_file=str(tmp_path / "keys"))
    )

    assert _shown(repr(settings)) == []
