"""Topics of the unified namespace."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from contracts.gateways import Unified
from gateways.unified import topic_of

PATHS = {"press-*": "acme/{site}/shop/{asset}", "umh.*": "{levels}"}


@pytest.mark.parametrize(
    ("asset", "topic"),
    [
        ("press-1", "acme/plant-1/shop/press-1/_alarms"),
        ("umh.plant.line", "umh/plant/line/_alarms"),
        ("oven", "plant-1/oven/_alarms"),
        ("press-+#", "acme/plant-1/shop/press-__/_alarms"),
        ("{site}", "plant-1/{site}/_alarms"),
    ],
)
def test_an_asset_is_under_the_first_path_that_fits(asset, topic):
    """And no name makes a wildcard, or a template."""
    assert topic_of(Unified(paths=PATHS), site="plant-1", asset=asset) == topic


@pytest.mark.parametrize("keys", [{"topic": "{nowhere}"}, {"paths": {"*": "{area}"}}, {"paths": {"*": "{"}}])
def test_a_template_that_cannot_be_filled_is_a_mistake_in_the_settings(keys):
    """`andon check` tells it."""
    with pytest.raises(ValidationError):
        Unified(**keys)
