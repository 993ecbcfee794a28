// One asset: its sensors over hours or days, with limits, what was expected, and when alarms stood.
import { html, useEffect, useMemo, useRef, useState } from "./ui.js";
import { get } from "./api.js";
import { holdsOn } from "./board.js";
import { Chart } from "./chart.js";
import { go } from "./go.js";
import { onAlerts } from "./live.js";
import { Bars, Device, Empty, Shape, useKeys } from "./parts.js";
import { lasting, moment, near, now, spanWords } from "./time.js";
import { KINDS, PRIORITIES, RULES, TRANSITIONS, assetPath, count, number } from "./words.js";

const HOUR = 3_600_000;
const SPANS = [[1, "1 h"], [8, "8 h"], [24, "24 h"], [72, "3 d"], [168, "7 d"], [720, "30 d"]];
const POINTS = 700;

function where() {
  const query = new URLSearchParams(location.search);
  const from = Number(query.get("from")), to = Number(query.get("to"));
  return from && to > from ? { from, to } : { hours: Number(query.get("hours")) || 8 };
}

// What a mouse or a key chose stands in the address: it can be sent to a colleague.
function look(asset, span) {
  const query = span.hours ? `hours=${span.hours}` : `from=${Math.round(span.from)}&to=${Math.round(span.to)}`;
  go(`${assetPath(asset)}?${query}`, { replace: true });
}

function useAsset(asset, span) {
  const [found, setFound] = useState(null);
  const [again, setAgain] = useState(0);
  const key = span.hours ? `${span.hours}` : `${span.from} ${span.to}`;
  useEffect(() => {
    if (!asset) return undefined;
    const stop = new AbortController();
    const to = span.hours ? Math.round(now()) : span.to, from = span.hours ? to - span.hours * HOUR : span.from;
    (async () => {
      const document = await get("/api/asset", { name: asset, from, to }, stop.signal);
      const trends = await Promise.all(document.sensors.map(({ sensor }) => get("/api/trend", { asset, sensor, from, to, points: POINTS }, stop.signal)));
      setFound({ ...document, trends, from, to, key: `${asset} ${key}` });
    })().catch((fault) => { if (fault.name !== "AbortError" && !stop.signal.aborted) setFound((before) => before ?? { fault: fault.message }); });
    return () => stop.abort();
  }, [asset, key, again]);
  useEffect(() => {
    if (!span.hours) return undefined;
    const timer = setInterval(() => setAgain((count) => count + 1), 5_000);
    const stop = onAlerts((fresh) => { if (fresh.some((alert) => alert.asset === asset)) setAgain((count) => count + 1); });
    return () => { clearInterval(timer); stop(); };
  }, [asset, key]);
  return found;
}

function Sensors({ found, zoom }) {
  const place = useRef(null);
  useEffect(() => {
    const element = place.current;
    const turn = (event) => {
      if (!event.ctrlKey && !event.shiftKey) return;
      event.preventDefault();
      const middle = (found.from + found.to) / 2, width = found.to - found.from;
      if (event.shiftKey) zoom(found.from + Math.sign(event.deltaY || event.deltaX) * width * 0.2, found.to + Math.sign(event.deltaY || event.deltaX) * width * 0.2);
      else zoom(middle - (width / 2) * (event.deltaY > 0 ? 1.5 : 0.67), middle + (width / 2) * (event.deltaY > 0 ? 1.5 : 0.67));
    };
    element.addEventListener("wheel", turn, { passive: false });
    return () => element.removeEventListener("wheel", turn);
  }, [found.from, found.to]);
  return html`<div class="charts" ref=${place}>${found.sensors.map(({ sensor, unit, limits }, index) => html`<${Sensor} key=${sensor} sensor=${sensor} unit=${unit} limits=${limits} trend=${found.trends[index]} found=${found} zoom=${zoom} />`)}</div>`;
}

function Sensor({ sensor, unit, limits, trend, found, zoom }) {
  const spans = useMemo(() => found.spans.filter((span) => span.sensor === sensor), [found]);
  const notes = useMemo(() => found.notes.filter((note) => note.sensor === sensor || note.sensor === null), [found]);
  const standing = found.standing.filter((state) => state.alert.sensor === sensor);
  const worst = PRIORITIES.find((priority) => standing.some((state) => state.alert.priority === priority));
  const calls = standing.some((state) => state.alert.priority === worst && state.alert.state.endsWith("_unacked") && !holdsOn(state).length);
  const value = trend.last[trend.last.length - 1];
  return html`<section class=${`sensor ${worst ?? ""}`} aria-label=${sensor}>
    <header>${worst && html`<${Shape} priority=${worst} calls=${calls} size=${18} />`}
      <h2>${sensor}</h2><span class="reader" aria-hidden="true"></span><span class="now">${value === undefined ? "–" : number(value)}<small>${unit ?? ""}</small></span></header>
    ${trend.start.length ? html`<${Chart} trend=${trend} from=${found.from} to=${found.to} limits=${limits} spans=${spans} notes=${notes} height=${148} onZoom=${zoom}
        label=${`Trend of ${found.asset} ${sensor} from ${moment(found.from)} to ${moment(found.to)}, now ${value === undefined ? "unknown" : number(value)} ${unit ?? ""}`} />`
      : html`<${Empty}>No readings in this time.</${Empty}>`}</section>`;
}

function Story({ found }) {
  const incidents = found.spans.filter((span) => (span.contributions ?? []).length > 1).reverse().slice(0, 3);
  const spans = [...found.spans].reverse().slice(0, 30);
  return html`<aside class="asset-side">
    ${incidents.map((span) => html`<section key=${span.alert_id}><h3>Incident ${near(span.from)} <span class="muted">${span.to === null ? "goes on" : `lasted ${lasting(span.to - span.from)}`}</span></h3>
      <${Bars} label="Contributions, the largest first" rows=${span.contributions.slice(0, 6).map(({ sensor, share }) => ({ name: sensor, value: share, shown: `${Math.round(share * 100)} %` }))} /></section>`)}
    <section><h3>Alarms in this time</h3>${spans.length === 0 ? html`<p class="muted">none</p>` : html`<ul class="spans">${spans.map((span) => html`<li key=${span.alert_id}>
      <a href=${`/alarm/${span.alert_id}`}><${Shape} priority=${span.priority} calls=${span.to === null} size=${16} /><span><b>${span.sensor ?? "as a whole"}</b> ${KINDS[span.kind] ?? span.kind}, ${RULES[span.rule] ?? span.rule}<br />
      <span class="muted">${near(span.from)} · ${span.to === null ? "goes on" : lasting(span.to - span.from)}</span></span></a></li>`)}</ul>`}</section>
    ${found.devices.map((device) => html`<section key=${device.gateway}><h3>Device</h3><${Device} device=${device} /></section>`)}
    <section><h3>What people did</h3>${found.notes.length === 0 ? html`<p class="muted">nothing</p>` : html`<ul class="did">${[...found.notes].reverse().slice(0, 20).map((note, index) => html`<li key=${index}>
      <b>${note.by}</b> ${TRANSITIONS[note.transition]} <span class="muted">${near(note.ts)} · ${note.sensor ?? "as a whole"}</span>${note.comment && html`<q>${note.comment}</q>`}</li>`)}</ul>`}</section>
  </aside>`;
}

export function Asset({ asset, board }) {
  const [names, setNames] = useState(null);
  const [filter, setFilter] = useState("");
  const span = where();
  const found = useAsset(asset, span);
  useEffect(() => {
    const load = () => get("/api/assets").then(setNames).catch(() => {});
    load();
    const timer = setInterval(load, 15_000);
    return () => clearInterval(timer);
  }, []);
  const worst = new Map();
  for (const row of board.standing) {
    const before = worst.get(row.alert.asset);
    if (!before || PRIORITIES.indexOf(row.alert.priority) < PRIORITIES.indexOf(before.priority)) worst.set(row.alert.asset, { priority: row.alert.priority, calls: row.calls });
    else if (row.calls && row.alert.priority === before.priority) before.calls = true;
  }
  useEffect(() => { // who comes without a name sees the asset that needs somebody most
    if (!asset && names?.length) go(assetPath(board.standing.find((row) => row.alert.kind !== "capacity")?.alert.asset ?? names[0].asset), { replace: true });
  }, [asset, names]);
  const zoom = (from, to) => {
    const width = Math.max(60_000, to - from), end = Math.min(Math.round(to), Math.round(now()));
    look(asset, { from: end - width, to: end });
  };
  const shift = (share) => found?.from && zoom(found.from + (found.to - found.from) * share, found.to + (found.to - found.from) * share);
  const scale = (factor) => {
    if (!found?.from) return;
    const middle = (found.from + found.to) / 2, half = ((found.to - found.from) / 2) * factor;
    zoom(middle - half, middle + half);
  };
  const step = (by) => {
    const index = (names ?? []).findIndex((name) => name.asset === asset);
    const next = names?.[index + by];
    if (next) go(assetPath(next.asset) + location.search);
  };
  useKeys((key) => {
    switch (key) {
      case "ArrowLeft": shift(-0.3); return true;
      case "ArrowRight": shift(0.3); return true;
      case "+": case "=": scale(0.5); return true;
      case "-": scale(2); return true;
      case "0": case "Escape": look(asset, { hours: 8 }); return true;
      case "j": case "ArrowDown": step(1); return true;
      case "k": case "ArrowUp": step(-1); return true;
      default: return false;
    }
  });
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const listed = (names ?? []).filter(({ asset: name }) => words.every((word) => name.toLowerCase().includes(word))).slice(0, 500);
  return html`<div class="asset-page">
    <nav class="assets" aria-label="Assets"><label class="filter"><span class="sr">Filter assets</span><input type="search" placeholder="Filter assets" value=${filter} onInput=${(event) => setFilter(event.target.value)} /></label>
      <ul>${listed.map(({ asset: name, sensors }) => html`<li key=${name}><a href=${assetPath(name)} aria-current=${name === asset ? "page" : undefined}>
        <span>${name}</span>${worst.has(name) ? html`<${Shape} priority=${worst.get(name).priority} calls=${worst.get(name).calls} size=${16} /><span class="sr">${worst.get(name).priority} alarm</span>` : html`<small>${sensors || ""}</small>`}</a></li>`)}</ul></nav>
    <div class="asset-main">${!asset ? html`<${Empty}>${names === null ? "Loading …" : "No asset has spoken yet."}</${Empty}>` : html`
      <header class="asset-head"><h1>${asset}</h1><p class="muted">${found?.sensors ? count(found.sensors.length, "sensor") : ""}${found?.from ? html` · <span title=${`${moment(found.from, "UTC")} – ${moment(found.to, "UTC")} UTC`}>${spanWords(found.from, found.to)}</span>` : ""}</p>
        <div class="ranges" role="group" aria-label="Time shown">${SPANS.map(([hours, word]) => html`<button key=${hours} class="chip" aria-pressed=${span.hours === hours} onClick=${() => look(asset, { hours })}>${word}</button>`)}
          <span class="steps"><button class="chip" onClick=${() => shift(-0.3)} aria-label="Earlier">‹</button><button class="chip" onClick=${() => shift(0.3)} aria-label="Later">›</button><button class="chip" onClick=${() => scale(2)} aria-label="Wider">−</button><button class="chip" onClick=${() => scale(0.5)} aria-label="Closer">+</button></span></div></header>
      ${!found ? html`<${Empty}>Loading …</${Empty}>` : found.fault ? html`<${Empty}>It can't be shown: ${found.fault}.</${Empty}>` : html`<div class="asset-body">
        ${found.sensors.length ? html`<${Sensors} found=${found} zoom=${zoom} />` : html`<${Empty}>No readings of ${asset} are kept.</${Empty}>`}<${Story} found=${found} /></div>`}
      <p class="foot"><span class="legend"><i class="l-line"></i>last value <i class="l-range"></i>lowest to highest <i class="l-band"></i>expected, while an alarm stands <i class="l-limit"></i>limit <i class="l-span"></i>alarm <i class="l-note"></i>somebody did something</span>
        <span class="keys">drag to zoom <kbd>←</kbd><kbd>→</kbd> move <kbd>+</kbd><kbd>−</kbd> zoom <kbd>0</kbd> back</span></p>`}</div></div>`;
}
