// How good the alarms are: the figures of EEMUA 191 and ISA-18.2 against their targets.
import { html, useEffect, useState } from "./ui.js";
import { get } from "./api.js";
import { Bars, Empty, Shape } from "./parts.js";
import { Past, Spans } from "./past.js";
import { lasting, moment, near, spanWords } from "./time.js";
import { PRIORITIES, assetPath, count } from "./words.js";

const TARGETS = { critical: 0.01, high: 0.05, medium: 0.15, low: 0.8 };
const COLUMNS = 144;

function named(key) {
  const [asset, sensor, kind, rule] = key.split("/").map(decodeURIComponent);
  return { asset, text: `${asset} ${sensor} ${kind} ${rule}`.replace(/ +/g, " ").trim() };
}

function Rate({ figures }) {
  const all = figures.rate.per_10min;
  const wide = Math.max(1, Math.ceil(all.length / COLUMNS));
  const columns = [];
  for (let index = 0; index < all.length; index += wide) columns.push(Math.max(...all.slice(index, index + wide)));
  const most = Math.max(12, ...columns), height = 130, width = 1000, step = width / columns.length;
  const y = (value) => height - (value / most) * (height - 10);
  return html`<figure class="rate"><svg viewBox=${`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label=${`Alarms per ten minutes: at most ${Math.max(...columns)}, where 10 are a flood`}>
    ${columns.map((value, index) => value > 0 && html`<rect key=${index} class=${value > 10 ? "column over" : "column"} x=${index * step + step * 0.1} width=${Math.max(1, step * 0.8)} y=${y(value)} height=${height - y(value)} />`)}
    <line class="target" x1="0" x2=${width} y1=${y(10)} y2=${y(10)} /><line class="ground" x1="0" x2=${width} y1=${height} y2=${height} /></svg>
    <figcaption><span>${moment(figures.start_ts).slice(0, 16)}</span><span class="muted">alarms per ten minutes${wide > 1 ? `, the highest of each ${wide * 10} min` : ""}; the line is a flood: 10</span><span>${moment(figures.end_ts).slice(0, 16)}</span></figcaption></figure>`;
}

function Mix({ priorities, annunciated }) {
  return html`<table class="mix"><caption class="sr">Share of each priority against its target</caption><thead><tr><th>priority</th><th class="n">alarms</th><th>share, and what is asked for</th></tr></thead><tbody>
    ${PRIORITIES.map((priority) => {
      const { count: many, share } = priorities[priority];
      return html`<tr key=${priority}><th scope="row"><${Shape} priority=${priority} size=${16} /> ${priority}</th><td class="n">${many.toLocaleString("en")}</td>
        <td><span class="mix-bar"><span class="mix-fill" style=${{ width: `${share * 100}%` }}></span><span class="mix-target" style=${{ left: `${TARGETS[priority] * 100}%` }} title=${`about ${TARGETS[priority] * 100} %`}></span></span>
        <span class="mix-word">${annunciated ? `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %` : "–"} <span class="muted">of ${TARGETS[priority] * 100} %</span></span></td></tr>`;
    })}</tbody></table>`;
}

function Listed({ title, rows, none = "none" }) {
  return html`<section class="card"><h2>${title}</h2>${rows.length === 0 ? html`<p class="muted">${none}</p>` : html`<ul class="plain">${rows.slice(0, 12).map((row, index) => html`<li key=${index}>${row}</li>`)}</ul>`}
    ${rows.length > 12 && html`<p class="muted">and ${rows.length - 12} more</p>`}</section>`;
}

// A report over more than is known says so: its first days may be quiet, or forgotten.
function young({ oldest_ts, start_ts, end_ts }) {
  return oldest_ts !== null && oldest_ts - start_ts > (end_ts - start_ts) * 0.1;
}

export function Report() {
  const [hours, setHours] = useState(24);
  const [figures, setFigures] = useState(null);
  useEffect(() => {
    const stop = new AbortController();
    const load = () => get("/api/report", { hours }, stop.signal).then(setFigures).catch((fault) => { if (!stop.signal.aborted) setFigures({ fault: fault.message }); });
    load();
    const timer = setInterval(load, 30_000);
    return () => { stop.abort(); clearInterval(timer); };
  }, [hours]);
  const ranges = html`<${Spans} hours=${hours} setHours=${setHours} label="Time reported" />`;
  if (!figures) return html`<${Empty}>Loading …</${Empty}>`;
  if (figures.fault) return html`<div class="report">${ranges}<${Empty}>${figures.fault}</${Empty}></div>`;
  const missed = figures.verdicts.filter((verdict) => verdict.met === false).length, judged = figures.verdicts.filter((verdict) => verdict.met !== null).length;
  return html`<div class="report"><header class="page-head"><div><h1>Report</h1><p class="muted" title=${`${moment(figures.start_ts, "UTC")} – ${moment(figures.end_ts, "UTC")} UTC`}>${spanWords(figures.start_ts, figures.end_ts)}</p></div>${ranges}</header>
    <div class="report-grid">
      <section class="card"><h2>Against EEMUA 191 and ISA-18.2 <span class=${missed ? "verdict missed" : "verdict"}>${missed ? `✕ ${missed} of ${judged} missed` : `✓ all ${judged} met`}</span></h2>
        <table class="judged"><caption class="sr">Figures against targets, for one person who watches</caption><thead><tr><th>for one person who watches</th><th class="n">is</th><th>asked for</th><th></th></tr></thead><tbody>
        ${figures.verdicts.map((verdict) => html`<tr key=${verdict.figure} class=${verdict.met === false ? "missed" : ""}><th scope="row">${verdict.name}</th><td class="n">${verdict.shown}</td><td class="muted">${verdict.target}</td>
          <td>${verdict.met === null ? html`<span class="muted">${verdict.why}</span>` : verdict.met ? html`<span class="met">✓ met</span>` : html`<b class="not-met">✕ missed</b>`}</td></tr>`)}</tbody></table></section>
      <div class="report-cards"><section class="card wide2"><h2 class="together">${count(figures.annunciated, "alarm")} <span class="muted">that called somebody</span></h2><${Rate} figures=${figures} />${young(figures) && html`<p class="muted">The oldest alert that this console knows is of ${moment(figures.oldest_ts)}.</p>`}</section>
      <div class="wide2"><${Past} page="report" hours=${hours} title="Alarms" /></div>
      <section class="card"><h2>Most frequent</h2>${figures.top_ten.length ? html`<${Bars} label="The ten most frequent alarms" rows=${figures.top_ten.map((one) => ({ name: named(one.alarm).text, href: assetPath(named(one.alarm).asset), value: one.count, shown: `${one.count}` }))} />` : html`<p class="muted">none</p>`}</section>
      <section class="card"><h2>Priorities</h2><${Mix} priorities=${figures.priorities} annunciated=${figures.annunciated} /></section>
      <${Listed} title="Floods" rows=${figures.floods.map((flood) => html`<b>${near(flood.start_ts)}</b> ${flood.end_ts === null ? "goes on" : lasting(flood.end_ts - flood.start_ts)}, ${count(flood.raised, "alarm")}<br /><span class="muted">first up ${flood.first_up.slice(0, 2).map((key) => named(key).text).join(", ")}</span>`)} />
      <${Listed} title="Chattering" rows=${figures.chattering.map((one) => html`<a href=${assetPath(named(one.alarm).asset)}>${named(one.alarm).text}</a> <span class="muted">${one.count} times</span>`)} />
      <${Listed} title="Stale: active for more than a day" rows=${figures.stale.map((one) => html`<a href=${assetPath(named(one.alarm).asset)}>${named(one.alarm).text}</a> <span class="muted">since ${near(one.since_ts)}${one.until_ts === null ? "" : ", over"}</span>`)} />
      <${Listed} title="Held back now" rows=${(figures.held ?? []).map((one) => html`<b>${one.sort.replaceAll("_", " ")}</b> ${named(one.what.replace(/\/hold$/, "")).text.replaceAll("*", "").replace(/ +/g, " ")} <span class="muted">by ${one.by}${one.until_ts ? ` until ${near(one.until_ts)}` : ""}</span>${one.comment && html`<q>${one.comment}</q>`}`)} />
    </div></div></div>`;
}
