"""What a key of the settings takes: the types behind an annotation, their bounds, and all that in words."""

from __future__ import annotations

from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import AwareDatetime, BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

__all__ = ["bounds", "expected", "is_model", "types_of"]


def types_of(annotation: Any) -> list[Any]:
    """The types that a key takes, bare and without None."""
    if get_origin(annotation) is Annotated:
        return types_of(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for part in get_args(annotation) if part is not NoneType for kind in types_of(part)]
    return [annotation]


def is_model(kind: Any) -> bool:
    """Whether a type is a table with keys of its own."""
    return isinstance(kind, type) and (issubclass(kind, BaseModel) or is_dataclass(kind))


def bounds(field: FieldInfo) -> str:
    """The numbers that a key takes: `at least 1, at most 256`; empty where all of its type are fine."""
    words: list[str] = []
    for mark in _marks(field):
        match mark:
            case Ge(ge=low):
                words.insert(0, f"at least {low}")
            case Gt(gt=low):
                words.insert(0, f"above {low}")
            case Le(le=high):
                words.append(f"at most {high}")
            case Lt(lt=high):
                words.append(f"below {high}")
            case _:
                pass
    return ", ".join(words)


def _marks(field: FieldInfo) -> Iterator[Any]:
    yield from field.metadata
    yield from _marks_within(field.annotation)


def _marks_within(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        for mark in get_args(annotation)[1:]:
            yield from getattr(mark, "metadata", [mark])
    if get_origin(annotation) in (Annotated, Union, UnionType):
        for part in get_args(annotation):
            yield from _marks_within(part)


def expected(annotation: Any) -> str:
    """In words what a key takes: `a number or "auto"`."""
    words = [word for kind in types_of(annotation) for word in _words(kind)]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _words(kind: Any) -> list[str]:
    if get_origin(kind) is Literal:
        return [f'"{choice}"' if isinstance(choice, str) else str(choice).lower() for choice in get_args(kind)]
    if get_origin(kind) is tuple:
        return ["[[…]] tables" if is_model(get_args(kind)[0]) else 'a list, e.g. ["a", "b"]']
    return [_WORDS.get(kind, "a table")]


_WORDS = {
    bool: "true or false",
    float: "a number",
    int: "a whole number",
    str: "text",
    Any: "any value",
    AwareDatetime: "a date and time with its offset, e.g. 2026-05-01T06:00:00+02:00",
}
