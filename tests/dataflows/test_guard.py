"""Who is let in to command, and what is a copy."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME

from contracts.codec import Refusal
from contracts.commands import Origin, decode_command
from contracts.errors import ConfigError
from contracts.readings import Reason
from contracts.settings import Commands, Settings
from contracts.signatures import HEADER
from dataflows.guard import Guard, Signer, keys_of, may_say

T0 = 1_700_000_000_000
NUMBERS = count()
BODY = b'{"command":"unshelve","asset":"press-1","by":"maria"}'
KEYS = f"maria {'5e' * 32}\nconsole {'6f' * 32} *\n"


@pytest.fixture
def settings(tmp_path):
    """Only signed commands are taken."""
    (tmp_path / "keys").write_text(KEYS)
    return Settings(commands=Commands(accept="signed", keys_file=str(tmp_path / "keys"), signature_age_s_max=60))


@pytest.fixture
def guard(settings):
    return Guard(settings, keys_of(settings))


def _signed(settings, *, by="maria", ms=T0, body=BODY, numbers=NUMBERS):
    """The signature of a new command."""
    signer = Signer(settings, now_ms=lambda: ms, random_bytes=lambda length: next(numbers).to_bytes(length, "big"))
    ((name, value),) = signer.headers(body, by=by)
    assert name == HEADER
    return value


def _origin(offset, *, ts_ms=T0, partition=0, body=BODY):
    return Origin(topic="andon.commands", partition=partition, offset=offset, ts_ms=ts_ms, key=None, value=body)


def _judged(guard, origin, *signatures, stamped_by=TIMESTAMP_LOG_APPEND_TIME):
    """Whose command it is, or why it isn't let in."""
    judged = guard.judge(origin, signatures, stamped_by=stamped_by)
    if not isinstance(judged, Refusal):
        return judged and judged.name
    assert judged.reason is Reason.BAD_SIGNATURE
    return judged.detail


def test_a_signed_command_is_let_in(guard, settings):
    """The first key that speaks for who asks signs it."""
    assert _judged(guard, _origin(7), _signed(settings)) == "maria"
    assert _judged(guard, _origin(8), _signed(settings, by="karl")) == "console"


def test_what_is_not_signed_is_not_let_in(guard):
    """Whoever may write the topic silences nothing by that alone."""
    assert _judged(guard, _origin(7)) == "it isn't signed, and only signed commands are taken here"
    assert _judged(guard, _origin(7), None) == "its signature isn't of the form version:key:ms:nonce:mac"
    assert _judged(guard, _origin(7), b"a", b"b") == "it has more than one signature"


def test_where_signatures_are_not_asked_for_a_wrong_one_is_still_wrong(settings):
    """Commands of people who sign already can be told from forged ones, before everybody does."""
    lax = settings.model_copy(update={"commands": settings.commands.model_copy(update={"accept": "any"})})
    guard = Guard(lax, keys_of(lax))

    assert _judged(guard, _origin(7)) is None
    assert _judged(guard, _origin(7), b"1:maria") == "its signature isn't of the form version:key:ms:nonce:mac"
    assert _judged(guard, _origin(7), _signed(settings)) == "maria"
    assert _judged(Guard(Settings(), ()), _origin(7), b"1:maria") is None


@pytest.mark.parametrize(
    ("arrived_ms", "why"),
    [
        (T0 + 60_000, "maria"),
        (T0 - 60_000, "maria"),
        (T0 + 60_001, "it was signed 60 s before it arrived, at most 60 s are between: a copy, or a clock"),
        (T0 + 86_400_000, "it was signed 86400 s before it arrived, at most 60 s are between: a copy, or a clock"),
        (T0 - 61_000, "it was signed 61 s after it arrived, at most 60 s are between: a copy, or a clock"),
    ],
)
def test_a_signature_is_only_good_shortly_after_it_was_made(guard, settings, arrived_ms, why):
    """A shelf of last week isn't put up again by who has kept a copy of it."""
    assert _judged(guard, _origin(7, ts_ms=arrived_ms), _signed(settings)) == why


def test_where_the_sender_says_when_it_came_nothing_signed_is_let_in(guard, settings):
    """He could say any time. The reason names the topic's setting."""
    told = _judged(guard, _origin(7), _signed(settings), stamped_by=TIMESTAMP_CREATE_TIME)

    assert "set message.timestamp.type=LogAppendTime" in told


def test_a_copy_is_not_let_in_and_the_same_record_is(guard, settings):
    """After a crash the record is read again; its copy has another place."""
    signature = _signed(settings)
    assert _judged(guard, _origin(7), signature) == "maria"

    assert _judged(guard, _origin(7), signature) == "maria"
    assert _judged(guard, _origin(8), signature) == "it is a copy of the command at 0/7"
    assert _judged(guard, _origin(7, partition=1), signature) == "it is a copy of the command at 0/7"
    assert _judged(guard, _origin(9), _signed(settings)) == "maria"


def test_copies_are_known_after_a_restart(guard, settings):
    """What was seen is saved with the positions."""
    signature = _signed(settings)
    _judged(guard, _origin(7), signature)

    again = Guard(settings, keys_of(settings), guard.seen())

    assert _judged(again, _origin(7), signature) == "maria"
    assert _judged(again, _origin(8), signature) == "it is a copy of the command at 0/7"


def test_what_is_remembered_is_bounded_and_no_copy_slips_through(settings):
    """The oldest are forgotten when a copy of them would be too late anyway; until then nothing more is let in."""
    guard = Guard(settings, keys_of(settings), kept=3, seen_max=5)
    at_once = [_judged(guard, _origin(offset), _signed(settings)) for offset in range(6)]
    assert at_once == ["maria"] * 5 + ["5 signed commands came at once: copies couldn't be told any more"]
    assert len(guard.seen()) == 5

    later_ms = T0 + 120_001
    assert _judged(guard, _origin(9, ts_ms=later_ms), _signed(settings, ms=later_ms)) == "maria"

    assert len(guard.seen()) == 4
    assert [place for _, place, _ in guard.seen()] == ["0/2", "0/3", "0/4", "0/9"]


def test_a_key_speaks_only_for_whom_it_is(guard, settings):
    """Maria's alarms aren't acknowledged in her name by Karl."""
    body = BODY.replace(b"maria", b"karl")
    marias = replace(_origin(7), value=body)
    key = guard.judge(marias, [_signed(settings, by="maria", body=body)], stamped_by=TIMESTAMP_LOG_APPEND_TIME)

    refused = may_say(key, decode_command(marias))

    assert (refused.reason, refused.detail) == (Reason.BAD_SIGNATURE, "the key maria may not speak for karl")
    assert may_say(key, decode_command(_origin(7))) is None
    assert may_say(None, decode_command(marias)) is None


def test_nobody_signs_for_whom_no_key_speaks(settings, tmp_path):
    """Told where the command is given, before it is sent."""
    (tmp_path / "keys").write_text(KEYS.splitlines()[0])

    with pytest.raises(ConfigError, match=r"commands\.keys_file: none of its keys speaks for karl\."):
        Signer(settings).headers(BODY, by="karl")


def test_without_keys_nothing_is_signed():
    """As ever."""
    assert Signer(Settings()).headers(BODY, by="maria") == []


def test_a_file_of_keys_that_is_none_is_told(settings, tmp_path):
    """With the file and the line."""
    (tmp_path / "keys").write_text("maria 5e5e\n")

    with pytest.raises(ConfigError, match=r"keys: line 1: the key of maria isn't 64 hex digits or more\. Give a line"):
        keys_of(settings)
