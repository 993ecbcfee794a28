"""Prometheus' rules, judged by its own tool: each fires when it must, is quiet when it must, and has a page."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from dataflows.happenings import Happenings
from tests.conftest import ROOT
from tests.deploy.tools import debian

FOLDER = ROOT / "deploy" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
GROUPS = [
    group
    for file in ("recording.yml", "alerting.yml")
    for group in yaml.safe_load((FOLDER / file).read_text())["groups"]
]
RULES = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}


def promtool(*arguments):
    """What promtool says, run beside the rules."""
    return subprocess.run(
        [debian("promtool"), *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False
    )


def test_promtool_accepts_the_rules():
    """Prometheus would refuse to start with a rule that it can't read."""
    done = promtool("check", "rules", "recording.yml", "alerting.yml")

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(ALERTS)} rules found" in done.stdout


def test_promtool_accepts_the_configuration(tmp_path):
    """With the rules where compose.yaml puts them."""
    (tmp_path / "prometheus.yml").write_bytes((FOLDER / "prometheus.yml").read_bytes())
    (tmp_path / "rules").symlink_to(FOLDER)

    done = promtool("check", "config", str(tmp_path / "prometheus.yml"))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 rule files found" in done.stdout


def test_every_alert_fires_when_it_must_and_only_then():
    """`promtool test rules`: a rule that never fires is worse than none, and so is one that cries wolf."""
    done = promtool("test", "rules", "tests/alerting_test.yml")

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rule_that_is_wrong_is_found(tmp_path):
    """The tests can fail: without its patience AndonDown calls for one missed scrape."""
    text = (FOLDER / "alerting.yml").read_text()
    (tmp_path / "alerting.yml").write_text(text.replace("for: 2m", "for: 0m"))
    (tmp_path / "recording.yml").write_bytes((FOLDER / "recording.yml").read_bytes())
    (tmp_path / "tests").mkdir()
    tests = tmp_path / "tests" / "alerting_test.yml"
    cases = yaml.safe_load((FOLDER / "tests" / "alerting_test.yml").read_text())
    quiet = next(case for case in cases["tests"] if case["name"].startswith("AndonDown is quiet"))
    quiet["input_series"][0]["values"] = "1 1 1 1 0 1x10"
    tests.write_text(yaml.safe_dump(cases | {"tests": [quiet]}))

    done = promtool("test", "rules", str(tests))

    assert done.returncode != 0
    assert "AndonDown is quiet" in done.stdout + done.stderr


def test_every_alert_is_tried_both_ways():
    """No rule is added without a case where it fires and one where it doesn't."""
    tests = yaml.safe_load((FOLDER / "tests" / "alerting_test.yml").read_text())["tests"]
    tried = {(case["alertname"], bool(case["exp_alerts"])) for test in tests for case in test["alert_rule_test"]}

    assert tried == {(alert, fires) for alert in ALERTS for fires in (True, False)}


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_says_how_urgent_it_is_and_leads_to_its_page(alert):
    """Whoever is called at night finds out what to do."""
    rule = ALERTS[alert]
    page = ROOT / rule["annotations"]["runbook_url"]

    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert page == RUNBOOKS / f"{alert}.md"
    assert [heading in page.read_text() for heading in (f"# {alert}\n", "## Look\n", "## Do\n")] == [True] * 3
    assert f"[{alert}]({alert}.md) | {rule['labels']['severity']} |" in (RUNBOOKS / "index.md").read_text()


def test_no_page_is_left_of_an_alert_that_is_gone():
    """What is written there fires."""
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {"index", *ALERTS}


def test_rules_ask_for_what_is_served_or_worked_out_by_rules():
    """A rule over a metric that nobody serves is silent for ever."""
    families = list(Happenings().registry.collect())
    served = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    served |= {f"{family.name}_bucket" for family in families if family.type == "histogram"}
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    asked = {name for rule in RULES for name in re.findall(r"\b(?:andon|process)[_:][a-z_0-9:]+", rule["expr"])}

    assert asked <= served | recorded
    assert recorded <= asked | {"andon:late:ratio_rate5m"}
