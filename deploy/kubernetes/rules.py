"""Prometheus' rules as a resource of its operator: `python -m deploy.kubernetes.rules` writes it anew."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

__all__ = ["FILE", "written"]

HERE = Path(__file__).resolve().parent
FILE = HERE / "components" / "servicemonitor" / "prometheusrule.yaml"
SOURCES = ("recording.yml", "alerting.yml")
HEAD = "# Made by `python -m deploy.kubernetes.rules` from deploy/prometheus: change the rules there.\n"


def written() -> str:
    """The resource as text."""
    files = [(HERE.parent / "prometheus" / name).read_text(encoding="utf-8") for name in SOURCES]
    resource = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "andon", "labels": {"release": "prometheus"}},
        "spec": {"groups": [group for file in files for group in yaml.safe_load(file)["groups"]]},
    }
    return HEAD + yaml.safe_dump(resource, sort_keys=False, width=1000)


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
    sys.exit(0)
