"""`andon replay --to-kafka` on a real broker: every reading arrives, as a plant would have sent it."""

import orjson
from click.testing import CliRunner
from confluent_kafka import Consumer

from andon.replay.command import command
from contracts.errors import SourceError

T0 = 1_700_000_000_000


def consume(bootstrap, topic, *, count):
    """The first messages of a topic, as (key, value)."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    messages = []
    try:
        while len(messages) < count:
            got = consumer.consume(count - len(messages), timeout=20)
            assert got, f"{len(messages)} of {count} messages came"
            messages += [(message.key(), orjson.loads(message.value())) for message in got]
    finally:
        consumer.close()
    return messages


def test_a_recording_arrives_on_the_readings_topic(kafka, topics, tmp_path):
    """A recording can stand in for a plant."""
    topic = topics(partitions=3)
    table = tmp_path / "pump.csv"
    table.write_text(f"time,flow,temp\n{T0},1,2\nnoon,0,0\n" + "".join(f"{T0 + s},{s},\n" for s in range(1, 3000)))

    result = CliRunner().invoke(
        command,
        [str(table), "--to-kafka"],
        env={"ANDON_KAFKA__BOOTSTRAP_SERVERS": kafka, "ANDON_KAFKA__READINGS": f'["{topic}"]'},
    )

    assert result.exit_code == 0, result.output
    messages = consume(kafka, topic, count=3000)
    assert messages[0] == (b"pump", {"asset": "pump", "ts": T0, "values": {"flow": 1.0, "temp": 2.0}})
    assert [message["ts"] for _, message in messages] == [T0 + s for s in range(3000)]
    assert "line 3: bad_ts" in result.stderr
    assert f"3,001 readings in 3,000 messages, all delivered to {topic}" in result.stderr


def test_a_topic_that_does_not_exist_is_told(kafka, tmp_path):
    """A mistyped topic isn't created by accident."""
    table = tmp_path / "pump.csv"
    table.write_text(f"time,flow\n{T0},1\n")

    result = CliRunner().invoke(
        command,
        [str(table), "--to-kafka"],
        env={"ANDON_KAFKA__BOOTSTRAP_SERVERS": kafka, "ANDON_KAFKA__READINGS": '["no-such-topic"]'},
    )

    assert isinstance(result.exception, SourceError)
    assert "no topic no-such-topic" in str(result.exception)
