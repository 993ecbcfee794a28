"""What all parts of the settings are made of: the base of their tables, and the numbers that they take."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

__all__ = ["Moment", "Number", "Seconds", "Section", "Severity", "Whole"]

# Strict: `true` and "95" are no numbers, and a mistake that is taken for one is found in the plant.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True)]
Seconds = Annotated[Number, Field(ge=0, le=366 * 86400)]
Moment = Annotated[AwareDatetime, Field(strict=True)]
Severity = Annotated[Whole, Field(ge=1, le=1000)]


class Section(BaseModel):
    """Base of all parts of the settings: immutable, and an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)
