"""OPC UA against asyncua's own server."""

from __future__ import annotations

import asyncio
import datetime as dt
from math import isnan
from types import SimpleNamespace

import pytest
from asyncua import ua
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from contracts.gateways import OpcUa
from gateways.happenings import Happenings
from gateways.opcua import OpcUaSource, discover
from gateways.seam import BAD, GOOD, UNCERTAIN, AwayError, NonsenseError
from tests.crash.proxy import Proxy
from tests.gateways.peers.opcua import opcua_press, services_in
from tests.gateways.process import free_port

TEMPERATURE = "ns=2;s=Line1.Press1.Temperature"
BAD_SENSOR_FAILURE = 0x808C0000
UNCERTAIN_LAST_USABLE = 0x40900000


@pytest.fixture(scope="module")
def press():
    """A server without security."""
    with opcua_press(free_port()) as press:
        yield press


def source(url, **keys):
    """Not connected yet."""
    happenings = Happenings(["press"])
    fast = {"publishing_ms": 20, "sampling_ms": 0}
    return OpcUaSource(OpcUa(name="press", url=url, **fast | keys), happenings), happenings


async def read(source, count, then=lambda _found: None):
    """Frames, up to so many; `then` is called with those that have come."""
    try:
        await source.connect()
        found = []
        async for frames in source.readings():
            found += frames
            if len(found) >= count:
                return found
            await asyncio.to_thread(then, found)
    finally:
        await source.close()


def test_names_come_from_the_tree_and_texts_are_left_out(press):
    """All numeric variables under a folder, each as it is called there."""
    asked, _ = source(press.url, browse=("ns=2;s=Line1",), asset="{path}", sensor="{name}")

    found = asyncio.run(read(asked, 1))

    values = {(frame.asset, sensor) for frame in found for sensor in frame.values}
    assert values <= {("Line1.Press1", "Temperature"), ("Line1.Press1", "Speed")}
    assert all(frame.ts_ms > 1_600_000_000_000 for frame in found)


def test_quality_is_the_servers(press):
    """Good, uncertain and bad; a bad one has no value."""
    press.write("Temperature", 20.0)
    steps = iter([(21.0, UNCERTAIN_LAST_USABLE), (22.0, BAD_SENSOR_FAILURE), (23.0, 0)])

    def then(found):
        if len(found) in {1, 2, 3}:
            value, status = next(steps)
            press.write("Temperature", value, status=status)

    asked, _ = source(press.url, nodes=({"id": TEMPERATURE, "sensor": "temp"},))
    found = asyncio.run(read(asked, 4, then))

    assert [frame.quality for frame in found] == [GOOD, UNCERTAIN, BAD, GOOD]
    values = [frame.values["temp"] for frame in found]
    assert values[0] == 20
    assert isnan(values[2]) or values[2] == 22
    assert values[3] == 23


READS = {
    "BrowseNextRequest",
    "BrowseRequest",
    "ReadRequest",
    "TranslateBrowsePathsToNodeIdsRequest",
    # of the session and its subscriptions: they end with it
    "ActivateSessionRequest",
    "CloseSessionRequest",
    "CreateMonitoredItemsRequest",
    "CreateSessionRequest",
    "CreateSubscriptionRequest",
    "DeleteSubscriptionsRequest",
    "FindServersRequest",
    "GetEndpointsRequest",
    "PublishRequest",
}


def test_only_services_that_read_arrive(press):
    """Browsed, described, subscribed to and discovered: a recorder on the wire heard nothing that changes a server."""

    async def all_of_it(url):
        asked, _ = source(url, browse=("ns=2;s=Line1",))
        try:
            await asked.connect()
            await asked.describe()
            async for frames in asked.readings():
                if frames:
                    break
        finally:
            await asked.close()
        await discover(url)

    port = int(press.url.split(":")[2].split("/")[0])
    with Proxy(keep=True) as proxy:
        proxy.target_port = port
        asyncio.run(all_of_it(press.url.replace(str(port), str(proxy.port))))
        heard = [services_in(bytes(connection)) for connection in proxy.heard]

    services = set().union(*heard)
    assert {"ReadRequest", "BrowseRequest", "CreateMonitoredItemsRequest", "PublishRequest"} <= services <= READS


def test_a_variable_that_is_missing_is_told_and_the_rest_is_read(press):
    """One wrong node id of many costs that one."""
    nodes = ({"id": TEMPERATURE, "sensor": "temp"}, {"id": "ns=2;s=Nowhere", "sensor": "x"})
    asked, happenings = source(press.url, nodes=nodes)

    (frame,) = asyncio.run(read(asked, 1))

    assert frame.values.keys() == {"temp"}
    refused = {"device": "press", "reason": "unknown"}
    assert happenings.registry.get_sample_value("andon_gateway_refusals_total", refused) == 1


def test_a_server_that_has_nothing_of_it_is_left_alone(press):
    """The settings are of another one."""
    asked, _ = source(press.url, nodes=({"id": "ns=2;s=Nowhere", "sensor": "x"},))

    with pytest.raises(NonsenseError, match="none of the 1 variables"):
        asyncio.run(read(asked, 1))


def test_nobody_there_is_away():
    """And is tried again."""
    asked, _ = source(f"opc.tcp://127.0.0.1:{free_port()}", nodes=({"id": TEMPERATURE, "sensor": "x"},))

    with pytest.raises(AwayError, match=r"opc\.tcp://127\.0\.0\.1"):
        asyncio.run(read(asked, 1))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # asyncua's server leaves its socket
def test_a_server_that_ends_is_away(monkeypatch):
    """A silent server is asked, and its silence noticed."""
    monkeypatch.setattr("gateways.opcua.LOOK_S", 0.2)
    with opcua_press(free_port()) as press:
        asked, _ = source(press.url, nodes=({"id": TEMPERATURE, "sensor": "temp"},))

        with pytest.raises(AwayError):
            asyncio.run(read(asked, 2, lambda _found: press.stop()))


def test_an_overflow_of_the_servers_queue_is_counted():
    """The server says that it dropped changes: so do we."""
    asked, happenings = source("opc.tcp://x", nodes=({"id": TEMPERATURE, "sensor": "temp"},))
    asked._names = {0: ("press", "temp")}
    told = ua.DataValue(ua.Variant(1.0), StatusCode=ua.StatusCode(0x480))
    item = ua.MonitoredItemNotification(0, told)
    message = SimpleNamespace(NotificationData=[ua.DataChangeNotification([item])])

    asked._frames(SimpleNamespace(NotificationMessage=message))

    assert happenings.registry.get_sample_value("andon_gateway_gaps_total", {"device": "press"}) == 1


def certificate(folder, name):
    """A certificate that its owner has signed, and its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"andon test {name}")])
    now = dt.datetime.now(dt.UTC)
    uri = x509.UniformResourceIdentifier(f"urn:andon:test:{name}")
    usage = dict.fromkeys(("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False)
    usage |= dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), True
    )
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([uri, x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.KeyUsage(**usage), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def test_messages_are_signed_and_encrypted(tmp_path, monkeypatch):
    """Basic256Sha256: with our certificate it is read, without one it isn't, and another server's isn't believed."""
    for name in ("server", "gateway", "other"):
        certificate(tmp_path, name)
    node = {"nodes": ({"id": TEMPERATURE, "sensor": "temp"},)}
    secured = {
        "security": "sign_and_encrypt",
        "certificate": str(tmp_path / "gateway.pem"),
        "private_key": str(tmp_path / "gateway.key"),
    }
    with opcua_press(free_port(), tmp_path) as press:
        trusted, _ = source(press.url, **node, **secured, server_certificate=str(tmp_path / "server.pem"))
        mistaken, _ = source(press.url, **node, **secured, server_certificate=str(tmp_path / "other.pem"))
        open_, _ = source(press.url, **node)

        (frame,) = asyncio.run(read(trusted, 1))
        monkeypatch.setattr("gateways.opcua.ANSWER_S", 1.0)  # a server that refuses so says nothing at all
        for refused in (mistaken, open_):
            with pytest.raises((AwayError, NonsenseError)):
                asyncio.run(read(refused, 1))

    assert frame.values == {"temp": 20.0}


def test_a_certificate_that_cannot_be_read_is_told(tmp_path):
    """By its name."""
    (tmp_path / "x.pem").write_text("nonsense")
    files = dict.fromkeys(("certificate", "private_key", "server_certificate"), str(tmp_path / "x.pem"))
    asked, _ = source("opc.tcp://127.0.0.1:1", browse=("i=85",), security="sign", **files)

    with pytest.raises(NonsenseError, match="can't be read"):
        asyncio.run(read(asked, 1))
