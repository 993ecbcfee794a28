// One alarm's whole story: what happened when, what it rests on, who did what, and how to see it again.
import { html, useEffect, useMemo, useState } from "./ui.js";
import { get } from "./api.js";
import { holdsOn, isHold } from "./board.js";
import { Chart } from "./chart.js";
import { AckDialog, ShelveDialog, mayAct, notify, unshelve } from "./dialogs.js";
import { go } from "./go.js";
import { live, onAlerts } from "./live.js";
import { Bars, Bullet, Empty, Shape, useKeys } from "./parts.js";
import { both, clock, date, lasting, moment, near, now } from "./time.js";
import { KINDS, RULES, STATES, TRANSITIONS, assetPath, count, expected, number, withUnit, without } from "./words.js";

function useStory(id) {
  const [story, setStory] = useState(null);
  const [again, setAgain] = useState(0);
  useEffect(() => onAlerts((fresh) => { if (fresh.some((alert) => alert.alert_id === id)) setAgain((count) => count + 1); }), [id]);
  useEffect(() => {
    const stop = new AbortController();
    get(`/api/alarm/${encodeURIComponent(id)}`, {}, stop.signal).then(setStory).catch((fault) => { if (!stop.signal.aborted) setStory((before) => before ?? { fault: fault.message }); });
    return () => stop.abort();
  }, [id, again, live.connected]);
  return story;
}

function Copy({ text }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      notify("Copied.");
    } catch {
      notify("The browser didn't let it be copied: select it instead.", true);
    }
  };
  return html`<button class="quiet copy" onClick=${copy}>copy</button>`;
}

function evidenceValue(name, value) {
  if (value === null) return "–";
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "number" && /_ts$|_since$/.test(name)) return moment(value);
  if (typeof value === "number" && /_ms$/.test(name)) return lasting(value);
  return typeof value === "number" ? number(value) : String(value);
}

function Trend({ first, newest, over }) {
  const sensor = first.sensor ?? first.contributions[0]?.sensor;
  const [trend, setTrend] = useState(null);
  const minute = over ? 0 : Math.floor(now() / 60_000);
  useEffect(() => {
    if (!sensor) return undefined;
    const end = over ?? now(), room = Math.min(Math.max(1_800_000, (end - first.onset_ts) * 0.6), 86_400_000);
    const from = Math.round(first.onset_ts - room), to = Math.round(Math.min(end + room * 0.5, now()));
    const stop = new AbortController();
    if (to > from) get("/api/trend", { asset: first.asset, sensor, from, to, points: 700 }, stop.signal).then((found) => setTrend({ ...found, from, to })).catch(() => {});
    return () => stop.abort();
  }, [first.alert_id, over, minute]);
  const spans = useMemo(() => [{ from: first.onset_ts, to: over, priority: first.priority, expected: first.sensor ? first.expected : null }], [first.alert_id, over]);
  const limits = useMemo(() => (first.kind === "limit" ? { [first.rule]: first.evidence.limit } : {}), [first.alert_id]);
  if (!trend || !trend.start.length) return null;
  return html`<section class="card wide"><h2>${sensor} <span class="reader"></span></h2><${Chart} trend=${trend} from=${trend.from} to=${trend.to} spans=${spans} limits=${limits} height=${190} label=${`Trend of ${first.asset} ${sensor} around the alarm`} /></section>`;
}

export function Alarm({ id }) {
  const story = useStory(id);
  const [dialog, setDialog] = useState(null);
  const standing = [...live.rows.values()].find((state) => state.alert?.alert_id === id) ?? null;
  const lines = story?.lines ?? [];
  const newest = standing?.alert ?? lines[lines.length - 1]?.alert;
  const row = standing && { alert: standing.alert, state: standing, holds: holdsOn(standing), unacked: standing.alert.state !== "active_acked" };
  const holds = [...live.rows].filter(([key]) => isHold(key)).map(([key, hold]) => ({ key, hold }));
  useKeys((key) => {
    if (key === "Escape") { history.length > 1 ? history.back() : go("/"); return true; }
    if (key === "o" && newest) { go(assetPath(newest.asset)); return true; }
    if (!row || !mayAct()) return false;
    if (key === "a" && row.unacked) { setDialog("ack"); return true; }
    if (key === "s" && newest.kind !== "flood") { setDialog("shelve"); return true; }
    if (key === "u" && standing.shelved) { unshelve(row, holds); return true; }
    return false;
  });
  if (!story) return html`<${Empty}>Loading …</${Empty}>`;
  if (story.fault || !newest) return html`<${Empty}>${story.fault ?? "Nothing is known of this alarm."} <a href="/">All alarms</a></${Empty}>`;
  const first = (lines.find(({ alert }) => alert.transition === "raised") ?? lines[0])?.alert ?? newest;
  const overLine = lines.find(({ alert }) => alert.state === "normal" || alert.state === "returned_unacked");
  const over = standing && standing.alert.state !== "returned_unacked" ? null : overLine?.alert.ts ?? newest.ts;
  const calls = standing !== null && row.unacked && row.holds.length === 0;
  const facts = [
    ["onset", both(first.onset_ts)], ["raised", both(first.ts)],
    ["lasted", over === null ? html`${lasting(now() - first.onset_ts)}, and goes on` : lasting(over - first.onset_ts)],
    first.value !== null && ["value", html`${withUnit(first.value, first.unit)} <${Bullet} value=${first.value} range=${first.expected} unit=${first.unit} />`],
    expected(first.expected, first.unit) && ["expected", expected(first.expected, first.unit)],
    first.score !== null && ["surprise", `L ${first.score.toFixed(2)}`], first.rank !== null && ["rank", `P ${first.rank.toFixed(2)}`],
    ["severity", `${first.severity} · ${first.priority}`], ["kind", `${KINDS[first.kind] ?? first.kind} · ${RULES[first.rule] ?? first.rule}`],
    first.window && ["window", `${clock(first.window.start)} – ${clock(first.window.end)}, ${count(first.window.count, "reading")}`],
  ].filter(Boolean);
  return html`<article class="alarm-page">
    <header class="alarm-head"><${Shape} priority=${newest.priority} calls=${calls} dim=${standing === null} size=${38} />
      <div><p class="overline">${newest.priority} · ${standing ? [...row.holds.map((hold) => hold.word), STATES[newest.state]].join(" · ") : "over"}</p>
        <h1><a href=${assetPath(newest.asset)}>${newest.asset}</a> <span>${newest.sensor ?? ""}</span></h1><p class="said">${without(first.message, first)}</p></div>
      <div class="actions">${row && mayAct() && row.unacked && html`<button class="primary" onClick=${() => setDialog("ack")}>Acknowledge <kbd>A</kbd></button>`}
        ${row && mayAct() && (standing.shelved ? html`<button onClick=${() => unshelve(row, holds)}>End the shelf <kbd>U</kbd></button>` : newest.kind !== "flood" && html`<button onClick=${() => setDialog("shelve")}>Shelve <kbd>S</kbd></button>`)}
        <a class="button" href=${assetPath(newest.asset)}>Asset <kbd>O</kbd></a></div></header>
    <div class="alarm-grid">
      <section class="card timeline-card"><h2>What happened</h2>${lines.length === 0 ? html`<p class="muted">Its transitions are older than what the console keeps.</p>` : html`<ol class="timeline">${lines.map((line, index) => {
        const { alert } = line;
        return html`<li key=${line.event_id} class=${`${alert.transition} ${alert.by ? "person" : ""}`}>
          <time title=${both(alert.ts)}>${index === 0 || date(alert.ts) !== date(lines[index - 1].alert.ts) ? html`<span class="day">${date(alert.ts)}</span>` : ""}${clock(alert.ts)}</time>
          <div><b>${TRANSITIONS[alert.transition] ?? alert.transition}</b>${alert.by && html` by <b>${alert.by}</b>`} <span class="muted">→ ${STATES[alert.state]}${alert.annunciated ? "" : ", nobody was called"}</span>
            ${alert.comment && html`<q>${alert.comment}</q>`}<p class="line-message">${without(alert.message, alert)}</p>
            ${line.source && html`<p class="source">caused by <code>${line.source}</code></p>`}</div></li>`;
      })}</ol>`}</section>
      <${Trend} first=${first} newest=${newest} over=${over} />
      <section class="card"><h2>At the raise</h2><dl class="facts">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></section>
      ${first.contributions.length > 1 && html`<section class="card"><h2>What contributes</h2><${Bars} label="Contributions, the largest first" rows=${first.contributions.slice(0, 10).map(({ sensor, share }) => ({ name: sensor, value: share, shown: `${Math.round(share * 100)} %` }))} /></section>`}
      <section class="card"><h2>Evidence</h2><dl class="facts mono">${Object.entries(first.evidence).map(([name, value]) => html`<div key=${name}><dt>${name.replace(/_ms$/, "").replaceAll("_", " ")}</dt><dd>${evidenceValue(name, value)}</dd></div>`)}</dl></section>
      <section class="card wide"><h2>See it again</h2><p class="muted">The same readings give the same alarm, byte for byte.</p>
        ${story.reproduce.map((line) => html`<p class="command" key=${line}><code>${line}</code><${Copy} text=${line} /></p>`)}
        <dl class="facts mono ids"><div><dt>alert id</dt><dd>${id}</dd></div>${lines[0]?.config && html`<div><dt>rule</dt><dd>${lines[0].config}</dd></div>`}${lines[0]?.place && html`<div><dt>record</dt><dd>${lines[0].place}</dd></div>`}<div><dt>newest word</dt><dd>${near(newest.ts)}</dd></div></dl></section>
    </div>
    ${dialog === "ack" && row && html`<${AckDialog} row=${row} close=${() => setDialog(null)} />`}
    ${dialog === "shelve" && row && html`<${ShelveDialog} row=${row} close=${() => setDialog(null)} />`}
  </article>`;
}
