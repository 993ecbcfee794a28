"""Records of the alarm-state topic, as the service writes them."""

from contracts.alarm_states import AlarmState, Heartbeat
from contracts.alerts import Alert, ExpectedRange, State, Transition, alert_id, priority_of
from contracts.findings import Kind

__all__ = ["alarm_state", "heartbeat"]

T0 = 1_700_000_000_000


def alarm_state(
    *,
    asset="press-1",
    sensor="temp",
    kind=Kind.LIMIT,
    rule="hh",
    site="plant-1",
    severity=900,
    onset_ts=T0,
    state=State.ACTIVE_UNACKED,
    annunciated=True,
    value=97.25,
    high=95.0,
    evidence=None,
    **standing,
):
    """One alarm: a limit of 95 degC by default. `standing`: fields of AlarmState, such as shelved."""
    named = {"asset": asset, "sensor": sensor, "kind": kind, "rule": rule}
    said = f"{asset} {sensor or ''} is wrong ({kind} {rule})"
    alert = Alert(
        alert_id=alert_id(**named, onset_ts=onset_ts),
        transition=Transition.RAISED,
        state=state,
        annunciated=annunciated,
        site=site,
        unit="degC" if sensor else None,
        severity=severity,
        priority=priority_of(severity),
        onset_ts=onset_ts,
        ts=onset_ts,
        value=value,
        expected=ExpectedRange(high=high),
        score=None,
        rank=None,
        contributions=(),
        evidence={"limit": 95.0} if evidence is None else evidence,
        window=None,
        message=said,
        **named,
    )
    return AlarmState(**({"schema": 1, "alert": alert, "said": said, "raised_ts": onset_ts} | standing))


def heartbeat(site="plant-1", *, ts=T0, state="running", process="host"):
    """A sign of life."""
    return Heartbeat(schema=1, site=site, process=process, ts=ts, state=state)
