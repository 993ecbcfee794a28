"""Alertmanager's example, asked by its own tool who is called for what."""

import subprocess

import pytest

from deploy.alertmanager.local import EXAMPLE
from tests.deploy.tools import debian

PLANT = {"kind": "limit", "site": "plant-1", "asset": "press-1", "alertname": "AndonLimit"}


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (PLANT | {"priority": "critical"}, "on-call"),
        (PLANT | {"priority": "high"}, "shift"),
        (PLANT | {"priority": "low", "kind": "drift"}, "engineering"),
        ({"alertname": "AndonWatcherSilent", "priority": "critical"}, "on-call"),
        ({"alertname": "AndonDown", "severity": "page", "job": "andon"}, "platform"),
        ({"alertname": "AndonRejectsMany", "severity": "ticket", "job": "andon"}, "engineering"),
    ],
)
def test_each_alert_calls_whom_it_should(labels, receiver):
    """Operators hear of the plant, the platform's people of andon itself."""
    command = [debian("amtool"), "config", "routes", "test", f"--config.file={EXAMPLE}"]
    command += [f"{name}={value}" for name, value in labels.items()]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stdout.strip() == receiver, done.stderr
