// The plant's time. Its clock is the server's: a console's own may be wrong, and a simulated plant's is faster.
import { me } from "./api.js";

let base = { now: Date.now(), at: performance.now(), speed: 1 };

export function setClock({ now, speed }) {
  base = { now, at: performance.now(), speed };
}

export function now() {
  return base.now + (performance.now() - base.at) * base.speed;
}

const formats = new Map(); // made once each: to make one takes longer than to draw a row

function format(zone, options, key, language = "en-GB") {
  const name = `${zone} ${key}`;
  if (!formats.has(name)) formats.set(name, new Intl.DateTimeFormat(language, { timeZone: zone, hourCycle: "h23", ...options }));
  return formats.get(name);
}

const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const SHORT = { hour: "2-digit", minute: "2-digit" };
const DATE = { year: "numeric", month: "2-digit", day: "2-digit" };

export function clock(ms, zone = me.time_zone) {
  return format(zone, CLOCK, "clock").format(ms);
}

export function hourMinute(ms, zone = me.time_zone) {
  return format(zone, SHORT, "short").format(ms);
}

// 2026-03-02, whatever the language.
export function date(ms, zone = me.time_zone) {
  return format(zone, DATE, "date", "sv-SE").format(ms);
}

export function moment(ms, zone = me.time_zone) {
  return `${date(ms, zone)} ${clock(ms, zone)}`;
}

// `14:32` of today, else with its date.
export function near(ms) {
  return date(ms) === date(now()) ? hourMinute(ms) : `${date(ms).slice(5)} ${hourMinute(ms)}`;
}

export function zoneName(zone = me.time_zone) {
  return zone === "UTC" ? "UTC" : zone.split("/").pop().replaceAll("_", " ");
}

// From when to when, in the plant's time; UTC for whoever compares it with a log.
export function spanWords(from, to) {
  const day = date(from) === date(to) ? "" : `${date(to)} `;
  return `${date(from)} ${hourMinute(from)} – ${day}${hourMinute(to)} ${zoneName()}`;
}

export function both(ms) {
  const plant = `${moment(ms)} ${zoneName()}`;
  return me.time_zone === "UTC" ? plant : `${plant} · ${moment(ms, "UTC")} UTC`;
}

export function lasting(ms) {
  const s = Math.max(0, ms) / 1000;
  if (s < 100) return `${Math.floor(s)} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")}`;
  return `${Math.floor(hours / 24)} d ${String(hours % 24).padStart(2, "0")} h`;
}
