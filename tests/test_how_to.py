"""What the how-to pages about recordings have the reader type works word for word."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT, new_topics
from tests.kafka.service import produce, reading
from tests.test_tutorial import blocks, furnish, type_in

T0 = 1_772_438_400_000
"""2026-03-02T08:00Z, of which the page speaks."""


def typed(page, section):
    """The blocks of a section of a page that are typed, each ending with a line break."""
    text = (ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8")
    (body,) = re.findall(rf"^{section}\n.*?(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", body, flags=re.MULTILINE)
    return [re.sub(r"^ {4}", "", block.lstrip("\n"), flags=re.MULTILINE) for block in indented]


@pytest.fixture
def folder(tmp_path):
    """Where the tutorial's second section has been typed; and what activates its programs."""
    furnish(tmp_path)
    activate, recording, settings, _ = blocks(2)
    assert type_in(tmp_path, [activate, recording, settings]).returncode == 0
    return tmp_path, activate


def test_settings_are_compared_as_the_page_has_it(folder):
    """One alarm is gone, and the exit code says that they differ."""
    path, activate = folder
    copy, compare = typed("compare-settings.md", "# Compare settings before the plant lives with them")[0].splitlines()

    done = type_in(path, [activate, f"{copy}\n{compare}\n"])

    assert done.returncode == 1, done.stderr
    assert re.fullmatch(
        r"- 2026-01-05 08:30:05  press temp  limit hh  press temp 9\d(\.\d+)? degC above HH 90 degC for 5 s\n",
        done.stdout,
    )


def test_a_recording_is_plotted_and_scored_as_the_page_has_it(folder):
    """The hot minute is told after five seconds, with no false alarm of the limits."""
    path, activate = folder
    (plot,) = typed("record-and-replay.md", "## See why")
    (score,) = typed("record-and-replay.md", "## Say how good it is")

    done = type_in(path, [activate, plot, score])

    assert done.returncode == 0, done.stderr
    assert '"labels":1,' in done.stdout
    assert '"delay_median_s":5.0' in done.stdout
    assert "press temp" in (path / "press.html").read_text()


def test_a_topic_is_recorded_as_the_page_has_it(folder, kafka, topics):
    """By spans, by times and by offsets; and what was recorded can be replayed."""
    path, activate = folder
    (today,), (bounded,) = ([block] for block in typed("record-and-replay.md", "## Record"))
    (replay, _) = typed("record-and-replay.md", "## Replay")
    topic = topics(2, {"retention.ms": "-1"})
    produce(kafka, topic, [reading(f"press-{at % 40}", 70, T0 + at * 500) for at in range(10_800)], sent_then=True)
    produce(kafka, topic, [reading("press-1", 70, T0 + 6_000_000)])
    by_time, by_offsets, _follow = bounded.splitlines(keepends=True)
    environment = {"ANDON_KAFKA__BOOTSTRAP_SERVERS": kafka, "ANDON_KAFKA__READINGS": f'["{topic}"]'}

    done = type_in(path, [activate, today, by_time, by_offsets, replay], **environment)

    assert done.returncode == 0, done.stderr
    assert '{"file":"today.ndjson.zst",' in done.stdout
    assert len((path / "fault.ndjson").read_bytes().splitlines()) == 10_800
    assert len((path / "around.ndjson").read_bytes().splitlines()) == 1200 + 1020


def test_andon_is_let_in_and_granted_its_rights_as_the_page_has_it(folder, secured_kafka, request):
    """A user, its password, its rights: typed by an administrator. Then andon's check finds nothing that is missing."""
    path, activate = folder
    page = (ROOT / "docs" / "how-to" / "secure-andon.md").read_text(encoding="utf-8")
    broker = secured_kafka.broker
    broker.tools(path / ".venv" / "bin")
    secured_kafka.add_user("admin", "adm1n-Pa55")
    admin = (
        "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nssl.truststore.type=PEM\n"
        f"ssl.truststore.location={secured_kafka.authority.file}\nsasl.jaas.config="
        'org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="adm1n-Pa55";\n'
    )
    (path / "admin.properties").write_text(admin)
    (path / "ca.pem").write_bytes(secured_kafka.authority.file.read_bytes())
    (settings,) = re.findall(r"```toml\n(# andon.toml\n.*?)```", page, flags=re.DOTALL)
    with new_topics(broker.bootstrap, request.node.name) as make:
        names = {role: make() for role in ("readings", "alerts", "alarms", "commands", "dead_letters")}
        listed = "".join(f'{role} = "{name}"\n' for role, name in names.items() if role != "readings")
        settings = settings.replace("[kafka]\n", f'[kafka]\nreadings = ["{names["readings"]}"]\n{listed}')
        (path / "andon.toml").write_text(settings.replace("kafka.example.com:9094", broker.scram_bootstrap))
        (user,) = typed("secure-andon.md", "## 1. Let it in by TLS, with a password or a certificate")
        service, operator, gateway = typed("secure-andon.md", "## 2. Grant what it needs")
        (path / "gateway.toml").write_text((path / "andon.toml").read_text())

        made = type_in(path, [activate, user.replace("kafka.example.com:9094", broker.scram_bootstrap)])
        granted = type_in(path, [activate, service, operator.replace(" | sh", ""), gateway.replace(" | sh", "")])
        after = type_in(path, [activate, "andon run --until-caught-up"], ANDON_SERVICE__METRICS_PORT="0")

    assert made.returncode == 0, made.stderr
    assert granted.returncode == 0, granted.stderr
    assert len(re.findall(r"^kafka-acls.sh .*--allow-principal User:andon", granted.stdout, flags=re.MULTILINE)) == 3
    assert f"--allow-principal User:floor --operation Write --topic {names['readings']}\n" in granted.stdout
    assert after.returncode == 0, after.stderr
    password = (path / "kafka-password").read_text().strip()
    assert not any(password in text for done in (made, granted, after) for text in (done.stdout, done.stderr))
