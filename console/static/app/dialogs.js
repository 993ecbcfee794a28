// What people say when they acknowledge or shelve, and what became of it.
import { html, useEffect, useRef, useState } from "./ui.js";
import { me, post } from "./api.js";
import { hourMinute, now } from "./time.js";
import { place } from "./words.js";

let tell = () => {};

export function notify(text, failed = false) {
  tell({ text, failed, at: performance.now() });
}

export function Notice() {
  const [said, say] = useState(null);
  tell = say;
  useEffect(() => {
    if (!said) return undefined;
    const timer = setTimeout(() => say(null), said.failed ? 12_000 : 5_000);
    return () => clearTimeout(timer);
  }, [said]);
  return html`<div class="notices" role="status" aria-live="polite">
    ${said && html`<div class=${said.failed ? "notice failed" : "notice"}>${said.failed ? "✕ " : "✓ "}${said.text}
      <button class="quiet" onClick=${() => say(null)} aria-label="Close this message">×</button></div>`}</div>`;
}

async function send(document, done) {
  try {
    await post("/api/commands", document);
    notify(done);
    return true;
  } catch (fault) {
    notify(`Not done: ${fault.message}`, true);
    return false;
  }
}

export function mayAct() {
  return me.role === "operator";
}

function Dialog({ title, about, children, onSubmit, close, action, busy }) {
  const dialog = useRef(null);
  useEffect(() => {
    dialog.current.showModal();
    return () => dialog.current?.close();
  }, []);
  return html`<dialog ref=${dialog} aria-labelledby="dialog-title" onCancel=${(event) => { event.preventDefault(); close(); }}>
    <form method="dialog" onSubmit=${(event) => { event.preventDefault(); onSubmit(); }}>
      <h2 id="dialog-title">${title}</h2><p class="about">${about}</p>${children}
      <div class="dialog-buttons"><button type="button" onClick=${close}>Cancel <kbd>Esc</kbd></button>
        <button type="submit" class="primary" disabled=${busy}>${busy ? "Sending …" : action} <kbd>Enter</kbd></button></div>
    </form></dialog>`;
}

export function AckDialog({ row, close }) {
  const [comment, setComment] = useState("");
  const [busy, setBusy] = useState(false);
  const act = async () => {
    if (busy) return;
    setBusy(true);
    await send({ command: "acknowledge", asset: row.alert.asset, alert_id: row.alert.alert_id, comment: comment.trim() || null },
      `Acknowledged: ${place(row.alert)}.`);
    close();
  };
  return html`<${Dialog} title="Acknowledge" about=${row.state.said} action="Acknowledge" onSubmit=${act} close=${close} busy=${busy}>
    <label>Comment, if you like<textarea rows="2" maxlength="1000" autofocus value=${comment} placeholder="What you do about it"
      onInput=${(event) => setComment(event.target.value)} onKeyDown=${(event) => submitOnEnter(event, act)}></textarea></label></${Dialog}>`;
}

const SPANS = [[30, "30 min"], [120, "2 h"], [480, "8 h"], [1440, "24 h"]];

export function ShelveDialog({ row, close }) {
  const [minutes, setMinutes] = useState(30);
  const [scope, setScope] = useState("alarm");
  const [comment, setComment] = useState("");
  const [busy, setBusy] = useState(false);
  const { alert } = row;
  const most = me.shelve_max_h * 60;
  const spans = SPANS.filter(([span]) => span <= most);
  const act = async () => {
    if (busy) return;
    setBusy(true);
    const what = scope === "alarm" ? { alert_id: alert.alert_id } : scope === "sensor" ? { sensor: alert.sensor ?? "" } : {};
    await send({ command: "shelve", asset: alert.asset, ...what, for_s: Math.round(minutes * 60), comment: comment.trim() || null },
      `Shelved until ${hourMinute(now() + minutes * 60_000)}: ${scope === "asset" ? `all of ${alert.asset}` : place(alert)}.`);
    close();
  };
  return html`<${Dialog} title="Shelve" about=${row.state.said} action="Shelve" onSubmit=${act} close=${close} busy=${busy}>
    <fieldset><legend>For how long? A shelf always ends.</legend><div class="choices">
      ${spans.map(([span, word]) => html`<label class="choice" key=${span}><input type="radio" name="span" checked=${minutes === span}
        autofocus=${span === 30} onChange=${() => setMinutes(span)} /><span>${word}</span></label>`)}
      <label class="choice minutes"><input type="number" min="1" max=${most} step="1" value=${minutes} aria-label="Minutes"
        onInput=${(event) => setMinutes(Math.min(most, Math.max(1, Number(event.target.value) || 1)))} /> min</label></div>
      <p class="hint">Until ${hourMinute(now() + minutes * 60_000)}.</p></fieldset>
    <fieldset><legend>What?</legend><div class="choices">
      ${[["alarm", "this alarm"], ["sensor", alert.sensor ? `all of ${alert.sensor}` : "the asset as a whole"], ["asset", `all of ${alert.asset}`]].map(([name, word]) =>
        html`<label class="choice" key=${name}><input type="radio" name="scope" checked=${scope === name} onChange=${() => setScope(name)} /><span>${word}</span></label>`)}
    </div></fieldset>
    <label>Why<textarea rows="2" maxlength="1000" value=${comment} placeholder="The next shift will ask"
      onInput=${(event) => setComment(event.target.value)} onKeyDown=${(event) => submitOnEnter(event, act)}></textarea></label></${Dialog}>`;
}

function submitOnEnter(event, act) {
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    act();
  }
}

// Ends exactly what was shelved: an alarm's own shelf, or the wider one that covers it.
export function unshelve(row, holds) {
  const { alert } = row;
  const covering = holds.map(({ hold }) => hold).filter((hold) => hold.shelved && hold.asset === alert.asset
    && (hold.sensor === null || hold.sensor === (alert.sensor ?? "")) && (hold.kind === null || hold.kind === alert.kind)
    && (hold.rule === null || hold.rule === alert.rule));
  const scopes = covering.length ? covering.map(({ sensor, kind, rule }) => ({ sensor, kind, rule })) : [{ alert_id: alert.alert_id }];
  return Promise.all(scopes.map((scope) => send({ command: "unshelve", asset: alert.asset, ...scope }, `No longer shelved: ${place(alert)}.`)));
}

export function feedback(row, verdict) {
  const { alert } = row;
  const told = verdict === "false_alarm" ? "Thank you: this series becomes a little less sensitive." : "Thank you: what happens here isn't learned as normal.";
  return send({ command: "feedback", asset: alert.asset, alert_id: alert.alert_id, verdict }, told);
}
