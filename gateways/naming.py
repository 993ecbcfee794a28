"""What points are called in andon: templates filled with what the protocol knows, and names that andon refuses.

A template is text with names in braces: `{area}.{device}`. What is put in has no say in how it is taken apart.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from contracts.names import name_fault

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NameFaultError", "fill", "topic_filter", "topic_pattern"]

_BRACES = re.compile(r"\{(\w+)\}")


class NameFaultError(ValueError):
    """What came out is no name that andon takes: the message says why."""


def fill(template: str, known: Mapping[str, str]) -> str:
    """The template with its names filled in.

    Args:
        known: has every name in braces: `contracts.gateways` has checked that.

    Raises: NameFaultError if what comes out is no name of an asset or a sensor.
    """
    name = _BRACES.sub(lambda found: known[found[1]], template)
    if fault := name_fault(name):
        raise NameFaultError(f"{name[:80]!r}: {fault}")
    return name


def topic_filter(template: str) -> str:
    """The MQTT filter that a template of topics subscribes to: `plant/{area}/{asset}` → `plant/+/+`."""
    return "/".join("+" if "{" in level else level for level in template.split("/"))


def topic_pattern(template: str) -> re.Pattern[str]:
    """Takes a topic apart by a template of topics; `{name}` is all or part of a level, `#` is all that follows."""
    levels = []
    for level in template.split("/"):
        if level == "#":
            levels.append("(?P<rest>.*)")
        elif level == "+":
            levels.append("[^/]*")
        else:
            parts = _BRACES.split(level)
            levels.append("".join(re.escape(p) if i % 2 == 0 else f"(?P<{p}>[^/]+)" for i, p in enumerate(parts)))
    return re.compile("/".join(levels))
