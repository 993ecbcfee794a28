"""The report of the console: the same figures as `andon report`, of what the console has kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from andon.report.alert_log import AlertLog
from andon.report.command import document_of, held_of
from andon.report.figures import Period, figures
from andon.report.targets import verdicts
from contracts.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from console.plant import Standing

__all__ = ["report_of"]


def report_of(alerts: Iterable[tuple[str, bytes]], from_ms: int, to_ms: int, table: Standing) -> dict[str, Any]:
    """Figures and verdicts from one time to another.

    Args:
        alerts: (event id, body), also from before, as far back as it matters.
        table: what stands now, and what people hold back.
    """
    log = AlertLog()
    try:
        for event_id, body in alerts:
            log.take(body, event_id.encode())
    except SourceError as error:
        return {"fault": str(error)}
    for state in list(table.alarms.values()):
        log.stands(state)
    found = figures(log.events, Period.covering(from_ms, to_ms), held=held_of(list(table.holds.values()), to_ms))
    return document_of(found, verdicts(found), log)
