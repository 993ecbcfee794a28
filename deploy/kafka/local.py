"""A real Apache Kafka on this machine, without containers: one node in KRaft mode, for tests and for trying andon out.

`LocalKafka(directory)` can be started, stopped, killed, paused, and started again on the same data. It needs Java 17,
and Maven once, to fetch the jars that pom.xml names (43 MB) into a cache that all checkouts share. Standard library
only. Run as a program (`make kafka`) it serves until Ctrl-C.

Not for production: one node, no replication, and whoever reaches this machine's loopback may do everything. With
`Secured` there are two more doors, with TLS, and an authorizer; the plain one stays, as the administrator's.
"""

from __future__ import annotations

import argparse
import atexit
import base64
import contextlib
import hashlib
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from deploy.cache import cache_folder, fetched

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType, TracebackType

__all__ = ["LocalKafka", "LocalKafkaError", "Secured", "fetch_jars", "missing_tools"]

HERE = Path(__file__).resolve().parent
POM = HERE / "pom.xml"

JAVA_VERSION_MIN = 17
START_WAIT_S = 60.0
"""Two to four seconds are usual; a busy machine with a cold disk has taken twenty."""
STOP_WAIT_S = 30.0
FETCH_WAIT_S = 600.0
FREE_PORTS = range(20_000, 32_000)
"""Below the range from which Linux takes the ports of outgoing connections: those would come and go under our feet."""

TOOLS = {"kafka-acls.sh": "org.apache.kafka.tools.AclCommand", "kafka-configs.sh": "kafka.admin.ConfigCommand"}
"""Command lines of Kafka, and the classes that they start."""

TOOL_OPTIONS = "-Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
"""They live for a second: what pays off later isn't worth its start."""

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners={doors},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners={advertised}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,DETOUR:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL
log.dirs={data}
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
"""
# The last two: after kill -9 the controller takes the dead broker for alive until its session ends, and refuses the
# new one until then. Three seconds instead of nine make a restart after a crash that much shorter.


SECURED_PROPERTIES = """\
ssl.keystore.type=PEM
ssl.keystore.location={identity}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/,DEFAULT
listener.name.ssl.ssl.client.auth=required
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:admin
"""
# Whoever comes by the plain door is ANONYMOUS: the broker itself, and tests that make users and grant rights.


@dataclass(frozen=True, slots=True, kw_only=True)
class Secured:
    """Two more doors for a `LocalKafka`: SASL/SCRAM over TLS, and TLS with a client's certificate (mTLS).

    Users of SCRAM are made with an admin client; a client's certificate is the user that its common name says. Nobody
    may do anything but `admin` and who comes by the plain door, until they grant rights.
    """

    identity: Path
    """PEM file: the broker's private key (PKCS #8, not encrypted), then its certificate, for 127.0.0.1."""
    authority: Path
    """PEM file: certificates of those who sign clients' certificates."""


class LocalKafkaError(Exception):
    """The local broker can't be had: the message says what is missing, or how its log ends."""


class LocalKafka:
    """One broker that lives in a directory: `server.properties`, its data and its logs.

    Not safe for use from several threads. A port of 0 takes a free one; it stays the same over restarts of this
    object, so that clients find the broker again.

    Args:
        secured: two more doors, for those who prove who they are.
        detour_port: one more door, at `inner_port`; whoever comes by it is told that the broker listens at this port.
            So a proxy there that forwards to `inner_port` is in the way of all that its clients do. 0: there is none.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        controller_port: int = 0,
        secured: Secured | None = None,
        detour_port: int = 0,
    ) -> None:
        self.directory = directory.resolve()
        self.port = port or _free_port(other_than={controller_port})
        self.controller_port = controller_port or _free_port(other_than={self.port})
        self._secured = secured
        self._doors = {"PLAINTEXT": self.port}
        if secured is not None:
            for protocol in ("SASL_SSL", "SSL"):
                self._doors[protocol] = _free_port(other_than={self.controller_port, *self._doors.values()})
        self._detour_port = detour_port
        if detour_port:
            self._doors["DETOUR"] = _free_port(other_than={self.controller_port, *self._doors.values()})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Where clients connect: `host:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def scram_bootstrap(self) -> str:
        """Where clients connect with security.protocol=SASL_SSL; of a secured broker."""
        return f"127.0.0.1:{self._doors['SASL_SSL']}"

    @property
    def mtls_bootstrap(self) -> str:
        """Where clients connect with security.protocol=SSL and a certificate; of a secured broker."""
        return f"127.0.0.1:{self._doors['SSL']}"

    @property
    def inner_port(self) -> int:
        """Where a proxy connects; of a broker with a detour."""
        return self._doors["DETOUR"]

    @property
    def running(self) -> bool:
        """Whether the broker's process is there; a paused one is."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, wait_s: float = START_WAIT_S) -> None:
        """Start the broker and wait until it answers; the directory's data, if there is any, is served again.

        Raises: LocalKafkaError if tools are missing, the jars can't be fetched, a port is taken, or it doesn't answer
            in `wait_s` seconds. No process is left behind then.
        """
        if self.running:
            return
        for port in (*self._doors.values(), self.controller_port):
            if _listening(port):
                raise LocalKafkaError(
                    f"port {port} of 127.0.0.1 is in use: stop what listens there, or choose another."
                )
        jars = fetch_jars()
        data = self.directory / "data"
        data.mkdir(parents=True, exist_ok=True)
        properties = self.directory / "server.properties"
        properties.write_text(self._properties(data), encoding="utf-8")
        java = ["java", "-Xmx1g", f"-Dandon.kafka.log={self.directory / 'broker.log'}"]
        java += [f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}", "-cp", f"{jars}/*"]
        with (self.directory / "console.log").open("ab") as console:
            if not (data / "meta.properties").exists():
                self._format([*java, "kafka.tools.StorageTool"], properties)
            self._process = subprocess.Popen(
                [*java, "kafka.Kafka", str(properties)],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,  # Ctrl-C in the terminal is for us; we stop the broker in order
            )
        atexit.register(self.kill)
        self._wait_until_it_answers(wait_s)

    def tools(self, folder: Path) -> None:
        """Put `kafka-acls.sh` and `kafka-configs.sh` into a folder, as a distribution of Kafka has them."""
        for name, main in TOOLS.items():
            tool = folder / name
            java = f"java {TOOL_OPTIONS} -cp '{fetch_jars()}/*' {main}"
            tool.write_text(f'#!/bin/sh\nexec {java} "$@"\n', encoding="utf-8")
            tool.chmod(0o755)

    def stop(self, *, wait_s: float = STOP_WAIT_S) -> None:
        """Shut the broker down in order; kill it if that takes longer than `wait_s` seconds."""
        if self._process is None:
            return
        self.resume()  # a stopped process hears no SIGTERM
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self.kill()
        atexit.unregister(self.kill)
        self._process = None

    def kill(self) -> None:
        """End the broker as a power cut would (SIGKILL): what it hadn't flushed is in the page cache and survives."""
        if self._process is None:
            return
        self._signal(signal.SIGKILL)
        self._process.wait()
        atexit.unregister(self.kill)
        self._process = None

    def pause(self) -> None:
        """Freeze the broker (SIGSTOP): connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused broker go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _properties(self, data: Path) -> str:
        advertised = {**self._doors, **({"DETOUR": self._detour_port} if self._detour_port else {})}
        text = PROPERTIES.format(
            doors=_addresses(self._doors),
            advertised=_addresses(advertised),
            controller_port=self.controller_port,
            data=data,
        )
        if self._secured is not None:
            text += SECURED_PROPERTIES.format(identity=self._secured.identity, authority=self._secured.authority)
        return text

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _format(self, tool: list[str], properties: Path) -> None:
        done = subprocess.run(
            [*tool, "format", "-t", _cluster_id(), "-c", str(properties)],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LocalKafkaError(f"the directory {self.directory} can't be formatted for Kafka:\n{done.stdout}")

    def _wait_until_it_answers(self, wait_s: float) -> None:
        deadline = time.monotonic() + wait_s
        while not _serves(self.port):
            ended = not self.running
            if ended or time.monotonic() > deadline:
                self.kill()
                what = "ended while it started" if ended else f"didn't answer within {wait_s:g} s"
                raise LocalKafkaError(f"the local Kafka {what}; its logs in {self.directory} end with:\n{self._tail()}")
            time.sleep(0.1)

    def _tail(self) -> str:
        lines = []
        for name in ("console.log", "broker.log"):
            with contextlib.suppress(FileNotFoundError):
                lines += (self.directory / name).read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        return "\n".join(f"  {line}" for line in lines)


def missing_tools() -> str | None:
    """What this machine lacks for a local broker, and how to get it; None if nothing is missing."""
    version = _java_version()
    if version is None or version < JAVA_VERSION_MIN:
        found = "no `java` on PATH" if version is None else f"`java` is version {version}"
        return (
            f"a local Kafka needs Java {JAVA_VERSION_MIN} or newer, and {found}. "
            "On Debian: apt-get install openjdk-17-jre-headless maven"
        )
    if not (cache_folder() / _jars_name()).exists() and shutil.which("mvn") is None:
        return (
            "a local Kafka needs Maven once, to fetch its jars, and there is no `mvn` on PATH. "
            "On Debian: apt-get install maven"
        )
    return None


def fetch_jars() -> Path:
    """The directory with Kafka's jars; they are fetched if they aren't there yet (20 s, once).

    Raises: LocalKafkaError if Java or Maven is missing, or Maven fails.
    """
    missing = missing_tools()
    if missing:
        raise LocalKafkaError(missing)

    def fetch(scratch: Path) -> Path:
        _run_maven(scratch / "jars")
        return scratch / "jars"

    return fetched(_jars_name(), fetch, doing="fetching Apache Kafka (43 MB, once)")


def main() -> int:
    """Run a broker in the foreground until Ctrl-C."""
    parser = argparse.ArgumentParser(description="A local Apache Kafka for trying andon out.")
    parser.add_argument("--directory", type=Path, default=Path(".kafka"), help="where its data and logs live")
    parser.add_argument("--port", type=int, default=9092, help="where it listens, on 127.0.0.1")
    parser.add_argument("--controller-port", type=int, default=9093, help="used between broker and controller only")
    arguments = parser.parse_args()
    kafka = LocalKafka(arguments.directory, port=arguments.port, controller_port=arguments.controller_port)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        kafka.start()
        print(f"Apache Kafka listens on {kafka.bootstrap}; data and logs in {kafka.directory}.", flush=True)
        print("Stop it with Ctrl-C; its data stays. Another terminal may use it meanwhile.", flush=True)
        while kafka.running:
            time.sleep(0.5)
    except LocalKafkaError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopping …", flush=True)
        kafka.stop()
        return 0
    print(f"the broker ended by itself: see the logs in {kafka.directory}", file=sys.stderr)
    return 1


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _jars_name() -> str:
    """Kafka's version and the pom's digest: a changed pom fetches anew, an old checkout keeps its own."""
    pom = POM.read_bytes()
    found = re.search(rb"<kafka\.version>(.+?)</kafka\.version>", pom)
    assert found is not None, "pom.xml names kafka.version"
    digest = hashlib.sha256(pom).hexdigest()[:8]
    return f"kafka-{found[1].decode()}-{digest}"


def _run_maven(into: Path) -> None:
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={into}"]
    try:
        done = subprocess.run(
            ["mvn", "-q", "-B", "-f", str(POM), *goal],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=FETCH_WAIT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise LocalKafkaError(f"Maven didn't fetch Kafka's jars within {FETCH_WAIT_S:g} s.") from error
    if done.returncode or not into.is_dir():
        raise LocalKafkaError(f"Maven couldn't fetch Kafka's jars:\n{done.stdout}")


def _java_version() -> int | None:
    if shutil.which("java") is None:
        return None
    done = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return int(found[1]) if found else None


def _cluster_id() -> str:
    """A random id in Kafka's notation: 16 bytes in URL-safe base64; one that begins with a dash reads as an option."""
    name = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return name if not name.startswith("-") else _cluster_id()


def _addresses(doors: Mapping[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in doors.items())


def _free_port(*, other_than: set[int]) -> int:
    for port in random.sample(FREE_PORTS, k=200):
        if port not in other_than:
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise LocalKafkaError(f"no free port among 200 tried between {FREE_PORTS.start} and {FREE_PORTS.stop}.")


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _serves(port: int) -> bool:
    """Whether the broker is ready for work: it answers a Metadata request and counts itself among the brokers.

    An open port isn't enough: for some hundred milliseconds the broker accepts connections while it is still fenced,
    and a topic created then fails.
    """
    metadata, version, correlation, no_client_id, no_topics = 3, 1, 7, -1, 0
    request = struct.pack(">hhihi", metadata, version, correlation, no_client_id, no_topics)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            with connection.makefile("rb") as answer:
                head = answer.read(12)
    except OSError:
        return False
    if len(head) < 12:
        return False
    _size, answered, broker_count = struct.unpack(">iii", head)
    return bool(answered == correlation and broker_count > 0)


if __name__ == "__main__":
    sys.exit(main())
