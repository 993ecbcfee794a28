"""Names from templates, topics taken apart."""

from __future__ import annotations

import pytest

from gateways.naming import NameFaultError, fill, topic_filter, topic_pattern


def test_a_template_is_filled_once():
    """What a device is called can't change how its name is made."""
    assert fill("{area}.{device}", {"area": "{device}", "device": "press"}) == "{device}.press"


@pytest.mark.parametrize(("value", "fault"), [("", "empty"), ("a\nb", "control characters"), ("x" * 300, "longer")])
def test_what_andon_would_refuse_is_refused_here(value, fault):
    """A name with a line break in it never leaves the gateway."""
    with pytest.raises(NameFaultError, match=fault):
        fill("{x}", {"x": value})


@pytest.mark.parametrize(
    ("template", "subscribed", "topic", "found"),
    [
        ("plant/{area}/{asset}/{sensor}", "plant/+/+/+", "plant/press shop/p-1/temp", {"area": "press shop"}),
        ("{site}/line-{line}/#", "+/+/#", "s1/line-7/a/b", {"line": "7", "rest": "a/b"}),
        ("a.b/+/{x}", "a.b/+/+", "a.b/any/1", {"x": "1"}),
        ("a.b/{x}", "a.b/+", "aXb/1", None),
        ("line-{x}", "+", "lane-1", None),
    ],
)
def test_a_template_of_topics_subscribes_and_takes_apart(template, subscribed, topic, found):
    """What the broker's filter lets through and the template doesn't is told from what it does."""
    assert topic_filter(template) == subscribed
    match = topic_pattern(template).fullmatch(topic)
    assert (match is None) == (found is None)
    assert found is None or found.items() <= match.groupdict().items()
