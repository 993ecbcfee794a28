// How the service is, and how the console is: lag, throughput, who doesn't judge yet and why, what was refused.
import { html, useEffect, useRef, useState } from "./ui.js";
import { get } from "./api.js";
import { Device, Empty } from "./parts.js";
import { Past, Spans } from "./past.js";
import { lasting, moment, near, now } from "./time.js";
import { assetPath, count } from "./words.js";

const LISTS = [
  ["warming", "Warming up", "Everybody judges."], ["paused", "Judges, and doesn't learn", "Everybody learns."],
  ["refused", "Refused", "Nothing was refused."], ["out_of_service", "Out of service", "Everything is in service."],
  ["resting", "At rest", "Nothing is at rest."],
  ["adjusted", "Less sensitive, by feedback", "Nobody's threshold was raised."],
];
const SHOWN = 12;

function Light({ ok, word }) {
  return html`<span class=${ok ? "light ok" : "light bad"}>${ok ? "●" : "▲"} ${word}</span>`;
}

function Figure({ name, value, more }) {
  return html`<div class="figure"><dt>${name}</dt><dd>${value}${more && html`<small>${more}</small>`}</dd></div>`;
}

function Rows({ name, title, entries, total }) {
  return html`<section class="card"><h2>${title} <span class="muted">${total || entries.length}</span></h2><ul class="plain">${entries.slice(0, SHOWN).map((entry, index) => html`<li key=${index}>
    <a href=${assetPath(entry.asset)}>${entry.asset}</a> ${entry.sensor ?? (name === "refused" ? "" : "as a whole")}
    ${name === "warming" && html`<span class="progress" role="img" aria-label=${`${entry.seen} of ${entry.needed} windows`}><span style=${{ width: `${Math.min(100, (entry.seen / entry.needed) * 100)}%` }}></span></span>`}
    ${" "}<span class="muted">${name === "adjusted" ? `threshold + ${entry.raised_by} in L` : entry.why ?? ""}</span></li>`)}</ul>
    ${Math.max(total, entries.length) > SHOWN && html`<p class="muted">and ${Math.max(total, entries.length) - SHOWN} more: <code>andon status</code></p>`}</section>`;
}

const bytes = (size) => (size < 1e6 ? `${Math.round(size / 1e3)} kB` : `${(size / 1e6).toFixed(size < 1e7 ? 1 : 0)} MB`);

// One row a process: which of them is behind, and which doesn't answer.
function Processes({ processes }) {
  return html`<section class="card wide2"><h2>Processes <span class="muted">${processes.length}</span></h2><div class="scrolls"><table class="processes"><caption class="sr">Each process of the service</caption>
    <thead><tr><th>process</th><th></th><th class="n">to read</th><th class="n">lanes</th><th class="n">series</th><th class="n">assets</th><th>at</th></tr></thead>
    <tbody>${processes.map((one) => html`<tr key=${one.address}><th scope="row">${one.process ?? "?"}</th>
      <td><${Light} ok=${one.fault === undefined && one.ready} word=${one.fault !== undefined ? "no answer" : one.ready ? "ready" : "not ready"} /></td>
      ${one.fault !== undefined ? html`<td class="muted" colspan="4">${one.fault}</td>` : [one.lag_rows, one.lanes, one.series, one.assets].map((value, index) => html`<td class="n" key=${index}>${value.toLocaleString("en")}</td>`)}
      <td class="muted">${one.address}</td></tr>`)}</tbody></table></div></section>`;
}

export function System() {
  const [hours, setHours] = useState(24);
  const [system, setSystem] = useState(null);
  const before = useRef(null);
  useEffect(() => {
    const stop = new AbortController();
    const load = () => get("/api/system", {}, stop.signal).then((found) => {
      const lanes = Object.values(found.service.lanes ?? {});
      const read = lanes.reduce((sum, lane) => sum + Object.values(lane.positions).reduce((a, b) => a + b, 0), 0);
      const at = performance.now(), known = before.current;
      const rate = known && read >= known.read && at > known.at ? (read - known.read) / ((at - known.at) / 1000) : null;
      if (!known || at - known.at > 3_000) before.current = { read, at };
      setSystem((shown) => ({ ...found, rate: rate ?? shown?.rate ?? null }));
    }).catch((fault) => { if (!stop.signal.aborted) setSystem({ fault: fault.message }); });
    load();
    const timer = setInterval(load, 5_000);
    return () => { stop.abort(); clearInterval(timer); };
  }, []);
  if (!system) return html`<${Empty}>Loading …</${Empty}>`;
  if (system.fault) return html`<${Empty}>${system.fault}</${Empty}>`;
  const { service, console: ours, heartbeats, devices } = system;
  const there = service.fault === undefined, learning = service.learning ?? {};
  const lanes = Object.entries(service.lanes ?? {});
  const listed = ([name]) => (service[name] ?? []).length > 0;
  return html`<div class="system"><header class="page-head"><div><h1>System</h1><p class="muted">Whether the plant is watched, and how well.</p></div></header>
    <div class="system-grid">
      <section class="card"><h2>The service <${Light} ok=${there ? service.ready : ours.watching.state === "running"} word=${there ? (service.ready ? "ready" : "not ready") : ours.watching.state === "running" ? "beats" : "silent"} /></h2>
        ${there ? html`<dl class="figures">${lanes.length > 0 && html`<${Figure} name="to read" value=${service.lag_rows.toLocaleString("en")} more="messages" /><${Figure} name="taken" value=${system.rate === null ? "–" : Math.round(system.rate).toLocaleString("en")} more="messages/s" />`}
          <${Figure} name="series" value=${service.series.toLocaleString("en")} more=${count(service.assets, "asset")} />${lanes.length > 0 && html`<${Figure} name="lanes" value=${lanes.length} more=${`${lanes.filter(([, lane]) => lane.caught_up).length} caught up`} />`}
          <${Figure} name="judge and learn" value=${(learning.learning ?? 0).toLocaleString("en")} more="series" /><${Figure} name="warm up" value=${(learning.warming ?? 0).toLocaleString("en")} more="series" /></dl>
          ${(service.unready ?? []).map((reason) => html`<p class="fault" key=${reason}>${reason}</p>`)}<p class="muted">andon ${service.version} · settings ${service.settings_hash}</p>`
        : html`<p class="muted">${service.fault}</p>`}</section>
      ${service.processes.length > 1 && html`<${Processes} processes=${service.processes} />`}
      <div class="stack"><section class="card"><h2>Heartbeats</h2>${ours.watching.fault && html`<p class="fault">${ours.watching.fault}</p>`}
        <ul class="plain">${heartbeats.map((beat) => html`<li key=${beat.process}><b>${beat.process}</b> <span class="muted">${beat.state === "running" ? `${lasting(now() - beat.ts)} ago` : `stopped ${near(beat.ts)}`} · ${count(beat.lag_rows, "message")} to read · ${beat.version}</span></li>`)}</ul></section>
      ${there && LISTS.some((list) => !listed(list)) && html`<section class="card"><h2>In order</h2><ul class="plain muted">${LISTS.filter((list) => !listed(list)).map(([name, , none]) => html`<li key=${name}>✓ ${none}</li>`)}</ul></section>`}</div>
      <section class="card"><h2>This console</h2><dl class="figures"><${Figure} name="screens" value=${ours.screens} /><${Figure} name="store" value=${bytes(ours.store_bytes)} more=${`of ${bytes(ours.store_bytes_max)}`} />
        <${Figure} name="series with trends" value=${ours.series.toLocaleString("en")} more=${ours.series_refused ? `${ours.series_refused} refused` : ""} /><${Figure} name="unreadable" value=${ours.unreadable + ours.unreadable_alerts} more="records" /></dl>
        <ul class="plain">${ours.feeds.map((feed) => html`<li key=${feed.name}><b>${feed.name}</b> <span class="muted">${count(feed.heard, "record")} · ${feed.fault || (feed.caught_up ? "caught up" : "catching up")}</span></li>`)}</ul><p class="muted">andon ${ours.version} · ${moment(ours.now)}</p></section>
      ${devices.length > 0 && html`<section class="card"><h2>Devices <span class="muted">${devices.length}</span></h2><ul class="plain">${devices.slice(0, 50).map((device) => html`<li key=${device.gateway + device.device}><${Device} device=${device} /></li>`)}</ul></section>`}
      ${there && LISTS.filter(listed).map(([name, title]) => html`<${Rows} key=${name} name=${name} title=${title} entries=${service[name]} total=${learning[name] ?? 0} />`)}
    </div><${Past} page="system" hours=${hours} title="Over time" ranges=${html`<${Spans} hours=${hours} setHours=${setHours} label="Time shown" />`} /></div>`;
}
