"""What reads topics for the page: where it can't go on, that is told, and the console ends."""

from __future__ import annotations

from threading import Event

import pytest

from andon.console.kafka import KafkaFeeds
from contracts.errors import SourceError
from contracts.settings import Settings


def test_a_feed_that_fails_ends_the_console_whatever_the_fault():
    """A page that shows for ever what it had an hour ago is worse than none."""
    stop, faults = Event(), []
    stop.set()  # so that no broker is waited for
    feeds = KafkaFeeds(Settings(), None, stop=stop, fault=faults.append)

    def read(_tail):
        raise ZeroDivisionError("a mistake of ours")

    with pytest.raises(ZeroDivisionError):
        feeds._run("andon.alerts", read, lambda: "beginning")

    (fault,) = faults
    assert isinstance(fault, SourceError)
    assert str(fault).startswith("kafka andon.alerts: what comes from it can't be taken (ZeroDivisionError(")
    assert [told.fault for told in feeds.told()] == [str(fault)]
