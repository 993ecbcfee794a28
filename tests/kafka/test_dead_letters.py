"""`andon dead-letters` on a real broker: what a service refused is shown, and sent in again once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter

from tests.kafka.service import WAIT_S, Service, Topics, andon, environment, produce, read_all, wait_until

T0 = 1_700_000_000_000
MANY = {"asset": "press-1", "ts": T0, "values": {"temp": "hot", "": 1.0, "flow": "much"}}
LARGE = b"{" + b"x" * 950_000


def refused(kafka, topics, tmp_path):
    """A service that has refused three messages: for two reasons, as no JSON, and one too large to be kept whole."""
    work = Topics(topics)
    service = Service(tmp_path, kafka, work)
    produce(kafka, work.readings, [MANY, (b"press-2", b"\xff{"), (b"press-3", LARGE)])
    service.catch_up()
    return work, service


def dead_letters(service, *options):
    """The command's lines of JSON, and what it said beside them."""
    done = andon("dead-letters", "--settings", str(service.settings), *options)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def identity(message):
    """Where a message is and what it says."""
    return message.partition(), message.key(), message.value()


def test_what_was_refused_is_shown_and_sent_in_again_once(kafka, topics, tmp_path):
    """A person sees why messages were refused, mends the cause, and gets the data in."""
    work, service = refused(kafka, topics, tmp_path)
    before = read_all(kafka, work.readings)

    shown, account = dead_letters(service)
    only_names, _ = dead_letters(service, "--reason", "bad_name")
    (done,), said = dead_letters(service, "--resend")
    (done_again,), said_again = dead_letters(service, "--resend", "--since", "7d")

    assert Counter(letter["reason"] for letter in shown) == {
        "bad_value": 1,
        "bad_name": 1,
        "not_json": 2,
    }
    assert "4 dead letters of 3 messages" in account
    assert [letter["value"] for letter in only_names] == [json.dumps(MANY)]
    assert [letter["value_base64"] for letter in shown if "value_base64" in letter] == ["/3s="]
    large = next(letter for letter in shown if letter["truncated"])
    named = f"{large['topic']}/{large['partition']}/{large['offset']}"
    assert large["truncated"] == len(LARGE) + len(b"press-3")
    assert (done["sent"], done["cut"]) == (2, [named])
    assert f"never sent again: {named}" in said
    assert (done_again["sent"], done_again["sent_before"]) == (0, 2)
    assert "Passed over: 2 messages" in said_again
    twice = Counter(map(identity, read_all(kafka, work.readings))) - Counter(map(identity, before))
    assert twice == {identity(message): 1 for message in before if message.key() != b"press-3"}

    service.catch_up()
    (third,), _ = dead_letters(service, "--resend")
    assert third["sent"] == 2, "nothing was mended: they were refused again, and are new letters"


def test_following_shows_what_comes_until_it_is_told_to_stop(kafka, topics, tmp_path):
    """Whoever mends a source watches whether it is still refused."""
    work, service = refused(kafka, topics, tmp_path)
    output = tmp_path / "followed.ndjson"
    command = [sys.executable, "-m", "andon", "dead-letters", "--settings", str(service.settings), "--follow"]
    with output.open("wb") as stdout:
        process = subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL, stdout=stdout)
    try:
        wait_until(lambda: output.read_bytes().count(b"\n") == 4, "what is there")
        produce(kafka, work.readings, [(b"press-4", b"[]")])
        service.catch_up()
        wait_until(lambda: output.read_bytes().count(b"\n") == 5, "what has come")
        process.send_signal(signal.SIGTERM)

        assert process.wait(WAIT_S) == 0
        assert json.loads(output.read_text().splitlines()[-1])["reason"] == "not_object"
    finally:
        process.kill()
        process.wait()


def test_a_reader_who_has_seen_enough_ends_it_quietly(kafka, topics, tmp_path):
    """`| head -1` is no error."""
    _, service = refused(kafka, topics, tmp_path)

    command = f"{sys.executable} -m andon dead-letters --settings {service.settings} --follow | head -1"

    done = subprocess.run(["sh", "-c", command], env=environment(), capture_output=True, timeout=WAIT_S, check=False)

    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""
