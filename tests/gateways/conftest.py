"""What tests of gateways may ask for."""

from __future__ import annotations

import pytest

from deploy.debian import ProgramError
from tests.conftest import unavailable
from tests.gateways.peers.mosquitto import Mosquitto


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory):
    """An MQTT broker that all tests share."""
    try:
        broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    except ProgramError as error:
        unavailable(str(error))
    with broker:
        yield broker
