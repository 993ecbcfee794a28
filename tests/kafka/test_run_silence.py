"""`andon run` with the wall clock: silence is told from a broker that was away."""

from __future__ import annotations

import json
import time

from tests.kafka.service import Feeder, Service, Topics, andon, read_all, reading, wait_until


class Names:
    """The topics of a broker that one test has for itself."""

    readings, alerts, alarms, commands, dead_letters = "readings", "alerts", "alarms", "commands", "dead-letters"


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


def test_a_broker_that_hangs_makes_nothing_stale(own_kafka, tmp_path):
    """Readings that producers held back meanwhile arrive late, and nobody was silent. Real silence is told after it."""
    kafka = own_kafka.bootstrap
    service = Service(
        tmp_path / "run", kafka, Names, service="stale_grace_s = 4\nepoch_s = 1", rule="stale = { after_s = 5 }"
    )
    assert andon("topics", "create", str(service.settings), "--partitions", "4").returncode == 0

    def plant(_step):
        now_ms = time.time_ns() // 1_000_000
        yield reading("press-0", 20.0, now_ms, "temp")
        yield reading("press-1", 20.0, now_ms, "temp")

    feeder = Feeder(kafka, Names.readings, plant, every_s=0.1)
    with service:
        service.start()
        service.wait_until_read(100)

        own_kafka.pause()
        time.sleep(9)
        own_kafka.resume()
        wait_until(lambda: bool(service.events("broker found")), "the broker is found again")
        time.sleep(9)  # grace and after_s are over: whoever were blamed would be blamed by now
        assert stale(kafka, Names.alerts) == []
        feeder.stop()
        wait_until(lambda: len(stale(kafka, Names.alerts)) == 2, "real silence is told")

        assert service.stop() == 0
    assert service.events("broker lost")
