"""A United Manufacturing Hub's topic is watched, as its page has it."""

from __future__ import annotations

import time

import orjson

from tests.gateways.test_how_to import sections
from tests.kafka.service import Topics, produce, read_all
from tests.test_tutorial import furnish, type_in

TAG = "umh.v1.acme.plant-1.shop.line-1._raw.motor.temp"


def test_a_tag_above_its_limit_is_an_alert(kafka, topics, tmp_path):
    """From the hub's own messages, beside texts and records that are none of andon's business."""
    there = Topics(topics, partitions=1)
    page = sections("watch-umh.md")
    furnish(tmp_path)
    now_ms = time.time_ns() // 1_000_000
    values = [21.5, "running", 97.5]
    said = [{"timestamp_ms": now_ms - 2000 + 1000 * at, "value": value} for at, value in enumerate(values)]
    bodies = [*map(orjson.dumps, said), b'{"order_id":"WO-7","quantity":1000}', b"{half"]
    produce(kafka, there.readings, [(TAG.encode(), body) for body in bodies])
    variables = {"ANDON_KAFKA__BOOTSTRAP_SERVERS": kafka, "ANDON_SERVICE__METRICS_PORT": "0"}
    for role in ("alerts", "alarms", "commands", "dead_letters"):
        variables[f"ANDON_KAFKA__{role.upper()}"] = getattr(there, role)
    (settings,), (run,) = page["Say what to watch"], page["Run it"]

    text = settings.replace("umh.messages", there.readings) + run.rstrip() + " --until-caught-up\n"
    done = type_in(tmp_path, [". .venv/bin/activate\n", text], **variables)

    assert done.returncode == 0, done.stderr
    assert f"left    {there.readings}: its hub makes it" in done.stdout
    (alert,) = [orjson.loads(message.value()) for message in read_all(kafka, there.alerts)]
    assert (alert["asset"], alert["sensor"]) == ("acme.plant-1.shop.line-1", "motor.temp")
    assert (alert["value"], alert["rule"], alert["ts"]) == (97.5, "h", now_ms)
    (letter,) = read_all(kafka, there.dead_letters)
    assert (letter.key(), letter.value()) == (TAG.encode(), b"{half")
