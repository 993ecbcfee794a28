"""`andon run` with the wall clock: silence is told from a broker that was away."""

from __future__ import annotations

import json
import time

from tests.kafka.service import Feeder, Service, Topics, andon, named, produce, read_all, reading, wait_until

NEVER = 2**62


def stale(bootstrap, topic):
    """(transition, asset, sensor) of each alert about silence."""
    alerts = [json.loads(message.value()) for message in read_all(bootstrap, topic)]
    return [(alert["transition"], alert["asset"], alert["sensor"]) for alert in alerts if alert["kind"] == "stale"]


def test_a_sensor_that_falls_silent_is_told_while_its_asset_speaks(kafka, topics, tmp_path):
    """A cut cable is noticed after its time, and only that cable."""
    work = Topics(topics)
    silent = False

    def plant(_step):
        now_ms = time.time_ns() // 1_000_000
        yield reading("press-0", 20.0, now_ms, "pressure")
        if not silent:
            yield reading("press-0", 20.0, now_ms, "temp")

    feeder = Feeder(kafka, work.readings, plant, every_s=0.1)
    with Service(tmp_path, kafka, work, service="stale_grace_s = 1", rule="stale = { after_s = 3 }") as service:
        service.start()
        service.wait_until_read(20)
        silent = True
        wait_until(lambda: bool(stale(kafka, work.alerts)), "the silent sensor is stale")
        silent = False
        wait_until(lambda: len(stale(kafka, work.alerts)) > 1, "it speaks again")
        feeder.stop()
        assert service.stop() == 0

    assert stale(kafka, work.alerts)[:2] == [("raised", "press-0", "temp"), ("cleared", "press-0", "temp")]


def test_a_service_that_was_down_for_ten_minutes_blames_nobody_who_spoke_meanwhile(kafka, topics, tmp_path):
    """The backlog is no silence. Whoever truly stopped in that time is told, and active alarms aren't told again."""
    work = Topics(topics)
    start_ms = time.time_ns() // 1_000_000 - 610_000
    down_ms, stopped_ms = start_ms + 10_000, start_ms + 300_000
    everybody = [
        (asset, sensor, last_ms)
        for asset, last_ms in (("speaks", NEVER), ("half", NEVER), ("stops", stopped_ms))
        for sensor, last_ms in (("hot", last_ms), ("temp", stopped_ms if asset == "half" else last_ms))
    ]

    def plant(from_ms, to_ms):
        for ts in range(from_ms, to_ms, 2_000):
            for asset, sensor, last_ms in everybody:
                if ts <= last_ms:
                    yield reading(asset, 97.0 if sensor == "hot" else 20.0, ts, sensor)

    produce(kafka, work.readings, plant(start_ms, down_ms), sent_then=True)
    rule = "stale = { after_s = 5 }"
    Service(tmp_path, kafka, work, service="stale_grace_s = 3600", rule=rule).catch_up()
    before = {message.value() for message in read_all(kafka, work.alerts)}

    produce(kafka, work.readings, plant(down_ms, time.time_ns() // 1_000_000), sent_then=True)
    feeder = Feeder(kafka, work.readings, lambda _: plant(now := time.time_ns() // 1_000_000, now + 1), every_s=0.5)
    # No grace, and a backlog that takes some seconds: a lane that judged silence before its end would blame everybody.
    settings = "stale_grace_s = 0\npoll_messages_max = 2"
    with Service(tmp_path, kafka, work, service=settings, rule=rule) as service:
        service.start()
        wait_until(lambda: len(stale(kafka, work.alerts)) >= 2, "who stopped is told")
        assert service.stop() == 0
    feeder.stop()

    new = {message.value() for message in read_all(kafka, work.alerts)} - before
    assert len(before) == 3, "of each asset, the hot sensor"
    assert len(read_all(kafka, work.alerts)) == 5
    assert sorted(stale(kafka, work.alerts)) == [("raised", "half", "temp"), ("raised", "stops", None)]
    assert {json.loads(body)["onset_ts"] for body in new} == {stopped_ms + 5_000}


def test_a_broker_that_hangs_makes_nothing_stale(own_kafka, tmp_path):
    """Readings that producers held back meanwhile arrive late, and nobody was silent. Real silence is told after it."""
    kafka, work = own_kafka.bootstrap, named("hangs")
    service = Service(
        tmp_path / "run", kafka, work, service="stale_grace_s = 2\nepoch_s = 1", rule="stale = { after_s = 3 }"
    )
    assert andon("topics", "create", str(service.settings), "--partitions", "4").returncode == 0

    def plant(_step):
        now_ms = time.time_ns() // 1_000_000
        yield reading("press-0", 20.0, now_ms, "temp")
        yield reading("press-1", 20.0, now_ms, "temp")

    feeder = Feeder(kafka, work.readings, plant, every_s=0.1)
    with service:
        service.start()
        service.wait_until_read(100)

        own_kafka.pause()
        time.sleep(6)
        own_kafka.resume()
        wait_until(lambda: bool(service.events("broker found")), "the broker is found again")
        time.sleep(6)  # grace and after_s are over: whoever were blamed would be blamed by now
        assert stale(kafka, work.alerts) == []
        feeder.stop()
        wait_until(lambda: len(stale(kafka, work.alerts)) == 2, "real silence is told")

        assert service.stop() == 0
    assert service.events("broker lost")
