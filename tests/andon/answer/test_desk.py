"""The desk where commands are handed in, with a producer and topics that the test holds in its hands."""

import threading

import pytest
from confluent_kafka import KafkaError, KafkaException

from andon.answer.answers import command_of
from andon.answer.desk import Desk
from contracts.alarm_states import Hold, HoldState, hold_key
from contracts.alerts import AlertRecord
from contracts.commands import Scope, Verb
from contracts.errors import ConfigError, SinkError
from contracts.readings import Reason, Reject
from contracts.settings import Commands, Service, Settings
from contracts.signatures import parse_keys, read_signature
from dataflows.kafka_sink import alert_headers, dead_letter
from tests.alarm_states import T0, alarm_state
from tests.fake_kafka import FakeMessage, FakeProducer

SETTINGS = Settings(service=Service(broker_wait_s=0.01))
SHELVE = command_of(Verb.SHELVE, asset="press-1", scope=Scope("temp"), until_ms=T0 + 9, by="maria")
ACKNOWLEDGE = command_of(Verb.ACKNOWLEDGE, asset="press-1", alert=alarm_state().alert, by="maria")


class _Message(FakeMessage):
    """With headers, as alerts and dead letters have."""

    def __init__(self, value, *, headers=(), key=None):
        super().__init__(("topic", 0, 0), value, T0, raw_key=key)
        self._headers = list(headers)

    def headers(self):
        return self._headers


class _Producer(FakeProducer):
    """Delivers to partition 2, each record one offset on."""

    refusal = None

    def produce(self, topic, value, key, *, headers, on_delivery):
        if self.refusal:
            raise self.refusal
        super().produce(topic, value, key, headers=headers, on_delivery=on_delivery)
        self.held[-1] = (on_delivery, FakeMessage((topic, 2, len(self.records)), ts_ms=T0))


class _Tail:
    """A topic on which records come when the test says so."""

    def __init__(self):
        self.waiting = []
        self.closed = False

    def poll(self, _wait_s):
        waiting, self.waiting = self.waiting, []
        return waiting

    def close(self):
        self.closed = True


class _Surroundings:
    """A desk and all that it meets."""

    def __init__(self, *, listen=True, settings=SETTINGS):
        self.tails = {}
        self.stop = threading.Event()
        self.desk = Desk(
            settings,
            stop=self.stop,
            listen=listen,
            open_producer=self._open_producer,
            open_tail=self._open_tail,
            ask_topics=self._ask_topics,
        )

    def _ask_topics(self, _kafka, topics, **_how):
        self.asked = list(topics)

    def _open_producer(self, config):
        self.producer = _Producer(config)
        return self.producer

    def _open_tail(self, _kafka, topic, *, begin, wait_s, stop):
        assert begin == "end"
        assert wait_s > 0
        assert stop is self.stop
        self.tails[topic] = _Tail()
        return self.tails[topic]

    def outcomes(self):
        """What is decided within a second or so."""
        found = []
        for _ in range(500):
            found += self.desk.poll()
            if found:
                return found
            self.stop.wait(0.005)
        return found


def test_a_command_is_sent_under_its_asset_and_confirmed():
    """Commands about one asset keep their order, and none is lost silently."""
    around = _Surroundings()

    around.desk.send(SHELVE)

    (record,) = around.producer.records
    assert (record["topic"], record["key"], record["value"]) == ("andon.commands", b"press-1", SHELVE.body)
    assert around.producer.config["acks"] == "all"
    assert around.desk.waiting == [SHELVE]


def test_a_command_is_signed_with_the_key_that_speaks_for_who_asks(tmp_path):
    """Whoever has the key is heard where only signed commands are; without keys there is no header."""
    (tmp_path / "keys").write_text(f"karl {'00' * 32}\nmaria {'5e' * 32}\n")
    around = _Surroundings(settings=Settings(commands=Commands(keys_file=str(tmp_path / "keys"))))
    unsigned = _Surroundings()

    around.desk.send(SHELVE)
    unsigned.desk.send(SHELVE)

    ((name, signature),) = around.producer.records[0]["headers"].items()
    keys = {key.name: key for key in parse_keys((tmp_path / "keys").read_text())}
    read = read_signature(signature, SHELVE.body, keys=keys, site="plant-1", topic="andon.commands")
    assert name == "andon_signature"
    assert read.key.name == "maria"
    assert not unsigned.producer.records[0]["headers"]


def test_where_no_commands_are_taken_none_is_sent():
    """Whoever tries is told at once instead of waiting for an answer."""
    with pytest.raises(ConfigError, match=r"commands\.accept: is \"none\": andon takes no commands here"):
        _Surroundings(settings=Settings(commands=Commands(accept="none")))


def test_the_alert_that_names_a_command_is_its_answer():
    """Alerts that readings caused, and others' commands, are passed over."""
    around = _Surroundings()
    around.desk.send(ACKNOWLEDGE)
    alert = alarm_state().alert

    for source in ("readings/0/1", "andon.commands/2/2", "andon.commands/2/1"):
        record = AlertRecord(alert=alert, event_id="e", source=source, config="c")
        headers = alert_headers(record, version="1", now_ms=T0)
        around.tails["andon.alerts"].waiting.append(_Message(alert.body(), headers=headers))
    around.tails["andon.alerts"].waiting.append(_Message(b"{", headers=[("andon_source", b"andon.commands/2/1")]))
    around.tails["andon.alerts"].waiting.append(_Message(alert.body()))

    assert around.desk.poll() == [(ACKNOWLEDGE, "", (alert,), None)]
    assert around.desk.waiting == []


def test_the_hold_that_begins_with_a_command_is_its_answer():
    """Its time is Kafka's for the command."""
    around = _Surroundings()
    around.desk.send(SHELVE)
    hold = Hold(by="maria", since_ts=T0, until_ts=T0 + 9)
    state = HoldState(schema=1, asset="press-1", sensor="temp", shelved=hold)

    key = hold_key("press-1", Scope("temp")).encode()
    around.tails["andon.alarms"].waiting += [_Message(b"{", key=b"\xff"), _Message(state.body(), key=key)]

    assert around.outcomes() == [(SHELVE, "", (), hold)]


def test_a_dead_letter_is_a_refusal():
    """Its reason is told to the person who asked."""
    around = _Surroundings()
    around.desk.send(SHELVE)
    for offset in (2, 1):
        reject = Reject(
            reason=Reason.BAD_COMMAND,
            detail=f"press-1 was never seen ({offset})",
            key=b"press-1",
            value=SHELVE.body,
            topic="andon.commands",
            partition=2,
            offset=offset,
        )
        key, value, headers = dead_letter([reject])
        around.tails["andon.dead-letters"].waiting.append(_Message(value, key=key, headers=headers))
    around.tails["andon.dead-letters"].waiting.append(_Message(b"somebody else's"))

    assert around.desk.poll() == [(SHELVE, "press-1 was never seen (1)", (), None)]


def test_who_does_not_wait_reads_nothing():
    """--wait 0 asks for the right to write commands, and no other."""
    around = _Surroundings(listen=False)

    around.desk.send(SHELVE)

    assert around.asked == ["andon.commands"]
    assert around.tails == {}
    assert around.desk.poll() == []


def test_a_command_that_is_not_delivered_is_told():
    """The person knows that nobody heard it."""
    around = _Surroundings()
    around.producer.fault = KafkaError(KafkaError._MSG_TIMED_OUT)

    with pytest.raises(SinkError, match=r"andon\.commands: the command wasn't delivered \(.*timed out"):
        around.desk.send(SHELVE)
    assert around.desk.waiting == []


def test_a_command_that_is_not_confirmed_in_time_is_told():
    """A broker that says nothing holds nobody back for ever."""
    around = _Surroundings()
    around.producer.holds = True

    with pytest.raises(SinkError, match="it wasn't confirmed in time"):
        around.desk.send(SHELVE)


@pytest.mark.parametrize("refusal", [BufferError("full"), KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))])
def test_a_command_that_the_producer_does_not_take_is_told(refusal):
    """Whatever the reason, the line names the topic."""
    around = _Surroundings()
    around.producer.refusal = refusal

    with pytest.raises(SinkError, match=r"andon\.commands: the command was refused"):
        around.desk.send(SHELVE)


def test_the_desk_closes_what_it_opened():
    """No connection is left behind on the screen that stays."""
    around = _Surroundings()

    with around.desk:
        pass

    assert [tail.closed for tail in around.tails.values()] == [True] * 3
