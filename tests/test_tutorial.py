"""The tutorial and the examples of settings, done as they are written: what a newcomer types works word for word."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import orjson
import pytest

from contracts.advice import advice
from contracts.loading import load
from contracts.settings import Settings
from dataflows.files import Files
from dataflows.sheets import Choice
from tests.conftest import ROOT
from tests.kafka.service import read_all

TUTORIAL = ROOT / "docs" / "tutorial.md"
HOW_TO = ROOT / "docs" / "how-to" / "watch-your-topic.md"
README = ROOT / "README.md"
ALERTS = "andon.alerts"
"""What the tutorial's settings call it."""

RUN_WAIT_S = 180


def blocks(section):
    """What a section of the tutorial has the reader type, block by block, each ending with a line break."""
    text = TUTORIAL.read_text(encoding="utf-8")
    (body,) = re.findall(rf"^## {section}\. .*?(?=^## )", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", body, flags=re.MULTILINE)
    return [re.sub(r"^ {4}", "", block.lstrip("\n"), flags=re.MULTILINE) for block in indented]


def furnish(folder):
    """Make a folder look like a checkout after `make demo`: there is a .venv with python and andon."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "activate").write_text(f'export PATH="{programs}:$PATH" PYTHONPATH="{ROOT}"\n')
    for name, command in {"python": sys.executable, "andon": f"{sys.executable} -m andon"}.items():
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        program.chmod(0o755)


def type_in(folder, commands, **variables):
    """Type commands into a shell that ends at the first one that fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANDON_")}
    return subprocess.run(
        ["sh", "-e"],
        input="".join(commands),
        cwd=folder,
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=RUN_WAIT_S,
        check=False,
    )


def transitions(lines):
    """(what, which limit, seconds since it began) of alerts."""
    alerts = [orjson.loads(line) for line in lines]
    return [(alert["transition"], alert["rule"], (alert["ts"] - alert["onset_ts"]) / 1000) for alert in alerts]


@pytest.fixture
def folder(tmp_path):
    """Where the tutorial is typed."""
    furnish(tmp_path)
    return tmp_path


def test_what_the_tutorial_types_first_is_the_demo():
    """Section 1: `make demo` starts what tests/andon/test_demo.py runs to its end, once all is installed."""
    (typed,) = blocks(1)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}

    done = subprocess.run(
        ["sh", "-ec", typed.replace("make ", "make --dry-run ")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert typed == "make demo\n"
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == [".venv/bin/python", "-m", "andon", "demo"]


def test_a_recording_is_made_and_replayed_as_the_tutorial_has_it(folder):
    """Section 2, word for word: two alarms for one hot minute, raised after five seconds; the same bytes again."""
    activate, *commands = blocks(2)

    done = type_in(folder, [activate, *commands])
    again = type_in(folder, [activate, commands[-1]])
    as_json = type_in(folder, [activate, commands[-1].replace("\n", " --json\n")])

    assert done.returncode == 0, done.stderr
    assert "andon.toml: fine" in done.stdout
    assert "    limit         rules[1]  hh = 90, h = 85, deadband = 1.5, on_delay_s = 5\n" in done.stdout
    alerts = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert transitions(alerts) == [("raised", "h", 5), ("raised", "hh", 5), ("cleared", "h", 60), ("cleared", "hh", 60)]
    assert again.stdout == as_json.stdout == "".join(f"{alert}\n" for alert in alerts)


def test_the_recording_goes_through_kafka_as_the_tutorial_has_it(folder, own_kafka):
    """Section 3, word for word: the topic has what the replay printed, and a second run adds nothing."""
    kafka = {"ANDON_KAFKA__BOOTSTRAP_SERVERS": own_kafka.bootstrap, "ANDON_SERVICE__METRICS_PORT": "0"}
    broker, commands = blocks(3)
    activate = blocks(2)[0]
    *_, service = commands.splitlines(keepends=True)

    replayed = type_in(folder, blocks(2))
    done = type_in(folder, [activate, commands], **kafka)

    assert broker == "make kafka\n"  # own_kafka stands for it, on another port
    assert done.returncode == 0, done.stderr
    account = orjson.loads(done.stderr.splitlines()[-1])
    assert (account["event"], account["readings"], account["alerts"]) == ("stopped", 7200, 4)
    written = [message.value().decode() for message in read_all(own_kafka.bootstrap, ALERTS)]
    assert sorted(written) == sorted(line for line in replayed.stdout.splitlines() if line.startswith("{"))

    again = type_in(folder, [activate, service], **kafka)

    assert again.returncode == 0, again.stderr
    assert len(read_all(own_kafka.bootstrap, ALERTS)) == len(written)


def settings_of(page, folder):
    """The page's example of settings, saved and loaded as `andon run` loads it; and its text."""
    (text,) = re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    file = folder / "andon.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, {}), text


@pytest.mark.parametrize("page", [README, HOW_TO], ids=lambda page: page.name)
def test_the_example_of_settings_means_what_its_page_says(tmp_path, page):
    """It loads without a complaint, the rule holds for presses, and what needs no rule is on for all sensors."""
    settings, _ = settings_of(page, tmp_path)

    assert advice(settings, now_ms=0) == ()
    temperature, other = settings.rule("press-0012", "temp"), settings.rule("oven-1", "pressure")
    assert (temperature.unit, temperature.limit.hh, temperature.limit.h) == ("degC", 95, 85)
    assert temperature.rate.rise_max_per_s == 2
    assert other.limit is other.rate is other.flatline is None
    for rule in (temperature, other):
        assert None not in (rule.stale, rule.anomaly, rule.drift)


def test_the_readme_shows_fifteen_lines_of_settings(tmp_path):
    """Fifteen lines below the file's name, and what only this page shows holds too."""
    settings, text = settings_of(README, tmp_path)

    assert text.splitlines()[0] == "# andon.toml"
    assert len(text.splitlines()[1:]) == 15
    assert settings.rule("press-0012", "temp").flatline.after_s == 600
    assert settings.asset("press-0012").window_ms == 60_000


@pytest.mark.parametrize("page", [README, HOW_TO], ids=lambda page: page.name)
def test_the_messages_that_a_page_shows_can_be_read(tmp_path, page):
    """A producer that sends what the page shows is understood."""
    messages = re.findall(r'\{"asset":.*\}', page.read_text(encoding="utf-8"))
    file = tmp_path / "messages.ndjson"
    file.write_text("\n".join(messages), encoding="utf-8")
    recording = Files([file], Settings(), Choice())

    chunks = list(recording.chunks())

    assert [reject for chunk in chunks for reject in chunk.rejects] == []
    assert {1 + row for row in range(len(messages))} == {int(line) for chunk in chunks for line in chunk.rows["line"]}
    assert ("press-0012", "temp") in recording.names.pairs
