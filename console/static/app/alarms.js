// The alarms: who needs a person first. The list draws only what is seen, so that a thousand rows cost as much as thirty.
import { html, useEffect, useMemo, useRef, useState } from "./ui.js";
import { get } from "./api.js";
import { matches } from "./board.js";
import { Chart } from "./chart.js";
import { AckDialog, ShelveDialog, feedback, mayAct, notify, unshelve } from "./dialogs.js";
import { go } from "./go.js";
import { Bars, Bullet, Empty, Shape, useKeys } from "./parts.js";
import { both, clock, date, lasting, near, now } from "./time.js";
import { KINDS, RULES, STATES, assetPath, count, expected, place, withUnit, without } from "./words.js";

const ROW = 46;
const MORE = 8; // rows beyond the edge of what is seen

export function stateWords(row) {
  const { state, alert } = row;
  const words = [];
  for (const hold of row.holds) words.push(hold.until_ts ? `${hold.word} to ${near(hold.until_ts)}` : hold.word);
  if (alert.state === "active_acked") words.push(state.acknowledged ? `acknowledged · ${state.acknowledged.by}` : "acknowledged");
  else words.push(STATES[alert.state]);
  return words;
}

function Tags({ row, first }) {
  return html`<span class="tags">
    ${first !== undefined && html`<span class="tag strong" title="One of the first alarms of the flood: often its cause">first-up ${first}</span>`}
    ${row.chattering && html`<span class="tag" title="Raised again and again: its clearing is held back">≋ chattering</span>`}
    ${row.stale && html`<span class="tag" title="It has stood for more than a day">⧗ stale</span>`}
    ${row.covered && html`<span class="tag" title="The outer limit is active too: this one says nothing new">within ${row.covered.toUpperCase()}</span>`}
  </span>`;
}

function Row({ row, index, size, selected, first, select, at }) {
  const { alert, state } = row;
  const words = stateWords(row);
  return html`<div id=${`row-${index}`} role="option" aria-selected=${selected} aria-posinset=${index + 1} aria-setsize=${size}
    class=${`row ${alert.priority} ${row.calls ? "calls" : ""} ${selected ? "selected" : ""} ${row.holds.length ? "held" : ""}`}
    style=${{ transform: `translateY(${index * ROW}px)` }} data-key=${row.key}
    onClick=${() => select(row.key)} onDblClick=${() => go(`/alarm/${alert.alert_id}`)}>
    <span class="cell shape-cell"><${Shape} priority=${alert.priority} calls=${row.calls} dim=${row.holds.length > 0} /><span class="sr">${alert.priority}, for </span></span>
    <span class="cell age" title=${`raised ${both(state.raised_ts)}`}>${lasting(at - state.raised_ts)}</span>
    <span class="cell where"><span class="asset">${alert.asset}</span><span class="sensor">${alert.sensor ?? (alert.kind === "flood" ? "the site" : "as a whole")}</span></span>
    <span class="cell what"><span class="message">${without(state.said, alert)}</span><${Tags} row=${row} first=${first} /></span>
    <span class="cell value">${alert.value === null ? "" : html`<span>${withUnit(alert.value, alert.unit)}</span><${Bullet} value=${alert.value} range=${alert.expected} unit=${alert.unit} />`}</span>
    <span class="cell state">${words.map((word, place) => html`<span key=${place}>${word}</span>`)}</span>
  </div>`;
}

function List({ rows, selected, select, firstUp, board }) {
  const scroller = useRef(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  useEffect(() => {
    const look = () => setView({ top: scroller.current.scrollTop, height: scroller.current.clientHeight });
    look();
    const watcher = new ResizeObserver(look);
    watcher.observe(scroller.current);
    scroller.current.addEventListener("scroll", look, { passive: true });
    return () => watcher.disconnect();
  }, []);
  const index = rows.findIndex((row) => row.key === selected);
  useEffect(() => {
    if (index < 0) return;
    const top = index * ROW, element = scroller.current;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + ROW > element.scrollTop + element.clientHeight) element.scrollTop = top + ROW - element.clientHeight;
  }, [index]);
  const from = Math.max(0, Math.floor(view.top / ROW) - MORE), to = Math.min(rows.length, Math.ceil((view.top + view.height) / ROW) + MORE);
  const at = now();
  const seen = rows.slice(from, to);
  if (index >= 0 && (index < from || index >= to)) seen.push(rows[index]);
  return html`<div class="list" ref=${scroller} role="listbox" tabindex="0" aria-label="Alarms, the most urgent first" aria-activedescendant=${index >= 0 ? `row-${index}` : undefined}>
    <div class="rows" role="presentation" style=${{ height: `${rows.length * ROW}px` }}>
      ${seen.map((row) => {
        const number = row.key === selected ? index : from + seen.indexOf(row);
        return html`<${Row} key=${row.key} row=${row} index=${number} size=${rows.length} selected=${row.key === selected} first=${firstUp.get(row.key)} select=${select} at=${at} />`;
      })}</div>
    ${rows.length === 0 && html`<${Nothing} board=${board} />`}</div>`;
}

function Nothing({ board }) {
  return board.standing.length
    ? html`<${Empty}>No alarm matches. <kbd>Esc</kbd> clears the filter.</${Empty}>`
    : html`<div class="quiet-plant"><svg width="44" height="44" viewBox="0 0 44 44" aria-hidden="true"><circle cx="22" cy="22" r="20" /><path d="M13 22.5l6.2 6.2L31 17" /></svg>
        <p>No alarm stands.</p>${board.held.length > 0 && html`<p class="muted">${count(board.held.length, "alarm is", "alarms are")} held back.</p>`}</div>`;
}

function MiniTrend({ row }) {
  const { alert } = row;
  const [trend, setTrend] = useState(null);
  const sensor = alert.sensor ?? alert.contributions[0]?.sensor;
  const minute = Math.floor(now() / 60_000);
  const span = Math.min(24 * 3_600_000, Math.max(2 * 3_600_000, (now() - alert.onset_ts) * 1.4));
  useEffect(() => {
    if (!sensor) return undefined;
    const stop = new AbortController();
    const to = Math.round(now());
    get("/api/trend", { asset: alert.asset, sensor, from: Math.round(to - span), to, points: 300 }, stop.signal)
      .then((found) => setTrend({ ...found, from: to - span, to })).catch(() => {});
    return () => stop.abort();
  }, [alert.alert_id, sensor, minute]);
  const spans = useMemo(() => [{ from: alert.onset_ts, to: null, priority: alert.priority, expected: alert.sensor ? alert.expected : null }], [alert.alert_id, alert.ts]);
  const limits = useMemo(() => (alert.kind === "limit" ? { [alert.rule]: alert.evidence.limit } : {}), [alert.alert_id]);
  if (!sensor || !trend || !trend.start.length) return null;
  return html`<section class="mini"><h3>${sensor} <span class="reader"></span></h3>
    <${Chart} trend=${trend} from=${trend.from} to=${trend.to} spans=${spans} limits=${limits} height=${126} plain label=${`Trend of ${alert.asset} ${sensor}`} /></section>`;
}

function Detail({ row, board, open, close }) {
  const { alert, state } = row;
  const on = row.holds;
  const facts = [
    ["since", html`${lasting(now() - state.raised_ts)} <span class="muted">· ${near(state.raised_ts)}</span>`],
    alert.value !== null && ["value", withUnit(alert.value, alert.unit)],
    expected(alert.expected, alert.unit) && ["expected", expected(alert.expected, alert.unit)],
    alert.score !== null && ["surprise", html`L ${alert.score.toFixed(1)} <span class="muted">· one in 10${String(Math.round(alert.score)).split("").map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("")}</span>`],
    ["kind", `${KINDS[alert.kind] ?? alert.kind} · ${RULES[alert.rule] ?? alert.rule}`],
  ].filter(Boolean);
  const shelved = state.shelved;
  return html`<aside class="detail" aria-label="The selected alarm">
    <button class="back quiet" onClick=${close}>‹ all alarms</button>
    <header><${Shape} priority=${alert.priority} calls=${row.calls} dim=${on.length > 0} size=${30} />
      <div><p class="overline">${alert.priority} · ${stateWords(row).join(" · ")}</p><h2><a href=${assetPath(alert.asset)}>${alert.asset}</a>${alert.sensor && html` <span>${alert.sensor}</span>`}</h2></div></header>
    <p class="said">${without(state.said, alert)}</p>
    <${Tags} row=${row} first=${board.firstUp.get(row.key)} />
    ${[state.acknowledged && { ...state.acknowledged, word: "acknowledged" }, ...on].filter(Boolean).map((hold) => html`<p class="who" key=${hold.word}>
      <b>${hold.word}</b> by ${hold.by}, ${near(hold.since_ts)}${hold.until_ts ? `, until ${near(hold.until_ts)}` : ""}${hold.comment && html`<q>${hold.comment}</q>`}</p>`)}
    <div class="actions">
      ${mayAct() && row.unacked && html`<button class="primary" onClick=${() => open("ack")}>Acknowledge <kbd>A</kbd></button>`}
      ${mayAct() && (shelved ? html`<button onClick=${() => unshelve(row, board.holds)}>End the shelf <kbd>U</kbd></button>` : alert.kind !== "flood" && html`<button onClick=${() => open("shelve")}>Shelve <kbd>S</kbd></button>`)}
      <a class="button" href=${`/alarm/${alert.alert_id}`}>Story <kbd>↵</kbd></a></div>
    <dl class="facts">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    <${MiniTrend} key=${alert.alert_id} row=${row} />
    ${alert.contributions.length > 1 && html`<section><h3>What contributes</h3><${Bars} label="Contributions, the largest first"
      rows=${alert.contributions.slice(0, 8).map(({ sensor, share }) => ({ name: sensor, value: share, shown: `${Math.round(share * 100)} %` }))} /></section>`}
    ${mayAct() && (alert.kind === "anomaly") && html`<p class="feedback">Was it worth it? <button class="quiet" onClick=${() => feedback(row, "true_alarm")}>true alarm</button>
      <button class="quiet" onClick=${() => feedback(row, "false_alarm")}>false alarm</button></p>`}
  </aside>`;
}

function FloodBanner({ board, select }) {
  if (!board.floods.length) return null;
  const { evidence, onset_ts } = board.floods[0].alert;
  const first = (evidence.first_up ?? []).slice(0, 3);
  return html`<section class="flood" role="alert"><span class="flood-mark" aria-hidden="true">≋</span>
    <b title="More alarms than a person can follow">Alarm flood</b><span>since ${near(onset_ts)}</span>
    ${first.length > 0 && html`<span class="first">First up: ${first.map((key, index) => {
      const [asset, sensor] = key.split("/").map(decodeURIComponent);
      return html`<button class="quiet" key=${key} onClick=${() => select(key)}>${index + 1}. ${asset} ${sensor}</button>`;
    })}</span>`}
    ${(evidence.top_assets ?? []).length > 0 && html`<span class="muted">Most from ${evidence.top_assets.slice(0, 3).join(", ")}</span>`}</section>`;
}

export function Alarms({ board, filter, setFilter, selected, setSelected }) {
  const [dialog, setDialog] = useState(null);
  const [withHeld, setWithHeld] = useState(false);
  const [kind, setKind] = useState("");
  const [phoneDetail, setPhoneDetail] = useState(false);
  const field = useRef(null);
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const all = withHeld ? [...board.standing, ...board.held] : board.standing;
  const rows = words.length || kind ? all.filter((row) => matches(row, words, kind)) : all;
  const kinds = [...new Set([...board.standing, ...board.held].map((row) => row.alert.kind))].sort();
  const index = rows.findIndex((row) => row.key === selected);
  const known = rows[index] ?? [...board.standing, ...board.held].find((row) => row.key === selected);
  const row = known ?? rows[0];
  const last = useRef(0);
  if (index >= 0) last.current = index;
  useEffect(() => { // what was selected is gone: its place stays, so that the eye does
    if (!known && rows.length) setSelected(rows[Math.min(last.current, rows.length - 1)].key);
  }, [known === undefined, rows.length]);
  const pick = (key) => {
    setSelected(key);
    setPhoneDetail(true);
    if (!rows.some((each) => each.key === key)) { setFilter(""); setKind(""); setWithHeld(true); }
  };
  const move = (by) => rows.length && setSelected(rows[Math.max(0, Math.min(rows.length - 1, (index < 0 ? 0 : index + by)))].key);
  const open = (what) => (mayAct() ? row && setDialog({ what, row }) : notify("You are a viewer: an operator may do that.", true));
  useKeys((key, event) => {
    switch (key) {
      case "ArrowDown": case "j": move(1); return true;
      case "ArrowUp": case "k": move(-1); return true;
      case "PageDown": move(10); return true;
      case "PageUp": move(-10); return true;
      case "Home": move(-rows.length); return true;
      case "End": move(rows.length); return true;
      case "Enter": if (row && event.target.tagName !== "BUTTON" && event.target.tagName !== "A") { go(`/alarm/${row.alert.alert_id}`); return true; } return false;
      case "a": if (row?.unacked) open("ack"); else if (row) notify("It is acknowledged already."); return true;
      case "s": if (row && row.alert.kind !== "flood") open("shelve"); return true;
      case "u": if (row?.state.shelved && mayAct()) unshelve(row, board.holds); return true;
      case "h": setWithHeld((on) => !on); return true;
      case "o": if (row) go(assetPath(row.alert.asset)); return true;
      case "/": field.current.focus(); field.current.select(); return true;
      case "Escape": setFilter(""); setKind(""); field.current.blur(); setPhoneDetail(false); return true;
      default: return false;
    }
  });
  return html`<div class=${`alarms ${phoneDetail ? "show-detail" : ""}`}>
    <h1 class="sr">Alarms</h1>
    <div class="list-side">
      <${FloodBanner} board=${board} select=${pick} />
      <div class="toolbar" role="search">
        <label class="filter"><span class="sr">Filter by area, asset, sensor or words</span><input ref=${field} type="search" placeholder="Filter: area, asset, words" value=${filter} onInput=${(event) => setFilter(event.target.value)} /><kbd aria-hidden="true">/</kbd></label>
        <div class="chips" role="group" aria-label="Kind">${kinds.map((name) => html`<button key=${name} class="chip" aria-pressed=${kind === name} onClick=${() => setKind(kind === name ? "" : name)}>${KINDS[name] ?? name}</button>`)}</div>
        <button class="chip held-chip" aria-pressed=${withHeld} onClick=${() => setWithHeld(!withHeld)}>held back ${board.held.length} <kbd>H</kbd></button>
      </div>
      <div class="head" aria-hidden="true"><span></span><span>for</span><span>asset</span><span>what</span><span>value</span><span>state</span></div>
      <${List} rows=${rows} selected=${row?.key} select=${pick} firstUp=${board.firstUp} board=${board} />
      <p class="foot">${rows.length === all.length ? count(rows.length, "alarm") : `${rows.length} of ${count(all.length, "alarm")}`}<span class="keys"><kbd>↑</kbd><kbd>↓</kbd> choose <kbd>A</kbd> acknowledge <kbd>S</kbd> shelve <kbd>Enter</kbd> story <kbd>O</kbd> asset <kbd>?</kbd> all keys</span></p>
    </div>
    ${row ? html`<${Detail} key=${row.key} row=${row} board=${board} open=${open} close=${() => setPhoneDetail(false)} />` : html`<aside class="detail none" aria-label="The selected alarm"><p class="muted">${date(now())} ${clock(now())}</p></aside>`}
    ${dialog?.what === "ack" && html`<${AckDialog} row=${dialog.row} close=${() => setDialog(null)} />`}
    ${dialog?.what === "shelve" && html`<${ShelveDialog} row=${dialog.row} close=${() => setDialog(null)} />`}
  </div>`;
}
