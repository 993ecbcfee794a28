"""Everything nasty that a plant may send, through a real broker, with good readings between: what becomes of each."""

from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace

import pytest
from confluent_kafka import Producer
from prometheus_client.parser import text_string_to_metric_families

from contracts.limits import DEAD_LETTER_BYTES_MAX
from contracts.readings import Reason, group_of
from tests.kafka.service import Service, Topics, produce, read_all, reading, wait_until
from tests.nasty import MESSAGES, TS

KEY = b"press-1"
"""Of the good readings too: they shall be in the partition, and in the poll, of the nasty ones."""

HOT, COLD = 97.0, 20.0
SENSORS_MAX, SERIES_MAX = 4, 6
SERVICE = f"sensors_per_asset_max = {SENSORS_MAX}\nseries_per_group_max = {SERIES_MAX}"

TWO_REASONS = json.dumps({"asset": "press-1", "ts": TS, "values": {"": 4, "temp": 1.5, "p": "4", "q": None}}).encode()

COMMANDS = [b'{"command":"acknowledge","asset":"press-1","alert_id":"6f0c","by":"maria"}', b"{", b'{"command":"dance"}']


def name_beside(asset):
    """Another asset of the same key group."""
    group = group_of(asset, 128)
    return next(name for name in (f"mill-{number}" for number in range(10_000)) if group_of(name, 128) == group)


CROWD = "crowd"
BESIDE = name_beside(CROWD)


def witness(number):
    """A good reading that makes an alert, whatever came before: hot and cold take turns, too slowly to chatter."""
    return json.dumps(reading("witness", COLD if number % 2 else HOT, witness_ts(number))).encode()


def witness_ts(number):
    return TS + 100_000 * number


CROWDING = [
    *((CROWD, f"s{number}", True) for number in range(SENSORS_MAX)),
    (CROWD, "one too many", False),
    *((BESIDE, f"s{number}", True) for number in range(SERIES_MAX - SENSORS_MAX)),
    (BESIDE, "one too many", False),
    *((CROWD, f"made up {number}", False) for number in range(5)),
    (CROWD, "s0", True),
]
"""(asset, sensor, whether it is taken) in the order in which they come."""

FITS = [fits for _, _, fits in CROWDING]


@pytest.fixture(scope="module")
def aftermath(kafka, module_topics, tmp_path_factory):
    """A service that has read it all, and everything that can be seen of it from outside."""
    work = Topics(module_topics)
    work.readings = module_topics(4, {"max.message.bytes": "2000000"})  # else the broker would refuse what is too large
    nasty = [(message.key, message.value) for message in MESSAGES] + [(KEY, TWO_REASONS)]
    crowd = [
        (KEY, json.dumps(reading(asset, COLD, TS + at, sensor)).encode())
        for at, (asset, sensor, _) in enumerate(CROWDING)
    ]
    sent = []
    for number, message in enumerate(nasty):
        sent += [(KEY, witness(number)), message]
    sent += [*crowd, (KEY, witness(len(nasty)))]

    def last_is_judged():
        return any(
            (alert["asset"], alert["ts"]) == ("witness", witness_ts(len(nasty))) for alert in alerts_of(kafka, work)
        )

    places = deliver(kafka, work.readings, sent)
    service = Service(tmp_path_factory.mktemp("nasty"), kafka, work, service=SERVICE)
    with service:
        service.start()
        produce(kafka, work.commands, [(KEY, command) for command in COMMANDS])
        service.wait_until_read(len(sent))
        wait_until(lambda: rejected(service)["bad_command"] == len(COMMANDS), "the commands are refused")
        wait_until(last_is_judged, "the last good reading is judged")
        metrics = samples(service)
        assert service.stop() == 0
    return SimpleNamespace(
        work=work,
        service=service,
        messages=len(sent),
        nasty_places=places[1 : 2 * len(nasty) : 2],
        crowd_places=places[2 * len(nasty) : -1],
        witnesses=len(nasty) + 1,
        letters=read_all(kafka, work.dead_letters),
        alerts=alerts_of(kafka, work),
        metrics=metrics,
    )


def alerts_of(kafka, work):
    return [json.loads(message.value()) for message in read_all(kafka, work.alerts)]


def deliver(bootstrap, topic, messages):
    """(partition, offset) of each message, in the order in which they were given."""
    places = {}
    producer = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": 2_000_000, "enable.idempotence": True})
    for number, (key, value) in enumerate(messages):
        producer.produce(
            topic,
            value,
            key,
            on_delivery=lambda _, made, at=number: places.update({at: (made.partition(), made.offset())}),
        )
        producer.poll(0)
    assert producer.flush(60) == 0
    return [places[number] for number in range(len(messages))]


def samples(service):
    """Every sample of /metrics by name and label values."""
    families = text_string_to_metric_families(service.get("/metrics")[1])
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def rejected(service):
    return {name[1]: value for name, value in samples(service).items() if name[0] == "andon_rejects_total"}


def headers_of(message):
    return {name: value.decode() for name, value in message.headers()}


def letters_of(aftermath, place):
    """(message, its headers) of each dead letter about the reading message at this place."""
    found = [(letter, headers_of(letter)) for letter in aftermath.letters]
    partition, offset = map(str, place)
    wanted = {"andon_topic": aftermath.work.readings, "andon_partition": partition, "andon_offset": offset}
    return [(letter, headers) for letter, headers in found if wanted.items() <= headers.items()]


@pytest.mark.parametrize("number", range(len(MESSAGES)), ids=[message.name for message in MESSAGES])
def test_what_is_refused_is_set_aside_with_its_reason_bytes_and_place(aftermath, number):
    """Whoever mends the gateway finds what it sent, where, and what was wrong with it. Good messages leave no trace."""
    nasty = MESSAGES[number]

    letters = letters_of(aftermath, aftermath.nasty_places[number])

    assert [headers["andon_reason"] for _, headers in letters] == ([nasty.reason] if nasty.reason else [])
    for letter, headers in letters:
        whole = len(nasty.key or b"") + len(nasty.value or b"")
        room = DEAD_LETTER_BYTES_MAX - len(nasty.key or b"")
        assert headers["andon_detail"]
        assert letter.key() == nasty.key
        assert letter.value() == (None if nasty.value is None else nasty.value[:room])
        assert headers.get("andon_truncated") == (str(whole) if whole > DEAD_LETTER_BYTES_MAX else None)


def test_every_good_reading_between_them_is_judged(aftermath):
    """Rubbish from one device costs the others nothing, and the last bad message isn't the last that is read."""
    seen = [(alert["ts"], alert["transition"]) for alert in aftermath.alerts if alert["asset"] == "witness"]

    assert sorted(seen) == [
        (witness_ts(number), "cleared" if number % 2 else "raised") for number in range(aftermath.witnesses)
    ]


def test_a_message_with_two_sorts_of_bad_values_is_found_under_both(aftermath):
    """A search by reason finds every message that has it."""
    letters = letters_of(aftermath, aftermath.nasty_places[-1])

    assert sorted(headers["andon_reason"] for _, headers in letters) == ["bad_name", "bad_value"]
    assert {letter.value() for letter, _ in letters} == {TWO_REASONS}


def test_every_reason_of_the_closed_list_occurs(aftermath):
    """What the page on reasons names is what a plant will meet."""
    assert {headers_of(letter)["andon_reason"] for letter in aftermath.letters} == set(Reason) - {Reason.BAD_SIGNATURE}


def test_commands_are_set_aside_with_their_bytes(aftermath):
    """Nobody is left believing that a command was carried out."""
    letters = [letter for letter in aftermath.letters if headers_of(letter)["andon_topic"] == aftermath.work.commands]

    assert [letter.value() for letter in letters] == COMMANDS
    assert {headers_of(letter)["andon_reason"] for letter in letters} == {"bad_command"}


def test_what_exceeds_a_bound_is_refused_and_told_once(aftermath):
    """A device that makes up names can't fill the memory; people hear of it once, and known sensors go on."""
    refused = [place for place in aftermath.crowd_places if letters_of(aftermath, place)]
    alerts = [alert for alert in aftermath.alerts if alert["kind"] == "capacity"]

    assert refused == [place for place, fits in zip(aftermath.crowd_places, FITS, strict=True) if not fits]
    assert sorted((alert["asset"], alert["rule"], alert["transition"]) for alert in alerts) == sorted(
        [(CROWD, "sensors", "raised"), (BESIDE, "series", "raised")]
    )


def test_every_row_is_counted_exactly_once(aftermath):
    """The figures add up: nothing was dropped, and nothing counted twice."""
    results = {name[1]: value for name, value in aftermath.metrics.items() if name[0] == "andon_readings_total"}
    rejects = {name[1]: value for name, value in aftermath.metrics.items() if name[0] == "andon_rejects_total"}
    fit = sum(FITS)
    good = sum(len(message.readings) for message in MESSAGES)

    refused = Counter(message.reason for message in MESSAGES if message.reason)
    refused[Reason.BAD_VALUE] += 1  # a message of many in which two are null
    refused += {Reason.BAD_VALUE: 2, Reason.BAD_NAME: 1}  # the one with two sorts of bad values
    refused += {Reason.CAPACITY: len(FITS) - fit, Reason.BAD_COMMAND: len(COMMANDS)}
    refused[Reason.BAD_SIGNATURE] = 0  # there are no keys here: tests/kafka/test_signed.py has them
    assert rejects == refused
    assert sum(results.values()) == aftermath.witnesses + good + fit + 1
    assert results["accepted"] >= aftermath.witnesses + fit
    assert set(results) == {"accepted", "late", "duplicate", "out_of_order"}
