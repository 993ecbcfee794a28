"""Panels of the dashboards and what they ask."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from deploy.grafana.dashboards import DASHBOARDS, FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PANELS", "Panel", "panels_of"]


class Panel(NamedTuple):
    """One panel that asks Prometheus."""

    page: str
    title: str
    queries: tuple[str, ...]


def panels_of(page: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All panels but the headings."""
    for panel in page["panels"]:
        if panel["type"] != "row":
            yield panel
        yield from (inner for inner in panel.get("panels") or ())


PANELS = [
    Panel(name, panel["title"], tuple(target["expr"] for target in panel.get("targets") or ()))
    for name in DASHBOARDS
    for panel in panels_of(json.loads((FOLDER / name).read_text(encoding="utf-8")))
]
