"""OPC UA: subscribes to variables of a server (OPC 10000-4), by asyncua.

Only these services are used: FindServers/GetEndpoints, OpenSecureChannel, CreateSession, ActivateSession, Browse, Read,
CreateSubscription, CreateMonitoredItems, Publish, and their ends. Value, quality and time of a reading are the
server's: the top two bits of the status code are the quality, the source's timestamp is the time.

Whole publish responses are taken from the library, not single notifications, which costs a task for each. Nothing is
dropped unseen: when what the server sends isn't taken fast enough, the connection is given up and begun anew, so that
the gap is marked; an overflow of the server's own queues, and a gap in its sequence numbers, are counted.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncua import Client, ua
from asyncua.common.subscription import Subscription
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.uacrypto import CertProperties
from cryptography import x509

from contracts.gateways import OpcUa, placeholders
from contracts.moments import ms_of
from gateways.happenings import Happenings
from gateways.naming import NameFaultError, fill
from gateways.seam import BAD, GOOD, AwayError, Description, Discovered, FoundPoint, Frame, NonsenseError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from asyncua import Node

    from gateways.seam import Value

__all__ = ["OpcUaSource", "Variable", "discover", "numeric_variables"]

ANSWER_S = 10.0
"""A server may take so long for one answer."""
LOOK_S = 2.0
"""A silent server is asked for its time: is it there, and how far is its clock off?"""
STATE = "i=2259"
"""Server.ServerStatus.State"""
ITEMS_PER_REQUEST = 1_000
RESPONSES_WAITING_MAX = 1_000
"""Publish responses that came and weren't taken yet."""
VARIABLES_MAX = 50_000
"""Under `browse`."""
DEPTH_MAX = 16
_OVERFLOW = 0x480
"""DataValue info type and the overflow bit (OPC 10000-4, 7.39.1)."""
_OBJECTS = ua.NodeId(85, 0)  # type: ignore[arg-type]  # asyncua takes a bare number, and says otherwise
_SERVER = ua.NodeId(2253, 0)  # type: ignore[arg-type]
"""What a server tells of itself; not the plant's."""
_NUMERIC = frozenset(range(1, 12))
"""Ids of the data types Boolean to Double, in namespace 0."""
_FAULTS = (ua.uaerrors.UaError, OSError, asyncio.TimeoutError)


class Variable(NamedTuple):
    """A numeric variable of a server."""

    id: str
    path: tuple[str, ...]
    """Browse names from where the search began, down to its own."""
    type: str


class OpcUaSource:
    """One server."""

    tells_changes = True
    acknowledges = False

    def __init__(self, settings: OpcUa, happenings: Happenings) -> None:
        self.deadbands: dict[tuple[str, str], float] = {}
        self.lag_s = (settings.publishing_ms + settings.sampling_ms) / 1000 + 1.0
        self._settings = settings
        self._happenings = happenings
        self.client: Client | None = None
        self._subscription: _Responses | None = None
        self._names: dict[int, tuple[str, str]] = {}

    async def connect(self) -> None:
        """Open a session and subscribe.

        Raises: AwayError, NonsenseError.
        """
        try:
            client = self.client = await _client(self._settings)
            await client.connect()
            await self._subscribe(client, await self._variables(client))
        except _FAULTS as error:
            raise _worded(error, self._settings) from error

    async def readings(self) -> AsyncIterator[list[Frame]]:
        """Changes, as the server sends them.

        Raises: AwayError.
        """
        assert self._subscription is not None
        assert self.client is not None
        responses = self._subscription.responses
        while True:
            try:
                response = await asyncio.wait_for(responses.get(), LOOK_S)
            except TimeoutError:
                await self._look(self.client)
                yield []
                continue
            if self._subscription.overflowed:
                self._happenings.gap(self._settings.name, why="more came than could be taken")
                raise AwayError("more came than could be taken: the connection is begun anew")
            yield self._frames(response)

    async def describe(self) -> Description:
        """What the server says of its build.

        Raises: AwayError.
        """
        assert self.client is not None
        try:
            status = await self.client.nodes.server.get_child(["0:ServerStatus", "0:BuildInfo"])
            build = await status.read_value()
        except _FAULTS:
            return Description()  # not every server has it
        return Description(
            vendor=build.ManufacturerName or "",
            model=build.ProductName or "",
            firmware=build.SoftwareVersion or "",
        )

    async def close(self) -> None:
        """End the session."""
        client, self.client, self._subscription = self.client, None, None
        if client is not None:
            with suppress(*_FAULTS):
                await asyncio.wait_for(client.disconnect(), ANSWER_S)

    async def _look(self, client: Client) -> None:
        try:
            await asyncio.wait_for(client.get_node(STATE).read_value(), ANSWER_S)
        except _FAULTS as error:
            raise _worded(error, self._settings) from error

    async def _variables(self, client: Client) -> list[tuple[str, str, str]]:
        """(node id, asset, sensor) of all that is wanted."""
        settings = self._settings
        found: list[tuple[str, str, str]] = []
        for node in settings.nodes:
            asset, sensor = node.asset or settings.asset, node.sensor or settings.sensor
            known = {"device": settings.name}
            if {*placeholders(asset), *placeholders(sensor)} - {"device"}:
                known |= await _browse_names(client, node.id)
            self._name(found, node.id, asset, sensor, known)
            if node.deadband is not None and found:
                self.deadbands[found[-1][1:]] = node.deadband
        for root in settings.browse:
            async for variable in numeric_variables(client, client.get_node(root)):
                known = {
                    "device": settings.name,
                    "name": variable.path[-1],
                    "parent": variable.path[-2],
                    "path": ".".join(variable.path[:-1]),
                }
                self._name(found, variable.id, settings.asset, settings.sensor, known)
        return found

    def _name(
        self, found: list[tuple[str, str, str]], node: str, asset: str, sensor: str, known: dict[str, str]
    ) -> None:
        try:
            found.append((node, fill(asset, known), fill(sensor, known)))
        except NameFaultError as fault:
            self._happenings.refused(self._settings.name, "bad_name", detail=f"{node}: {fault}")

    async def _subscribe(self, client: Client, variables: list[tuple[str, str, str]]) -> None:
        settings = self._settings
        parameters = ua.CreateSubscriptionParameters()
        parameters.RequestedPublishingInterval = settings.publishing_ms
        parameters.RequestedMaxKeepAliveCount = max(1, round(LOOK_S * 1000 / settings.publishing_ms))
        parameters.RequestedLifetimeCount = max(30, 10 * parameters.RequestedMaxKeepAliveCount)
        parameters.MaxNotificationsPerPublish = 10_000
        parameters.PublishingEnabled = True
        subscription = self._subscription = _Responses(client.uaclient.session, parameters, _Unheard())
        await subscription.init()
        self._names = {}
        faults = 0
        for at in range(0, len(variables), ITEMS_PER_REQUEST):
            part = variables[at : at + ITEMS_PER_REQUEST]
            requests = [self._request(at + number, node) for number, (node, _, _) in enumerate(part)]
            self._names |= {at + number: (asset, sensor) for number, (_, asset, sensor) in enumerate(part)}
            for (node, _, _), handle in zip(part, await subscription.create_monitored_items(requests), strict=True):
                if isinstance(handle, ua.StatusCode):
                    faults += 1
                    self._happenings.refused(settings.name, "unknown", detail=f"{node}: {handle.name}")
        if faults == len(variables):
            raise NonsenseError(f"none of the {faults} variables can be subscribed to")

    def _request(self, handle: int, node: str) -> ua.MonitoredItemCreateRequest:
        wanted = ua.ReadValueId()
        wanted.NodeId = ua.NodeId.from_string(node)
        wanted.AttributeId = ua.AttributeIds.Value
        parameters = ua.MonitoringParameters()
        parameters.ClientHandle = handle
        parameters.SamplingInterval = self._settings.sampling_ms
        parameters.QueueSize = self._settings.queue
        parameters.DiscardOldest = True  # and the overflow bit says so
        request = ua.MonitoredItemCreateRequest()
        request.ItemToMonitor = wanted
        request.MonitoringMode = ua.MonitoringMode.Reporting
        request.RequestedParameters = parameters
        return request

    def _frames(self, response: ua.PublishResult) -> list[Frame]:
        """Changes of one publish response, those of one asset and time together, in the order of their times."""
        frames: dict[tuple[str, int, int], dict[str, Value]] = {}
        names = self._names
        message = response.NotificationMessage
        for notification in message.NotificationData or ():
            if not isinstance(notification, ua.DataChangeNotification):
                continue
            for item in notification.MonitoredItems:
                asset, sensor = names[item.ClientHandle]
                told = item.Value
                status = told.StatusCode.value if told.StatusCode is not None else 0
                value: Any = told.Value.Value if told.Value is not None else None
                if type(value) not in _NUMBERS:
                    if value is not None and status >> 30 == GOOD:
                        self._happenings.refused(self._settings.name, "bad_value", detail=f"{sensor}: no number")
                        continue
                    value = nan
                if status & _OVERFLOW == _OVERFLOW:
                    self._happenings.gap(self._settings.name, why="the server's queue was too short")
                at = told.SourceTimestamp or told.ServerTimestamp
                key = (asset, 0 if at is None else ms_of(at), min(status >> 30, BAD))
                frame = frames.get(key)
                if frame is None:
                    frame = frames[key] = {}
                frame[sensor] = value
        return [Frame(asset, ts, quality, values) for (asset, ts, quality), values in sorted_by_time(frames.items())]


def sorted_by_time(
    frames: Iterable[tuple[tuple[str, int, int], dict[str, Value]]],
) -> list[tuple[tuple[str, int, int], dict[str, Value]]]:
    """A sensor's changes must be told in order, also where another sensor's frame came between them."""
    return sorted(frames, key=lambda frame: frame[0][1])


_NUMBERS = (float, int, bool)


class _Unheard:
    """asyncua wants a handler, or keeps a queue of its own; responses are taken before either."""

    def datachange_notification(self, node: Node, val: Any, data: Any) -> None:
        """Never called."""


class _Responses(Subscription):
    """A subscription whose publish responses are taken whole."""

    def __init__(self, session: Any, parameters: ua.CreateSubscriptionParameters, handler: Any) -> None:
        super().__init__(session, parameters, handler)
        self.responses: asyncio.Queue[ua.PublishResult] = asyncio.Queue(RESPONSES_WAITING_MAX)
        self.overflowed = False

    async def publish_callback(self, publish_result: ua.PublishResult) -> None:
        """A response came; one without changes says that all is as it was."""
        try:
            self.responses.put_nowait(publish_result)
        except asyncio.QueueFull:
            self.overflowed = True


async def numeric_variables(client: Client, root: Node) -> AsyncIterator[Variable]:
    """All variables of a numeric type under a node, each once, at most VARIABLES_MAX.

    Raises: whatever asyncua raises.
    """
    seen: set[ua.NodeId] = set()
    count = 0
    waiting: list[tuple[Node, tuple[str, ...]]] = [(root, ((await root.read_browse_name()).Name or "",))]
    while waiting:
        node, path = waiting.pop()
        for child in await node.get_children_descriptions():
            if child.NodeId in seen or child.NodeId == _SERVER:
                continue
            seen.add(child.NodeId)
            below = client.get_node(child.NodeId)
            inner = (*path, child.BrowseName.Name or "")
            if child.NodeClass == ua.NodeClass.Variable:
                kind: Any = await below.read_data_type()
                if kind.NamespaceIndex == 0 and kind.Identifier in _NUMERIC:
                    count += 1
                    yield Variable(child.NodeId.to_string(), inner, ua.ObjectIdNames[kind.Identifier])
                    if count >= VARIABLES_MAX:
                        return
            elif len(path) < DEPTH_MAX:
                waiting.append((below, inner))


async def _browse_names(client: Client, node: str) -> dict[str, str]:
    """What a template may ask of a variable: its name, and those above it."""
    found: Node | None = client.get_node(node)
    names: list[str] = []
    while found is not None and found.nodeid != _OBJECTS and len(names) < DEPTH_MAX:
        names.append((await found.read_browse_name()).Name or "")
        found = await found.get_parent()
    above = names[1:] or [""]
    return {"name": names[0], "parent": above[0], "path": ".".join(reversed(above))}


async def discover(url: str) -> Discovered:
    """What a server has that could be subscribed to, as anybody who may look at it sees it.

    Raises: AwayError, NonsenseError.
    """
    settings = OpcUa(name="discover", url=url, browse=("i=85",))
    source = OpcUaSource(settings, Happenings())
    try:
        client = source.client = await _client(settings)
        await client.connect()
        who = await source.describe()
        points = [await _found(client, each) async for each in numeric_variables(client, client.get_node(_OBJECTS))]
    except _FAULTS as error:
        raise _worded(error, settings) from error
    finally:
        await source.close()
    return Discovered(who, points)


async def _found(client: Client, variable: Variable) -> FoundPoint:
    node = client.get_node(variable.id)
    above = variable.path[1:-1]
    value, unit = "", ""
    with suppress(*_FAULTS):
        value = str(await node.read_value())
    with suppress(*_FAULTS):
        unit = (await (await node.get_child("0:EngineeringUnits")).read_value()).DisplayName.Text or ""
    return FoundPoint(
        keys={"id": variable.id, "asset": above[-1] if above else "server", "sensor": variable.path[-1]},
        type=variable.type,
        unit=unit,
        value=value,
        isa95="/".join(above[:-1]),
    )


async def _client(settings: OpcUa) -> Client:
    """A client that isn't connected yet.

    Raises: NonsenseError if a file of the settings can't be used.
    """
    client = Client(settings.url, timeout=ANSWER_S, watchdog_intervall=LOOK_S)
    client.name = client.description = "andon gateway"
    client.product_uri = "urn:andon:gateway"
    try:
        if settings.security != "none":
            assert settings.certificate is not None
            assert settings.private_key is not None
            assert settings.server_certificate is not None
            client.application_uri = _application_uri(Path(settings.certificate)) or "urn:andon:gateway"
            modes = ua.MessageSecurityMode
            await client.set_security(
                SecurityPolicyBasic256Sha256,
                _of_file(settings.certificate),
                _of_file(settings.private_key),
                server_certificate=_of_file(settings.server_certificate),
                mode=modes.Sign if settings.security == "sign" else modes.SignAndEncrypt,
            )
        if settings.user is not None and settings.password_file is not None:
            client.set_user(settings.user)
            client.set_password(secret(settings.password_file))
    except (ValueError, TypeError) as error:
        raise NonsenseError(f"the certificate or its key can't be read: {error}") from error
    except OSError as error:
        raise NonsenseError(f"{error.filename}: {error.strerror}") from error
    return client


def _of_file(file: str) -> CertProperties:
    """A certificate or a key: whether it is PEM is seen from what is in it, not from its name."""
    return CertProperties(file, "pem" if Path(file).read_bytes().lstrip().startswith(b"-----") else "der")


def secret(file: str) -> str:
    """The password in a file."""
    return Path(file).read_text(encoding="utf-8").strip()


def _application_uri(path: Path) -> str:
    """What our certificate says that we are called: a server compares."""
    body = path.read_bytes()
    load = x509.load_pem_x509_certificate if body.lstrip().startswith(b"-----") else x509.load_der_x509_certificate
    try:
        names = load(body).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    return next(iter(names.get_values_for_type(x509.UniformResourceIdentifier)), "")


_REFUSALS = (
    ua.uaerrors.BadUserAccessDenied,
    ua.uaerrors.BadIdentityTokenRejected,
    ua.uaerrors.BadIdentityTokenInvalid,
    ua.uaerrors.BadSecurityChecksFailed,
    ua.uaerrors.BadCertificateUntrusted,
    ua.uaerrors.BadCertificateUriInvalid,
    ua.uaerrors.BadNodeIdUnknown,
    ua.uaerrors.BadNodeIdInvalid,
)
"""Asking again at once is answered the same."""


def _worded(error: BaseException, settings: OpcUa) -> AwayError | NonsenseError:
    said = str(error) or type(error).__name__
    if isinstance(error, _REFUSALS):
        return NonsenseError(f"{settings.url}: {said}")
    return AwayError(f"{settings.url}: {said}")
