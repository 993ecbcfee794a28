// The order of the list: who needs a person first. Pure.
import { HOLDS, PRIORITIES } from "./words.js";

const RANK = Object.fromEntries(PRIORITIES.map((priority, rank) => [priority, rank]));
const COVERED_BY = { h: "hh", l: "ll" };
const ACTIVE = new Set(["active_unacked", "active_acked"]);
const STALE_MS = 24 * 3_600_000;

export function holdsOn(state) {
  return HOLDS.filter(([name]) => state[name] != null).map(([name, word]) => ({ word, name, ...state[name] }));
}

export function isHold(key) {
  return key.endsWith("/hold");
}

// Rows in order, what is held back apart, floods above all; and the counts of each priority.
export function boardOf(rows, now) {
  const standing = [], held = [], floods = [], holds = [];
  const outer = new Set();
  for (const [key, state] of rows) {
    if (isHold(key)) holds.push({ key, hold: state });
    else if (state.alert.kind === "limit" && ACTIVE.has(state.alert.state)) outer.add(`${state.alert.asset}\0${state.alert.sensor}\0${state.alert.rule}`);
  }
  for (const [key, state] of rows) {
    if (isHold(key)) continue;
    const alert = state.alert;
    const on = holdsOn(state);
    const over = COVERED_BY[alert.rule];
    const covered = alert.kind === "limit" && over !== undefined && outer.has(`${alert.asset}\0${alert.sensor}\0${over}`);
    const unacked = alert.state === "active_unacked" || alert.state === "returned_unacked";
    const row = {
      key, state, alert, holds: on, covered: covered ? over : "", unacked,
      calls: unacked && on.length === 0 && !covered,
      stale: now - state.raised_ts > STALE_MS,
      chattering: state.chattering,
    };
    if (alert.kind === "flood") floods.push(row);
    else if (on.length) held.push(row);
    else standing.push(row);
  }
  const order = (a, b) =>
    RANK[a.alert.priority] - RANK[b.alert.priority] || Number(b.calls) - Number(a.calls) || b.state.raised_ts - a.state.raised_ts || (a.key < b.key ? -1 : 1);
  standing.sort(order);
  held.sort(order);
  const counts = Object.fromEntries(PRIORITIES.map((priority) => [priority, { all: 0, calling: 0 }]));
  for (const row of standing) {
    counts[row.alert.priority].all += 1;
    if (row.calls) counts[row.alert.priority].calling += 1;
  }
  const firstUp = new Map();
  for (const flood of floods) (flood.alert.evidence.first_up ?? []).forEach((key, index) => firstUp.set(key, index + 1));
  return { standing, held, floods, holds, counts, firstUp };
}

// Every word must be found somewhere; `kind:limit` and `priority:high` look in one place only.
export function matches(row, words, kind) {
  const { alert, state } = row;
  if (kind && alert.kind !== kind) return false;
  if (!words.length) return true;
  const text = `${alert.asset} ${alert.sensor ?? ""} ${alert.kind} ${alert.rule} ${alert.priority} ${state.said} ${alert.message}`.toLowerCase();
  return words.every((word) => text.includes(word));
}
