// The page: who is here, where they are, and what is above every page: counts, clocks, and whether the plant is watched.
import { html, render, useEffect, useMemo, useRef, useState } from "./ui.js";
import { get, me, post } from "./api.js";
import { Alarm } from "./alarm.js";
import { Alarms } from "./alarms.js";
import { Asset } from "./asset.js";
import { boardOf } from "./board.js";
import { Notice } from "./dialogs.js";
import { followLinks, go } from "./go.js";
import { connect, disconnect, live, onAlerts } from "./live.js";
import { Shape, useKeys, useLive, useTick } from "./parts.js";
import { Report } from "./report.js";
import { SignIn } from "./signin.js";
import { System } from "./system.js";
import { clock, date, lasting, now, zoneName } from "./time.js";
import { PRIORITIES } from "./words.js";

const PAGES = [["/", "Alarms"], ["/asset", "Assets"], ["/report", "Report"], ["/system", "System"]];

function route() {
  const path = location.pathname;
  if (path.startsWith("/alarm/")) return { page: "alarm", id: decodeURIComponent(path.slice(7)) };
  if (path === "/asset" || path.startsWith("/asset/")) return { page: "asset", asset: decodeURIComponent(path.slice(7)) };
  return { page: { "/report": "report", "/system": "system" }[path] ?? "alarms" };
}

function Clocks() {
  useTick(1_000);
  const at = now();
  return html`<div class="clocks" role="timer" aria-live="off"><span class="clock-plant"><b>${clock(at)}</b> ${zoneName()}</span>
    <span class="clock-utc">${date(at)}${me.time_zone === "UTC" ? "" : html` · <b>${clock(at, "UTC").slice(0, 5)}</b> UTC`}</span></div>`;
}

function Watching({ health, connected, complete }) {
  if (connected === null) return html`<span class="watching">○ connecting …</span>`;
  if (!connected) return html`<span class="watching bad" role="alert">▲ connection lost: what you see is old</span>`;
  if (!health || !complete) return html`<span class="watching">○ reading what stands …</span>`;
  if (health.watching.state !== "running") return html`<span class="watching bad" role="alert">▲ ${health.watching.fault}</span>`;
  return html`<span class="watching" title=${`A sign of life ${lasting(now() - health.watching.since)} ago`}>● watched</span>`;
}

function Counts({ counts }) {
  return html`<a class="counts" href="/" title="Alarms that stand; filled: somebody is called">
    ${PRIORITIES.map((priority) => html`<span key=${priority} class=${counts[priority].all ? `count ${priority}` : "count zero"}>
      <${Shape} priority=${priority} calls=${counts[priority].calling > 0} dim=${!counts[priority].all} size=${18} /><b>${counts[priority].all}</b><span class="sr"> ${priority}, ${counts[priority].calling} unacknowledged; </span></span>`)}</a>`;
}

function Theme() {
  const [, draw] = useState(0);
  const turn = () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try {
      localStorage.setItem("andon-theme", root.dataset.theme);
    } catch {
      // It holds until the page is closed, then.
    }
    draw((count) => count + 1);
    window.dispatchEvent(new Event("andon-moved"));
  };
  return html`<button class="quiet icon" onClick=${turn} aria-label="Light or dark" title="Light or dark"><svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 1a7 7 0 1 0 0 14z" fill="currentColor" /><circle cx="8" cy="8" r="6.4" fill="none" stroke="currentColor" stroke-width="1.3" /></svg></button>`;
}

const KEYS = [
  ["1 2 3 4", "Alarms, Assets, Report, System"], ["?", "these keys"], ["↑ ↓ or j k", "choose an alarm, or an asset"], ["Enter", "the alarm's whole story"],
  ["a", "acknowledge, with a comment"], ["s", "shelve until a time"], ["u", "end a shelf"], ["o", "the asset of the alarm"], ["/", "filter"], ["h", "show what is held back"],
  ["← →", "earlier, later"], ["+ −", "closer, wider"], ["0", "back to the last hours"], ["Esc", "back; clear the filter"],
];

function Help({ close }) {
  const dialog = useRef(null);
  useEffect(() => dialog.current.showModal(), []);
  return html`<dialog ref=${dialog} class="help" aria-labelledby="help-title" onCancel=${close} onClose=${close}><h2 id="help-title">Keys</h2>
    <dl>${KEYS.map(([key, what]) => html`<div key=${key}><dt>${key.split(" ").map((each) => (each === "or" ? " or " : html`<kbd>${each}</kbd>`))}</dt><dd>${what}</dd></div>`)}</dl>
    <div class="dialog-buttons"><button class="primary" autofocus onClick=${close}>Close</button></div></dialog>`;
}

// Said aloud for those who listen: new alarms that call, at most one sentence at a time.
function Aloud() {
  const [said, say] = useState("");
  useEffect(() => onAlerts((fresh) => {
    const raised = fresh.filter((alert) => alert.transition === "raised" && alert.annunciated);
    if (raised.length) say(raised.length > 3 ? `${raised.length} new alarms` : raised.map((alert) => `${alert.priority} alarm: ${alert.message}`).join(". "));
  }), []);
  return html`<p class="sr" aria-live="assertive">${said}</p>`;
}

function App({ signOut }) {
  const { rows, health, connected, complete, version } = useLive();
  useTick(5_000);
  const [at, setAt] = useState(route());
  const [help, setHelp] = useState(false);
  const [filter, setFilter] = useState("");
  const [selected, setSelected] = useState(null);
  useEffect(() => {
    const moved = () => setAt(route());
    window.addEventListener("popstate", moved);
    window.addEventListener("andon-moved", moved);
    return () => { window.removeEventListener("popstate", moved); window.removeEventListener("andon-moved", moved); };
  }, []);
  useKeys((key) => {
    if (key === "?") { setHelp(true); return true; }
    if (PAGES[Number(key) - 1]) { go(PAGES[Number(key) - 1][0]); return true; }
    return false;
  });
  const board = useMemo(() => boardOf(rows, now()), [version]);
  const calling = PRIORITIES.reduce((sum, priority) => sum + board.counts[priority].calling, 0);
  useEffect(() => { document.title = `${calling ? `(${calling}) ` : ""}${me.site} · andon`; }, [calling]);
  const page = { alarms: "/", alarm: "/", asset: "/asset", report: "/report", system: "/system" }[at.page];
  return html`<div class=${connected === false ? "shell old" : "shell"}>
    <a class="skip" href="#main">To the content</a>
    <header class="top"><a class="brand" href="/"><img src="/static/icon.svg" alt="" width="24" height="24" /><b>${me.site}</b></a>
      <nav aria-label="Pages">${PAGES.map(([path, name], index) => html`<a key=${path} href=${path} aria-current=${page === path ? "page" : undefined}>${name} <kbd>${index + 1}</kbd></a>`)}</nav>
      <${Watching} health=${health} connected=${connected} complete=${complete} /><span class="grow"></span>
      <${Counts} counts=${board.counts} /><${Clocks} />
      <span class="who-here" title=${me.role}>${me.name}<small>${me.role}</small></span><${Theme} />
      ${me.can_sign_out && html`<button class="quiet" onClick=${signOut}>Sign out</button>`}</header>
    <main id="main" tabindex="-1">
      ${at.page === "alarms" && html`<${Alarms} board=${board} filter=${filter} setFilter=${setFilter} selected=${selected} setSelected=${setSelected} />`}
      ${at.page === "alarm" && html`<${Alarm} key=${at.id} id=${at.id} />`}
      ${at.page === "asset" && html`<${Asset} asset=${at.asset} board=${board} />`}
      ${at.page === "report" && html`<${Report} />`}
      ${at.page === "system" && html`<${System} />`}
    </main><${Notice} /><${Aloud} />${help && html`<${Help} close=${() => setHelp(false)} />`}</div>`;
}

const root = document.getElementById("app");

async function signOut() {
  try {
    await post("/api/logout", {});
  } finally {
    await begin();
  }
}

async function begin() {
  disconnect();
  let document;
  try {
    document = await get("/api/me");
  } catch {
    setTimeout(begin, 1_500);
    return;
  }
  Object.assign(me, { can_sign_out: false }, document);
  if (document.signed_in) {
    connect();
    render(html`<${App} signOut=${signOut} />`, root);
  } else {
    render(html`<${SignIn} possible=${document.has_users} provider=${document.provider} done=${begin} />`, root);
  }
}

window.addEventListener("andon-signed-out", begin);
window.andon = { live }; // for the tests, and for the curious
followLinks();
begin();
