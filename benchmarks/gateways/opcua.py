"""OPC UA: a subscription to variables that a server changes as fast as it can, which is what bounds both."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from asyncua import Client, Server, ua

from benchmarks.gateways.peers import beside
from contracts.gateways import OpcUa, OpcUaNode
from gateways.happenings import Happenings
from gateways.opcua import OpcUaSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.gateways.peers import Pair
    from benchmarks.gateways.store import Store

__all__ = ["opcua"]

VARIABLES = 100
PUBLISHING_MS = 50.0
QUEUE = 1_000
NODES = [f"ns=2;s=v{number}" for number in range(VARIABLES)]


@contextmanager
def opcua(seconds: float, store: Store) -> Iterator[Pair]:
    """Counted by a handler, and as readings."""
    with beside(lambda port: asyncio.run(_serve(port))) as port:
        url = f"opc.tcp://127.0.0.1:{port}/"
        yield lambda: asyncio.run(_bare(url, seconds)), lambda: asyncio.run(_ours(url, seconds, store))


async def _serve(port: int) -> None:
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    await server.register_namespace("urn:andon:bench")
    variables = [await server.nodes.objects.add_variable(ua.NodeId.from_string(node), node, 0.0) for node in NODES]
    value = 0.0
    async with server:
        while True:
            value += 1.0
            for variable in variables:
                await variable.write_value(value)
            await asyncio.sleep(0)


class _Counter:
    """A handler that counts."""

    def __init__(self) -> None:
        self.count = 0

    def datachange_notification(self, node: Any, val: Any, data: Any) -> None:  # noqa: ARG002 - asyncua's names
        """A value came."""
        self.count += 1


async def _bare(url: str, seconds: float) -> int:
    counter = _Counter()
    async with Client(url) as client:
        subscription = await client.create_subscription(PUBLISHING_MS, counter)
        nodes = [client.get_node(node) for node in NODES]
        await subscription.subscribe_data_change(nodes, queuesize=QUEUE)
        await asyncio.sleep(seconds)
        return counter.count


async def _ours(url: str, seconds: float, store: Store) -> int:
    nodes = tuple(OpcUaNode(id=node, sensor=node) for node in NODES)
    settings = OpcUa(name="bench", url=url, nodes=nodes, publishing_ms=PUBLISHING_MS, sampling_ms=0, queue=QUEUE)
    source = OpcUaSource(settings, Happenings(["bench"]))
    return await store.drain(source, settings, seconds)
