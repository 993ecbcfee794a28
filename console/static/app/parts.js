// Small parts that several pages share.
import { html, useEffect, useRef, useState } from "./ui.js";
import { PRIORITIES, expected, number, withUnit } from "./words.js";
import { listen, live } from "./live.js";

// A square, a triangle, a diamond, a circle, with its number: filled while somebody is called, hollow once it is known.
const SHAPES = {
  critical: html`<rect x="2" y="2" width="18" height="18" rx="2.5" />`,
  high: html`<path d="M11 1.6 L21 19.6 a.8 .8 0 0 1 -.7 .8 L1.7 20.4 a.8 .8 0 0 1 -.7 -.8 Z" />`,
  medium: html`<path d="M11 .8 L21.2 11 L11 21.2 L.8 11 Z" />`,
  low: html`<circle cx="11" cy="11" r="9.2" />`,
};

export function Shape({ priority, calls, dim = false, size = 22 }) {
  const y = priority === "high" ? 17.4 : 15.4;
  return html`<svg class=${`shape ${priority} ${calls ? "calls" : ""} ${dim ? "dim" : ""}`} width=${size} height=${size} viewBox="0 0 22 22" aria-hidden="true">
    ${SHAPES[priority]}<text x="11" y=${y}>${PRIORITIES.indexOf(priority) + 1}</text></svg>`;
}

// Where a value lies beside what was expected: the range is a grey band, the value a mark.
export function Bullet({ value, range, unit }) {
  const { low, high } = range;
  if (value === null || value === undefined || (low === null && high === null)) return null;
  const width = low !== null && high !== null ? high - low : Math.max(Math.abs(value - (low ?? high)), Math.abs(low ?? high) * 0.05, 1e-9);
  let from = (low ?? high) - width * (low === null ? 2.2 : 0.6), to = (high ?? low) + width * (high === null ? 2.2 : 0.6);
  from = Math.min(from, value - width * 0.2);
  to = Math.max(to, value + width * 0.2);
  const at = (x) => ((x - from) / (to - from)) * 100;
  const left = low === null ? 0 : at(low), right = high === null ? 100 : at(high);
  const out = (low !== null && value < low) || (high !== null && value > high);
  return html`<svg class="bullet" viewBox="0 0 100 14" preserveAspectRatio="none" role="img" aria-label=${`${withUnit(value, unit)}, expected ${expected(range, unit)}`}>
    <rect class="track" x="0" y="5" width="100" height="4" /><rect class="band" x=${left} y="2.5" width=${Math.max(1, right - left)} height="9" />
    <rect class=${out ? "mark out" : "mark"} x=${at(value) - 1.3} y="0" width="2.6" height="14" /></svg>`;
}

export function Bars({ rows, label }) {
  const most = Math.max(...rows.map((row) => row.value), 1e-12);
  return html`<ol class="bars" aria-label=${label}>${rows.map((row, index) => html`<li key=${row.name}>
    <span class="bar-name">${index + 1}. ${row.href ? html`<a href=${row.href}>${row.name}</a>` : row.name}</span>
    <span class="bar-track"><span class="bar-fill" style=${{ width: `${(row.value / most) * 100}%` }}></span></span>
    <span class="bar-value">${row.shown ?? number(row.value)}</span></li>`)}</ol>`;
}

// A device, as its gateway knows it.
export function Device({ device }) {
  const what = [device.vendor, device.model, device.firmware && `firmware ${device.firmware}`, device.serial && `no. ${device.serial}`].filter(Boolean).join(" · ");
  return html`<span class="device"><b>${device.device}</b> <span class=${device.state === "present" ? "muted" : "fault"}>${device.state === "present" ? "● present" : `▲ ${device.state}`}</span>
    <span class="muted">${what && html`<br />${what}`}<br />${device.protocol} · ${device.address} · by ${device.gateway}${device.why && html`<br />${device.why}`}</span></span>`;
}

export function Empty({ children }) {
  return html`<p class="empty">${children}</p>`;
}

// Draws again whenever the stream brought something.
export function useLive() {
  const [, draw] = useState(0);
  useEffect(() => listen(() => draw(live.version)), []);
  return live;
}

// Draws again so often: ages go on also when nothing happens.
export function useTick(ms) {
  const [, draw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => draw((count) => count + 1), ms);
    return () => clearInterval(timer);
  }, [ms]);
}

// Keys of a page. What is typed into a field belongs to the field.
export function useKeys(act) {
  const kept = useRef(act);
  kept.current = act;
  useEffect(() => {
    const press = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.key !== "Escape") return;
      if (kept.current(event.key, event) === true) event.preventDefault();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}
