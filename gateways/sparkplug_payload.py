"""The payload of Sparkplug B, as protobuf messages.

Names, numbers and types of the fields are those of the Sparkplug specification 3.0, section 6.4 (Eclipse Foundation);
here is what a host application needs of them. Fields that aren't listed are skipped by protobuf. Described in code
rather than in a .proto file: nothing has to be compiled, and no version of a compiler binds the library's.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

__all__ = ["GETTERS", "INTEGERS_UNSIGNED", "REBIRTH", "TYPES", "Payload", "integer"]

_KIND = descriptor_pb2.FieldDescriptorProto
_UINT32, _UINT64, _FLOAT, _DOUBLE = _KIND.TYPE_UINT32, _KIND.TYPE_UINT64, _KIND.TYPE_FLOAT, _KIND.TYPE_DOUBLE
_BOOL, _STRING, _MESSAGE = _KIND.TYPE_BOOL, _KIND.TYPE_STRING, _KIND.TYPE_MESSAGE

_VALUES = {"int_value": _UINT32, "long_value": _UINT64, "float_value": _FLOAT, "double_value": _DOUBLE}
_VALUES |= {"boolean_value": _BOOL, "string_value": _STRING}
_SHAPES: dict[str, list[tuple[str, int, int, str]]] = {
    # name, number, type, and of what it repeats or holds: "" one, "*" many, a name: that message
    "PropertyValue": [
        ("type", 1, _UINT32, ""),
        ("is_null", 2, _BOOL, ""),
        *((name, number, kind, "value") for number, (name, kind) in enumerate(_VALUES.items(), 3)),
    ],
    "PropertySet": [("keys", 1, _STRING, "*"), ("values", 2, _MESSAGE, "*PropertyValue")],
    "Metric": [
        ("name", 1, _STRING, ""),
        ("alias", 2, _UINT64, ""),
        ("timestamp", 3, _UINT64, ""),
        ("datatype", 4, _UINT32, ""),
        ("is_historical", 5, _BOOL, ""),
        ("is_transient", 6, _BOOL, ""),
        ("is_null", 7, _BOOL, ""),
        ("properties", 9, _MESSAGE, "PropertySet"),
        *((name, number, kind, "value") for number, (name, kind) in enumerate(_VALUES.items(), 10)),
    ],
    "Payload": [
        ("timestamp", 1, _UINT64, ""),
        ("metrics", 2, _MESSAGE, "*Metric"),
        ("seq", 3, _UINT64, ""),
        ("uuid", 4, _STRING, ""),
    ],
}


def _described() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="andon/sparkplug_b.proto", package="andon.sparkplug", syntax="proto2"
    )
    for name, fields in _SHAPES.items():
        shape = file.message_type.add(name=name)
        if any(of == "value" for *_, of in fields):
            shape.oneof_decl.add(name="value")
        for field_name, number, kind, of in fields:
            field = shape.field.add(name=field_name, number=number, type=kind)
            field.label = _KIND.LABEL_REPEATED if of.startswith("*") else _KIND.LABEL_OPTIONAL
            if kind == _MESSAGE:
                field.type_name = f".andon.sparkplug.{of.lstrip('*')}"
            if of == "value":
                field.oneof_index = 0
    return file


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_described())
Payload: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("andon.sparkplug.Payload"))
"""One message of an edge node."""

REBIRTH = "Node Control/Rebirth"
"""The metric by which a host asks an edge node to say again what it has."""

GETTERS = {
    **dict.fromkeys((1, 2, 3, 5, 6, 7), "int_value"),
    **dict.fromkeys((4, 8), "long_value"),
    9: "float_value",
    10: "double_value",
    11: "boolean_value",
}
"""Which field has the value, by the numeric data types: Int8 to UInt64, Float, Double, Boolean."""

_NAMES = ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float", "Double", "Boolean")
TYPES = dict(enumerate(_NAMES, 1))
"""What the specification calls these data types."""

INTEGERS_UNSIGNED = 5
"""The first data type that travels as it is; those below are signed."""
_SIGNED = {1: 8, 2: 16, 3: 32, 4: 64}
"""Bits of the signed types: they travel as unsigned numbers in two's complement."""


def integer(datatype: int, value: int) -> int:
    """A whole number as its data type means it."""
    bits = _SIGNED.get(datatype, 0)
    if not bits:
        return value
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value
