"""The bounds of everything that could grow, each with its reason.

What a plant may want to change is a setting (`contracts.settings`) with its default here; the rest is fixed.
"""

from __future__ import annotations

NAME_BYTES_MAX = 256
"""Asset and sensor names. Longer ones are paths or payloads put in the wrong field."""

MESSAGE_BYTES_MAX = 1024 * 1024
"""Kafka's own default for the largest message."""

MESSAGE_VALUES_MAX = 10_000
"""Sensors in one message of many. The largest PLC snapshots that we know have some thousands."""

COMMENT_CHARACTERS_MAX = 1_000
"""Of a command: a reason, not a report. It is repeated in every alert that the command causes."""

HOLDS_PER_ASSET_MAX = 1_000
"""Shelves, suppressions and the like that stand at the same time: people can't mean more."""

DEAD_LETTER_BYTES_MAX = 900_000
"""A dead letter carries headers too and must stay below the broker's 1 MiB."""

TS_MS_MAX = 253_402_300_799_999
"""The last millisecond of the year 9999: beyond it no calendar can print the time."""

AHEAD_MS_MAX = 5 * 60 * 1000
"""How far a reading may be ahead of its Kafka timestamp: more is a broken clock, not skew."""

POLL_MESSAGES_MAX = 32_768
"""Messages a lane takes at once: large enough that the cost of a batch is lost in its rows, of which each of a hundred
key groups gets some hundreds; small enough that it takes some hundredths of a second."""

LANES_DEFAULT = 12
"""Divides evenly among 1, 2, 3, 4, 6 or 12 processes."""

KEY_GROUPS_DEFAULT = 128
"""State moves between processes in this many pieces."""

RECOVERY_PARTITIONS = 4
"""Files of a new state directory. Each is flushed to disk some five times at the end of an epoch, while readings wait;
and each belongs to one process of a cluster."""

EPOCH_BYTES_MAX_DEFAULT = 64 * 1024 * 1024
"""Columns that one lane hands out between two snapshots: the back-pressure."""

SERIES_PER_GROUP_MAX_DEFAULT = 20_000
"""Series that one lane feeds to one key group: 128 groups of these are 2.5 million."""

SENSORS_PER_ASSET_MAX_DEFAULT = 10_000
"""One message may hold this many, so an asset may."""

assert SENSORS_PER_ASSET_MAX_DEFAULT >= MESSAGE_VALUES_MAX, "a full message must fit into its asset"
assert SENSORS_PER_ASSET_MAX_DEFAULT <= SERIES_PER_GROUP_MAX_DEFAULT, "an asset must fit into its group"
