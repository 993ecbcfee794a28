"""The broker of compose.yaml as a plain process: its variables become properties as the image makes them."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
from typing import TYPE_CHECKING, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.kafka.local import FREE_PORTS, HERE, fetch_jars
from tests.kafka.service import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Broker", "free_port"]

WAIT_S = 120
CLUSTER_ID = "5L6g3nShT-eMCtK--X86sw"
"""Any id in Kafka's notation."""


class Broker:
    """Apache Kafka by the variables of a container. A context manager."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        """Take free ports in place of 9092 and 9093.

        Args:
            variables: `KAFKA_…`, which the image turns into properties.
        """
        self._folder = folder
        self._port, controller_port = free_port(), free_port()
        here = {
            ":9092": f":{self._port}",
            ":9093": f":{controller_port}",
            "://kafka:": "://127.0.0.1:",
            "://:": "://127.0.0.1:",
            "localhost": "127.0.0.1",
            "/var/lib/kafka/data": str(folder / "data"),
        }
        self._properties = {}
        for name, value in variables.items():
            for there, replacement in here.items():
                value = value.replace(there, replacement)  # noqa: PLW2901 - the value as it is here
            self._properties[name.removeprefix("KAFKA_").lower().replace("_", ".")] = value

    @property
    def bootstrap(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True)
        properties = self._folder / "server.properties"
        properties.write_text("".join(f"{name}={value}\n" for name, value in self._properties.items()))
        java = ["java", "-Xmx1g", f"-Dandon.kafka.log={self._folder / 'broker.log'}"]
        java += [f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}", "-cp", f"{fetch_jars()}/*"]
        formatting = [*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(properties)]
        done = subprocess.run(formatting, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        with (self._folder / "console.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*java, "kafka.Kafka", str(properties)],
                cwd=self._folder,
                env={**os.environ, "LOG_DIR": str(self._folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, "the broker of compose.yaml answers", wait_s=WAIT_S)
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self._folder / "console.log").read_text()
        try:
            return bool(
                AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0}).list_topics(timeout=2).brokers
            )
        except KafkaException:
            return False


def free_port() -> int:
    """A port that nobody listens on now, from where Linux takes none for outgoing connections."""
    for port in random.sample(FREE_PORTS, k=200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port among 200")
