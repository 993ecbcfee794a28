"""What the how-to pages about recordings have the reader type works word for word."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT
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
