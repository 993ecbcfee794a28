// One word for one thing, and one shape for each priority, so that no colour has to be seen.
export const PRIORITIES = ["critical", "high", "medium", "low"];

export const TRANSITIONS = {
  raised: "raised", cleared: "cleared", acknowledged: "acknowledged", shelved: "shelved", unshelved: "unshelved",
  suppressed: "suppressed", unsuppressed: "no longer suppressed", out_of_service: "out of service",
  in_service: "in service", reconciled: "reconciled", removed: "removed",
};

export const KINDS = {
  limit: "limit", rate: "rate of change", flatline: "flatline", stale: "silent", anomaly: "anomaly", drift: "drift",
  capacity: "capacity", flood: "flood", inventory: "inventory",
};

export const RULES = {
  hh: "high high", h: "high", l: "low", ll: "low low", rise: "rising too fast", fall: "falling too fast",
  flat: "no change", silent: "no readings", sensor: "sensor is unusual", asset: "asset is unusual", level: "level moved",
};

export const STATES = {
  active_unacked: "unacknowledged", active_acked: "acknowledged", returned_unacked: "over, unacknowledged", normal: "normal",
};

export const HOLDS = [["shelved", "shelved"], ["suppressed", "suppressed"], ["out_of_service", "out of service"]];

export function number(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(2);
  return String(Number(value.toPrecision(size >= 1000 ? 6 : 4)));
}

export function withUnit(value, unit) {
  return unit ? `${number(value)} ${unit}` : number(value);
}

export function place(alert) {
  return alert.sensor ? `${alert.asset} ${alert.sensor}` : alert.asset;
}

export function expected({ low, high }, unit) {
  if (low === null && high === null) return "";
  if (low === null) return `below ${withUnit(high, unit)}`;
  if (high === null) return `above ${withUnit(low, unit)}`;
  return `${number(low)} … ${withUnit(high, unit)}`;
}

export function count(many, one, more = `${one}s`) {
  return `${many.toLocaleString("en")} ${many === 1 ? one : more}`;
}

// What the message says beside the name of the place, which has a column of its own.
export function without(message, alert) {
  const name = place(alert);
  return message.startsWith(`${name} `) ? message.slice(name.length + 1) : message;
}

export function assetPath(asset) {
  return `/asset/${encodeURIComponent(asset)}`;
}
