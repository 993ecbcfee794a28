"""An alarm by the start of its id. One that is over is found on a real broker in tests/kafka/test_people.py."""

import threading

import click
import pytest

from andon.answer.lookup import find_alert
from contracts.settings import Kafka, Settings
from tests.alarm_states import alarm_state
from tests.andon.test_table import table_of

AWAY = Settings(kafka=Kafka(bootstrap_servers="127.0.0.1:1"))


def test_an_alarm_that_stands_is_found_without_reading_the_alert_topic():
    """The answer is there at once."""
    state = alarm_state()

    assert find_alert(AWAY, table_of(state), state.alert.alert_id[:8], threading.Event()) == state.alert


def test_what_is_no_id_is_not_looked_for():
    """A typing mistake doesn't read through a month of alerts."""
    with pytest.raises(click.BadParameter, match="is no alert id"):
        find_alert(AWAY, table_of(), "press-1", threading.Event())


def test_asked_to_stop_it_says_nothing_of_an_alarm():
    """Half a topic doesn't tell that there is none."""
    stop = threading.Event()
    stop.set()

    with pytest.raises(click.Abort):
        find_alert(AWAY, table_of(), "123456", stop)
