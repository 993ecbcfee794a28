"""The inventory topic: which devices there are, one record for each, written by the gateway that reads it.

A compacted topic, its key `gateway/device`, each part percent-encoded. A record is written when something about the
device changes, and repeated now and then with the time at which it was last seen.
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["IDENTITY", "DeviceRecord", "device_key"]

IDENTITY = ("vendor", "model", "firmware", "serial", "address", "configuration")
"""What makes a device the one that it is; that one of these changes is worth an alert."""


class DeviceRecord(BaseModel):
    """The value of a record."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # a later gateway may know more

    schema_: Annotated[int, Field(alias="schema", description="version of this format")] = 1
    site: str
    gateway: Annotated[str, Field(description="who reads it")]
    device: Annotated[str, Field(description="name of the connection in the gateway's settings")]
    protocol: str
    address: Annotated[str, Field(description="where it is, without passwords")]
    vendor: Annotated[str, Field(description="as the device says, as the next three; empty where it doesn't")] = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    configuration: Annotated[str, Field(description="hash of what is read of it, by the gateway's settings")] = ""
    state: Annotated[
        Literal["present", "absent", "quarantined"], Field(description="absent: away for longer than vanished_s")
    ]
    why: Annotated[str, Field(description="of a state other than present")] = ""
    since_ts: Annotated[int, Field(description="when this state began, ms since the epoch")]
    seen_ts: Annotated[int, Field(description="its last sign of life, ms since the epoch; 0: none yet")] = 0
    ts: Annotated[int, Field(description="when this was written, ms since the epoch")]

    @property
    def key(self) -> str:
        """The record's key."""
        return device_key(self.gateway, self.device)

    def body(self) -> bytes:
        """The record's value: UTF-8 JSON."""
        return self.model_dump_json(by_alias=True).encode()


def device_key(gateway: str, device: str) -> str:
    """The key of one device."""
    return f"{quote(gateway, safe='')}/{quote(device, safe='')}"
