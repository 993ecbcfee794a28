"""andon on a broker with TLS, passwords (SASL/SCRAM) and clients' certificates (mTLS)."""

from __future__ import annotations

import json
import threading

import pytest

from contracts.errors import ConfigError, SourceError
from contracts.settings import Kafka, Settings, Site
from dataflows.happenings import Happenings
from dataflows.kafka_client import wait_for_topics
from dataflows.offsets import Partition, Start
from dataflows.reader import Reader
from tests.certificates import Authority
from tests.conftest import new_topics
from tests.kafka.secured import KEY_PASSWORD, PASSWORD, rights, toml_of
from tests.kafka.service import RULES, Service, Topics, produce, read_all, reading, wait_until

T0 = 1_700_000_000_000


@pytest.fixture
def there(secured_kafka, request):
    """Topics of one test on the secured broker, whose user may do what `andon run` needs."""
    with new_topics(secured_kafka.broker.bootstrap, request.node.name) as make:
        topics = Topics(make, partitions=2)
        secured_kafka.grant(rights(settings_of(topics)))
        yield topics


def settings_of(topics, **kafka):
    """Settings with these topics."""
    names = {name: getattr(topics, name) for name in ("alerts", "alarms", "commands", "dead_letters")}
    return Settings(site=Site(name="test"), kafka=Kafka(readings=[topics.readings], **names, **kafka))


def _door(secured_kafka, door):
    broker = secured_kafka.broker
    return {
        "scram": (broker.scram_bootstrap, secured_kafka.scram),
        "mtls": (broker.mtls_bootstrap, secured_kafka.mtls),
    }[door]


@pytest.mark.parametrize(("door", "lane"), [("scram", "messages"), ("mtls", "direct")])
def test_readings_come_in_and_alerts_go_out_through_a_secured_door(secured_kafka, there, tmp_path, door, lane):
    """With a password or with a certificate, and with no more rights than it needs, andon does its whole work."""
    bootstrap, client = _door(secured_kafka, door)
    plain = secured_kafka.broker.bootstrap
    produce(plain, there.readings, [reading(f"press-{at}", 80 + at, T0) for at in range(10)] + [(b"x", b"no json")])
    rules = f"{toml_of(client())}{RULES}stale = false"

    with Service(tmp_path, bootstrap, there, service=f'lane = "{lane}"', rules=rules) as service:
        service.catch_up()

    alerts = [json.loads(message.value()) for message in read_all(plain, there.alerts)]
    assert sorted(alert["asset"] for alert in alerts) == ["press-6", "press-7", "press-8", "press-9"]
    assert len(read_all(plain, there.dead_letters)) == 1
    assert any((message.key() or b"").startswith(b"_heartbeat/") for message in read_all(plain, there.alarms))


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("door", ["scram", "mtls"])
def test_each_lane_reads_through_each_door(secured_kafka, there, door, direct):
    """How messages are taken from librdkafka has nothing to do with how they came to it."""
    bootstrap, client = _door(secured_kafka, door)
    produce(secured_kafka.broker.bootstrap, there.readings, [reading(f"press-{at}", 1, T0) for at in range(50)])
    settings = Settings(kafka=Kafka(bootstrap_servers=bootstrap, readings=[there.readings], client=client()))
    reader = Reader(
        settings,
        [Partition(there.readings, 0), Partition(there.readings, 1)],
        saved=None,
        start=Start("earliest", "stop"),
        happenings=Happenings(),
        direct=direct,
    )
    try:
        assert (reader._direct is not None) is direct
        taken = []
        wait_until(lambda: taken.append(len(reader.take(100).messages)) or sum(taken) >= 50, "50 messages")
    finally:
        reader.close()

    assert sum(taken) == 50


def _told(secured_kafka, door, there, **changed):
    """What is said to somebody who can't come in."""
    bootstrap, client = _door(secured_kafka, door)
    kafka = Kafka(bootstrap_servers=bootstrap, client=client(**changed))
    with pytest.raises((ConfigError, SourceError)) as told:
        wait_for_topics(kafka, [there.readings], wait_s=3, stop=threading.Event(), hint="")
    return str(told.value)


def test_a_wrong_password_is_told_and_not_shown(secured_kafka, there, tmp_path):
    """The line says that the credentials are wrong, and which settings they are."""
    (tmp_path / "wrong").write_text("wr0ng-Pa55")

    told = _told(secured_kafka, "scram", there, **{"sasl.password_file": str(tmp_path / "wrong")})

    assert "invalid credentials with SASL mechanism SCRAM-SHA-512" in told
    assert "[kafka.client]" in told
    assert "wr0ng" not in told


def test_a_key_that_the_password_does_not_open_is_told_and_the_password_is_not(secured_kafka, there, tmp_path):
    """Before anybody is asked."""
    (tmp_path / "wrong").write_text("wr0ng-Pa55")

    told = _told(secured_kafka, "mtls", there, **{"ssl.key.password_file": str(tmp_path / "wrong")})

    assert "ssl.key.location failed" in told
    assert "wr0ng" not in told
    assert PASSWORD not in told
    assert KEY_PASSWORD not in told


@pytest.mark.parametrize("door", ["scram", "mtls"])
def test_a_broker_that_somebody_else_vouches_for_is_not_trusted(secured_kafka, there, tmp_path, door):
    """Whoever answers in the broker's place learns no password."""
    stranger = Authority(tmp_path, "stranger")

    told = _told(secured_kafka, door, there, **{"ssl.ca.location": str(stranger.file)})

    assert "certificate verify failed" in told


def test_a_client_that_nobody_vouches_for_does_not_come_in(secured_kafka, there, tmp_path):
    """A certificate of one's own making opens no door."""
    stranger = Authority(tmp_path, "stranger").vouch_for("andon")

    told = _told(
        secured_kafka,
        "mtls",
        there,
        **{
            "ssl.certificate.location": str(stranger.certificate),
            "ssl.key.location": str(stranger.key),
        },
    )

    assert "no broker answered within 3 s" in told
    assert "SSL" in told or "certificate" in told
