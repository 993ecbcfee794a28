// What Prometheus has kept, where the console is told of one: small charts, or a calm line that says why there are none.
import { html, useEffect, useState } from "./ui.js";
import { get } from "./api.js";
import { Chart } from "./chart.js";
import { now } from "./time.js";
import { number, withUnit } from "./words.js";

export const SPANS = [[8, "8 h"], [24, "24 h"], [168, "7 days"], [720, "30 days"]];

export function Spans({ hours, setHours, label }) {
  return html`<div class="ranges" role="group" aria-label=${label}>${SPANS.map(([span, word]) => html`<button key=${span} class="chip" aria-pressed=${hours === span} onClick=${() => setHours(span)}>${word}</button>`)}</div>`;
}

function usePast(page, hours) {
  const [past, setPast] = useState(null);
  useEffect(() => {
    const stop = new AbortController();
    const load = () => get("/api/past", { page, hours }, stop.signal).then((found) => setPast({ ...found, to: now(), hours }))
      .catch((fault) => { if (!stop.signal.aborted) setPast((before) => before ?? { configured: true, fault: fault.message, charts: [] }); });
    load();
    const timer = setInterval(load, 30_000);
    return () => { stop.abort(); clearInterval(timer); };
  }, [page, hours]);
  return past;
}

// Nothing at all where no Prometheus is set.
export function Past({ page, hours, title, ranges = null }) {
  const past = usePast(page, hours);
  if (!past?.configured) return null;
  const from = past.to - past.hours * 3_600_000;
  return html`<section class="card past"><h2>${title} <span class="muted">from Prometheus</span>${ranges}</h2>
    ${past.fault ? html`<p class="muted">${past.fault}</p>` : html`<div class="past-charts">${past.charts.map(({ title: name, unit, trend }) => {
      const value = trend.last[trend.last.length - 1];
      return html`<section key=${name}><h3>${name} <b>${value === undefined ? "" : withUnit(Number(value.toPrecision(3)), unit)}</b> <span class="reader"></span></h3>
        ${trend.start.length ? html`<${Chart} trend=${trend} from=${from} to=${past.to} height=${116} plain zero label=${`${name}, now ${value === undefined ? "unknown" : number(value)} ${unit}`} />`
          : html`<p class="muted">Nothing is known of this time.</p>`}</section>`;
    })}</div>`}</section>`;
}
