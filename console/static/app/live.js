// The live stream: what stands, by key. A row is never doubled, as it has one key, and never lost: whoever can't go on
// from the last event that they saw gets the whole table.
import { setClock } from "./time.js";

const SILENCE_MS = 10_000; // the server speaks every two seconds
const AGAIN_MS = 1_500;

export const live = {
  // connected: null until the server first speaks, when nothing was lost yet
  rows: new Map(), health: null, connected: null, complete: false, version: 0, alerts: [], measured: null,
};

const listeners = new Set();
const alertListeners = new Set();
let source = null, last = "", heard = 0, again = 0, drawing = false;

export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function onAlerts(listener) {
  alertListeners.add(listener);
  return () => alertListeners.delete(listener);
}

// However much comes within a frame, the page is drawn once.
function changed() {
  live.version += 1;
  if (drawing) return;
  drawing = true;
  const draw = () => {
    drawing = false;
    for (const listener of [...listeners]) listener();
  };
  if (document.hidden) setTimeout(draw, 250);
  else requestAnimationFrame(draw);
}

function take(event) {
  heard = performance.now();
  if (event.lastEventId) last = event.lastEventId;
  if (!live.connected) {
    live.connected = true;
    changed();
  }
  return JSON.parse(event.data);
}

function takeHealth(health) {
  setClock(health);
  live.health = health;
}

export function connect() {
  clearTimeout(again);
  source?.close();
  source = new EventSource(`/api/events${last ? `?last=${encodeURIComponent(last)}` : ""}`);
  heard = performance.now();
  source.addEventListener("reading", (event) => {
    take(event);
    live.complete = false;
    changed();
  });
  source.addEventListener("snapshot", (event) => {
    const { health, rows } = take(event);
    takeHealth(health);
    live.rows = new Map(Object.entries(rows));
    live.complete = true;
    changed();
  });
  source.addEventListener("change", (event) => {
    const rows = take(event);
    for (const key in rows) {
      if (rows[key] === null) live.rows.delete(key);
      else live.rows.set(key, rows[key]);
    }
    changed();
  });
  source.addEventListener("alerts", (event) => {
    const fresh = take(event);
    for (const listener of [...alertListeners]) listener(fresh);
  });
  source.addEventListener("health", (event) => {
    takeHealth(take(event));
    changed();
  });
  source.addEventListener("error", () => lost());
}

function lost() {
  source?.close();
  source = null;
  if (live.connected !== false) {
    live.connected = false;
    changed();
  }
  clearTimeout(again);
  again = setTimeout(async () => {
    try {
      const answer = await fetch("/api/me", { credentials: "same-origin" });
      const me = await answer.json();
      if (!me.signed_in) {
        window.dispatchEvent(new Event("andon-signed-out"));
        return;
      }
    } catch {
      lost();
      return;
    }
    connect();
  }, AGAIN_MS);
}

export function disconnect() {
  clearTimeout(again);
  source?.close();
  source = null;
  last = "";
}

setInterval(() => {
  if (source && performance.now() - heard > SILENCE_MS) lost();
}, 2_000);
