// Trends: a line of last values, a shade from lowest to highest, limits, what was expected, and when alarms stood.
/* global uPlot */
import { html, useEffect, useRef } from "./ui.js";
import { me } from "./api.js";
import { clock, now } from "./time.js";
import { number } from "./words.js";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const SYNC = uPlot.sync("andon");

function rectangle(u, from, to, top, height, fill, alpha) {
  const left = Math.max(u.valToPos(from, "x", true), u.bbox.left);
  const right = Math.min(u.valToPos(to, "x", true), u.bbox.left + u.bbox.width);
  if (right < u.bbox.left || left > u.bbox.left + u.bbox.width) return;
  u.ctx.globalAlpha = alpha;
  u.ctx.fillStyle = fill;
  u.ctx.fillRect(left, top, Math.max(right - left, 2 * devicePixelRatio), height);
  u.ctx.globalAlpha = 1;
}

function underneath(u, { spans, end }) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const span of spans) {
    rectangle(u, span.from, span.to ?? end(), bbox.top, bbox.height, css(span.priority), 0.1);
    const { low, high } = span.expected ?? {};
    if (low !== null && high !== null && low !== undefined) {
      const top = u.valToPos(high, "y", true), bottom = u.valToPos(low, "y", true);
      rectangle(u, span.from, span.to ?? end(), top, Math.max(bottom - top, 1), css("band"), 0.55);
    }
  }
  ctx.restore();
}

function above(u, { limits, spans, notes, end }) {
  const { ctx, bbox } = u;
  const scale = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top - 2, bbox.width, bbox.height + 4);
  ctx.clip();
  ctx.font = `${10.5 * scale}px Inter, system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "bottom";
  for (const [name, value] of Object.entries(limits)) {
    const y = u.valToPos(value, "y", true);
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.strokeStyle = css("limit");
    ctx.lineWidth = scale;
    ctx.setLineDash([6 * scale, 4 * scale]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.fillStyle = css("muted");
    ctx.fillText(`${name.toUpperCase()} ${number(value)}`, bbox.left + 5 * scale, y - scale);
  }
  for (const span of spans) rectangle(u, span.from, span.to ?? end(), bbox.top, 4 * scale, css(span.priority), 1);
  ctx.fillStyle = css("ink");
  for (const note of notes) {
    const x = u.valToPos(note.ts, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x - 4 * scale, bbox.top + bbox.height - 8 * scale);
    ctx.lineTo(x + 4 * scale, bbox.top + bbox.height - 8 * scale);
    ctx.fill();
  }
  ctx.restore();
}

// So that a limit that is near is seen, and one that is far doesn't flatten the line.
function range(limits, spans) {
  return (_u, low, high) => {
    if (low === null || high === null) return [0, 1];
    let from = low, to = high;
    const width = Math.max(high - low, Math.abs(high) * 0.02, 1e-9);
    for (const value of Object.values(limits)) {
      if (value > to && value - high < width * 1.5) to = value;
      if (value < from && low - value < width * 1.5) from = value;
    }
    for (const { expected } of spans) {
      if (expected?.high != null && expected.high > to && expected.high - high < width) to = expected.high;
      if (expected?.low != null && expected.low < from && low - expected.low < width) from = expected.low;
    }
    const room = Math.max((to - from) * 0.08, Math.abs(to) * 0.002, 1e-9);
    return [from - room, to + room];
  };
}

// Of counts: none is at the bottom, and a quiet line lies there.
function fromZero(_u, _low, high) {
  return [0, (high || 1) * 1.12];
}

// A gap wider than two buckets is silence: there the line ends.
function columns(trend) {
  const x = [], low = [], high = [], last = [];
  trend.start.forEach((start, index) => {
    const middle = start + trend.step_ms / 2;
    if (x.length && start - trend.start[index - 1] > 2.5 * trend.step_ms) {
      x.push(start - trend.step_ms);
      low.push(null);
      high.push(null);
      last.push(null);
    }
    x.push(middle);
    low.push(trend.low[index]);
    high.push(trend.high[index]);
    last.push(trend.last[index]);
  });
  return [x, high, low, last];
}

const S = 1000, M = 60 * S, H = 60 * M, D = 24 * H;
const DATES = [
  [28 * D, "{YYYY}-{MM}", null, null, null, null, null, null, 1],
  [D, "{MM}-{DD}", null, null, null, null, null, null, 1],
  [M, "{HH}:{mm}", "\n{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
  [S, "{HH}:{mm}:{ss}", "\n{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
  [1, ":{ss}.{fff}", null, null, null, null, null, null, 1],
];

export function Chart({ trend, from, to, limits = {}, spans = [], notes = [], height = 150, onZoom = null, label, plain = false, zero = false }) {
  const place = useRef(null);
  const plot = useRef(null);
  const shown = useRef({});
  shown.current = { limits, spans, notes, from, to, onZoom, end: () => now() };
  const look = document.documentElement.dataset.theme ?? "";
  useEffect(() => {
    const axis = { stroke: css("muted"), font: "11px Inter, system-ui, sans-serif", grid: { stroke: css("grid"), width: 1 }, ticks: { show: false } };
    const line = { stroke: css("trend"), width: 1.15, points: { show: false } };
    const options = {
      width: Math.max(120, place.current.clientWidth), height, ms: 1,
      tzDate: (ts) => uPlot.tzDate(new Date(ts), me.time_zone === "UTC" ? "Etc/UTC" : me.time_zone),
      padding: [8, 10, 0, 0], legend: { show: false },
      cursor: { sync: { key: SYNC.key, scales: ["x", null] }, drag: { x: onZoom !== null, y: false, setScale: false }, points: { size: 6 } },
      scales: { x: { time: true, range: () => [shown.current.from, shown.current.to] }, y: { range: zero ? fromZero : (...given) => range(shown.current.limits, shown.current.spans)(...given) } },
      axes: plain ? [{ ...axis, values: DATES, space: 60, size: 30 }, { ...axis, size: 46, space: 28 }] : [{ ...axis, values: DATES, space: 70, size: 30 }, { ...axis, size: 54, space: 26 }],
      series: [{}, { ...line, stroke: "transparent" }, { ...line, stroke: "transparent" }, line],
      bands: [{ series: [1, 2], fill: css("trend-range") }],
      hooks: {
        drawClear: [(u) => underneath(u, shown.current)],
        draw: [(u) => above(u, shown.current)],
        setSelect: [(u) => {
          if (u.select.width < 6 || !shown.current.onZoom) return;
          const chosen = [u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")];
          u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          shown.current.onZoom(Math.round(chosen[0]), Math.round(chosen[1]));
        }],
        setCursor: [(u) => {
          const value = u.cursor.idx == null ? null : u.data[3][u.cursor.idx];
          const reader = place.current?.parentElement?.querySelector(".reader");
          if (reader) reader.textContent = value == null ? "" : `${number(value)} at ${clock(u.data[0][u.cursor.idx])}`;
        }],
      },
    };
    plot.current = new uPlot(options, columns(trend), place.current);
    const watcher = new ResizeObserver(() => {
      const width = place.current?.clientWidth ?? 0;
      if (width > 0 && Math.abs(width - plot.current.width) > 1) plot.current.setSize({ width, height });
    });
    watcher.observe(place.current);
    return () => {
      watcher.disconnect();
      plot.current.destroy();
      plot.current = null;
    };
  }, [look, height, plain, zero]);
  useEffect(() => {
    plot.current?.setData(columns(trend));
  }, [trend, from, to, spans, limits, notes]);
  return html`<div class="chart" ref=${place} role="img" aria-label=${label}></div>`;
}
