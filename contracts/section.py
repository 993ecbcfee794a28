"""What all parts of the settings are made of: the base of their tables, and the numbers that they take."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

__all__ = ["Moment", "Number", "Seconds", "Section", "Severity", "TimeZone", "Whole"]

# Strict: `true` and "95" are no numbers, and a mistake that is taken for one is found in the plant.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True)]
Seconds = Annotated[Number, Field(ge=0, le=366 * 86400)]
Moment = Annotated[AwareDatetime, Field(strict=True)]
Severity = Annotated[Whole, Field(ge=1, le=1000)]


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name[:60]!r} isn't in the tz database|give one like Europe/Berlin") from error
    return name


TimeZone = Annotated[str, AfterValidator(_time_zone)]


class Section(BaseModel):
    """Base of all parts of the settings: immutable, and an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)
