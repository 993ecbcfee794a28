"""The page of log events."""

from __future__ import annotations

from andon.reference.log_pages import log_events


def test_every_event_says_when_it_is_logged():
    """Whoever finds a line in a log finds its meaning."""
    events = log_events()

    assert len(events) > 30
    assert [event.name for event in events if not event.meaning.endswith((".", "?"))] == []


def test_names_of_events_can_be_searched_for():
    """Lower case words, and no value in them."""
    assert [event.name for event in log_events() if not event.name.replace("'", "").replace(" ", "").isalpha()] == []
    assert [event.name for event in log_events() if event.name != event.name.lower()] == []


def test_an_event_that_is_known_is_there():
    """From another package, with what is said with it."""
    (event,) = [event for event in log_events() if event.name == "offsets lost"]

    assert event.level == "error"
    assert {"partition", "asked", "first", "end", "made_anew", "rows"} == set(event.fields)
