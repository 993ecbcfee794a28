"""The dashboards as Grafana reads them; what their queries find is asked in tests/kafka/test_compose.py."""

from __future__ import annotations

import json
import re
from itertools import combinations

import pytest
import yaml

from dataflows.happenings import Happenings
from deploy.grafana.dashboards import ALERTMANAGER, FOLDER, main, written
from tests.deploy.dashboards import PANELS, panels_of

PAGES = {name: json.loads(text) for name, text in written().items()}


def test_the_files_are_what_the_code_makes(capsys):
    """What compose.yaml mounts is what can be read and changed in code."""
    assert main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("name", PAGES)
def test_panels_lie_beside_each_other(name):
    """None hides another, and none leaves the page."""
    places = [(panel["title"], panel["gridPos"]) for panel in PAGES[name]["panels"]]

    assert [title for title, at in places if at["x"] + at["w"] > 24] == []
    for (one, a), (other, b) in combinations(places, 2):
        apart = (
            a["x"] + a["w"] <= b["x"]
            or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"]
            or b["y"] + b["h"] <= a["y"]
        )
        assert apart, (one, other)


@pytest.mark.parametrize(("page", "title"), [(panel.page, panel.title) for panel in PANELS])
def test_every_panel_says_what_it_shows(page, title):
    """Whoever sees a curve for the first time can read what it means."""
    (panel,) = [panel for panel in panels_of(PAGES[page]) if panel["title"] == title]

    assert len(panel["description"]) > 10
    assert panel["type"] == "alertGroups" or panel["datasource"] == {"type": "prometheus", "uid": "${source}"}


def test_every_metric_of_ours_is_on_a_dashboard():
    """What is measured can be seen without learning PromQL."""
    shown = " ".join(query for panel in PANELS for query in panel.queries)
    families = {family.name for family in Happenings().registry.collect() if family.name.startswith("andon_")}

    missing = {name for name in families if not re.search(rf"\b{name}(_total|_bucket|_sum)?\b", shown)}

    assert missing == UNSEEN


UNSEEN = {
    "andon_alarms_reconciled",  # after a crash, and in the log
    "andon_devices_passed_over",  # in the log
    "andon_ts_missing",  # a habit of producers
    "andon_umh_left_out",  # likewise: of those that aren't ours
    "andon_windows_closed",
}
"""Metrics that answer questions which nobody asks every day."""


def test_the_sources_are_those_that_the_dashboards_ask():
    """A dashboard that asks a source by another name shows nothing."""
    file = FOLDER / "provisioning" / "datasources" / "sources.yml"
    sources = {source["name"]: source["type"] for source in yaml.safe_load(file.read_text())["datasources"]}

    assert sources == {"Prometheus": "prometheus", ALERTMANAGER: "alertmanager"}
