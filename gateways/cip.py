"""CIP services that read, over EtherNet/IP: one device, by pycomm3.

Only these leave this module: Read Tag, Get Attribute Single, Get Attributes All, Get Instance Attribute List, and the
Multiple Service Packet around them. `_Reader` refuses any other before it is sent. All go unconnected, so that none of
the device's few connections is taken. Methods wait for the device in the thread that calls them.

Sources: ODVA, The CIP Networks Library, volume 1 (services, status codes, types); Rockwell 1756-PM020 (tags).
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pycomm3 import CIPDriver
from pycomm3.cip import PADDED_EPATH, DataSegment, LogicalSegment
from pycomm3.cip_driver import parse_cip_route
from pycomm3.custom_types import ModuleIdentityObject
from pycomm3.exceptions import CommError, PycommError
from pycomm3.packets import RegisterSessionRequestPacket, SendRRDataRequestPacket, UnRegisterSessionRequestPacket
from pycomm3.packets.util import get_service_status, wrap_unconnected_send
from pycomm3.socket_ import Socket

from gateways.blocks import Refusal
from gateways.seam import AwayError, Description, NonsenseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["READS", "TAG_TYPES", "CipDevice"]

READ_TAG, GET_SINGLE, GET_ALL, GET_LIST, MANY = b"\x4c", b"\x0e", b"\x01", b"\x55", b"\x0a"
READS = frozenset({READ_TAG, GET_SINGLE, GET_ALL, GET_LIST, MANY})
"""Codes of services that only read."""
IDENTITY, ROUTER, SYMBOL = 0x01, 0x02, 0x6B
"""Classes."""
PATHS_KEPT_MAX = 65_536
"""The same are asked for at every poll, and to encode one takes as long as all else that is done for a value."""
TAG_TYPES = {
    0xC1: ("BOOL", "?"),
    0xC2: ("SINT", "b"),
    0xC3: ("INT", "h"),
    0xC4: ("DINT", "i"),
    0xC5: ("LINT", "q"),
    0xC6: ("USINT", "B"),
    0xC7: ("UINT", "H"),
    0xC8: ("UDINT", "I"),
    0xC9: ("ULINT", "Q"),
    0xCA: ("REAL", "f"),
    0xCB: ("LREAL", "d"),
    0xD1: ("BYTE", "B"),
    0xD2: ("WORD", "H"),
    0xD3: ("DWORD", "I"),
    0xD4: ("LWORD", "Q"),
}
"""Names, and letters of `struct`, by the code that comes before the value of a tag."""
REQUESTS_BYTES_MAX = 420
"""Of a packet of many: what goes unconnected has 504 bytes, with all that is around it."""
REQUESTS_MAX = 28
"""Of a packet of many: so many answers of the largest number have 504 bytes."""
NO_SESSION = 0x64
"""Status of the encapsulation."""
OK, NO_ROUTE, PARTIAL, UNSUPPORTED, EMBEDDED = 0x00, 0x01, 0x06, 0x08, 0x1E
_FOREVER_WRONG = frozenset({0x04, 0x05, 0x08, 0x0F, 0x13, 0x14, 0x16, 0x20, 0x26, 0xFF})
"""Status codes: no such path, object, attribute or service, no right to it. Asked again the answer is the same."""


class _Read(SendRRDataRequestPacket):
    """A request of the services of this module, sent on by a route where there is one."""

    def __init__(self, service: bytes, path: bytes, data: bytes, *, route: bytes) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.services = {service, *(_embedded(data) if service == MANY else ())}
        message = service + path + data
        self.add(wrap_unconnected_send(message, route) if route else message)


class _Reader(CIPDriver):
    """A client that can only read."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        super().__init__(f"{host}:{port}")
        self._sock = Socket(timeout_s)
        self._sock.sock.close()
        self._sock.sock = _EndingSocket(timeout_s)

    def send(self, request: Any) -> Any:
        """Send a request that reads, or one that opens or ends the session."""
        if isinstance(request, _Read):
            if others := request.services - READS:
                raise PermissionError(f"service {others.pop().hex()} isn't one that only reads")
        elif not isinstance(request, RegisterSessionRequestPacket | UnRegisterSessionRequestPacket):
            raise PermissionError(f"{type(request).__name__} isn't a request that only reads")
        return super().send(request)


class _EndingSocket(socket.socket):
    """Of a connection that the other side may end: pycomm3 would wait for the rest of an answer for ever."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_STREAM)
        self.settimeout(timeout_s)

    def recv(self, *arguments: Any) -> bytes:
        """What has come.

        Raises: ConnectionError if nothing will come any more.
        """
        data = super().recv(*arguments)
        if not data:
            raise ConnectionError("the device ended the connection")
        return data


class _Answer(NamedTuple):
    """Of one service."""

    status: int
    data: bytes


class CipDevice:
    """A device that is reached; every method may raise AwayError and NonsenseError.

    Args:
        route: port/link and so on; empty for none.
    """

    def __init__(self, host: str, port: int, *, route: str, timeout_s: float) -> None:
        self._where = host
        self._route = route
        self._route_path: bytes = (
            PADDED_EPATH.encode(parse_cip_route(route), length=True, pad_length=True) if route else b""
        )
        self._many = True
        """It takes packets of many."""
        self._address = (host, port, timeout_s)
        self._reader = _Reader(*self._address)

    def open(self) -> None:
        """Reach it, and begin a session."""
        if not self._do(self._reader.open):
            raise AwayError(f"{self._where} gives no session")

    def close(self) -> None:
        """Let go. Raises nothing."""
        with suppress(PycommError, OSError):
            self._reader.close()  # type: ignore[no-untyped-call]

    def identity(self) -> Description:
        """What its identity object says; nothing where it has none."""
        answer = self._exchange(GET_ALL, _object_path(IDENTITY, 1))
        if answer.status != OK:
            return Description()
        try:
            told = ModuleIdentityObject.decode(answer.data)
        except PycommError:
            return Description()
        revision = told["revision"]
        return Description(
            vendor=told["vendor"],
            model=told["product_name"],
            firmware=f"{revision['major']}.{revision['minor']}",
            serial=told["serial"],
        )

    def attribute(self, class_: int, instance: int, attribute: int) -> bytes | Refusal:
        """The bytes of an attribute."""
        return _data(self._exchange(GET_SINGLE, _object_path(class_, instance, attribute)))

    def tags(self, names: Sequence[str]) -> list[bytes | Refusal]:
        """Of each tag the code of its type, two bytes, and its value: many at once where the device takes that."""
        requests = [READ_TAG + _tag_path(name) + b"\x01\x00" for name in names]  # one element
        found: list[bytes | Refusal] = []
        for pack in _packs(requests):
            found += self._together(pack)
        return found

    def listed(self, program: str = "") -> Iterator[tuple[str, int]]:
        """Names and codes of types of the numbers that a controller has, of arrays the first; structures are left out.

        Nothing where the device lists none.
        """
        scope = [DataSegment(program)] if program else []
        instance = 0
        while True:
            path = _path(*scope, LogicalSegment(SYMBOL, "class_id"), LogicalSegment(instance, "instance_id"))
            answer = self._exchange(GET_LIST, path, struct.pack("<4H", 3, 1, 2, 8))  # name, type, dimensions
            if answer.status not in {OK, PARTIAL}:
                return
            symbols = self._do(partial(_symbols, answer.data))
            for _, name, type_ in symbols:
                dimensions, code = type_ >> 13 & 3, type_ & 0xFF
                if name.startswith("Program:") and not program:
                    yield from self.listed(name)
                elif not type_ & 0x9000 and code in TAG_TYPES and ":" not in name and not name.startswith("__"):
                    first = f"[{','.join('0' * dimensions)}]" if dimensions else ""
                    yield f"{program}.{name}{first}".removeprefix("."), code
            if answer.status == OK:
                return
            if not symbols or symbols[-1][0] < instance:
                raise NonsenseError(f"{self._where}: a list of tags that goes round in circles")
            instance = symbols[-1][0] + 1

    def _together(self, requests: Sequence[bytes]) -> list[bytes | Refusal]:
        if self._many and len(requests) > 1:
            answer = self._exchange(MANY, _object_path(ROUTER, 1), _packed(requests))
            if answer.status in {OK, EMBEDDED}:
                answers = self._do(lambda: _unpacked(answer.data))
                if len(answers) != len(requests):
                    raise NonsenseError(f"{self._where}: {len(answers)} answers to {len(requests)} requests")
                return [_data(each) for each in answers]
            if answer.status not in _FOREVER_WRONG:
                return [_data(answer)] * len(requests)
            self._many = False
        return [_data(self._exchange(request[:1], request[1:])) for request in requests]

    def _exchange(self, service: bytes, path: bytes, data: bytes = b"") -> _Answer:
        response = self._do(lambda: self._reader.send(_Read(service, path, data, route=self._route_path)))
        if response.command_status == NO_SESSION:
            raise AwayError(f"{self._where}: the session is over")
        if response.command_status:  # some refuse packets of what they don't know as a whole, and end the session
            self.close()
            self._reader = _Reader(*self._address)
            self.open()
            return _Answer(UNSUPPORTED, b"")
        if response.service_status is None:
            raise NonsenseError(f"{self._where}: {response.error}")
        if response.service_status == NO_ROUTE:
            raise AwayError(f"{self._where}: nobody answers at the route {self._route or '(none)'}")
        return _Answer(response.service_status, bytes(response.data))

    def _do(self, what: Callable[[], Any]) -> Any:
        try:
            return what()
        except CommError as error:
            cause: BaseException = error
            while cause.__cause__ is not None:
                cause = cause.__cause__
            raise AwayError(f"{self._where}: {cause}") from error
        except (PycommError, struct.error, IndexError) as error:
            raise NonsenseError(f"{self._where}: an answer that is none ({error})") from error


def _data(answer: _Answer) -> bytes | Refusal:
    if answer.status in {OK, PARTIAL}:
        return answer.data
    why = f"status {answer.status:#04x}, {get_service_status(answer.status)}"
    return Refusal(why, for_good=answer.status in _FOREVER_WRONG)


@lru_cache(maxsize=PATHS_KEPT_MAX)
def _object_path(class_: int, instance: int, attribute: int | None = None) -> bytes:
    segments = [LogicalSegment(class_, "class_id"), LogicalSegment(instance, "instance_id")]
    if attribute is not None:
        segments.append(LogicalSegment(attribute, "attribute_id"))
    return _path(*segments)


@lru_cache(maxsize=PATHS_KEPT_MAX)
def _tag_path(tag: str) -> bytes:
    """`Program:Main.Motors[3].Speed` → its segments."""
    segments: list[DataSegment | LogicalSegment] = []
    for part in tag.split("."):
        name, _, indices = part.partition("[")
        segments.append(DataSegment(name))
        segments += [LogicalSegment(int(index), "member_id") for index in indices.rstrip("]").split(",") if index]
    return _path(*segments)


def _path(*segments: DataSegment | LogicalSegment) -> bytes:
    path: bytes = PADDED_EPATH.encode(segments, length=True)
    return path


def _symbols(data: bytes) -> list[tuple[int, str, int]]:
    """Instance, name and type of each symbol in a list."""
    found = []
    at = 0
    while at < len(data):
        instance, length = struct.unpack_from("<IH", data, at)
        at += 6
        name = data[at : at + length].decode("latin-1")
        (type_,) = struct.unpack_from("<H", data, at + length)
        at += length + 2 + 12  # three dimensions
        found.append((instance, name, type_))
    return found


def _packs(requests: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Those that go together."""
    pack: list[bytes] = []
    size = 0
    for request in requests:
        size += len(request) + 2
        if pack and (size > REQUESTS_BYTES_MAX or len(pack) == REQUESTS_MAX):
            yield pack
            pack, size = [], len(request) + 2
        pack.append(request)
    if pack:
        yield pack


def _packed(requests: Sequence[bytes]) -> bytes:
    """What a packet of many has in it: how many, where each begins, and all of them."""
    at = 2 + 2 * len(requests)
    offsets = []
    for request in requests:
        offsets.append(at)
        at += len(request)
    return struct.pack(f"<{1 + len(requests)}H", len(requests), *offsets) + b"".join(requests)


def _offsets(data: bytes) -> tuple[int, ...]:
    (count,) = struct.unpack_from("<H", data)
    return struct.unpack_from(f"<{count}H", data, 2)


def _embedded(data: bytes) -> set[bytes]:
    """The services in a packet of many."""
    return {data[at : at + 1] for at in _offsets(data)}


def _unpacked(data: bytes) -> list[_Answer]:
    """What came for each: service, nothing, status, length of its explanation in words, explanation, data."""
    offsets = _offsets(data)
    ends = (*offsets[1:], len(data))
    return [_Answer(data[at + 2], data[at + 4 + 2 * data[at + 3] : end]) for at, end in zip(offsets, ends, strict=True)]
