// The charts of a page: reads what the page holds, draws a chart when it comes into view, keeps all at one stretch of time.
"use strict";

const said = JSON.parse(document.getElementById("document").textContent);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const clock = (ms) => new Date(ms).toISOString().replace("T", " ").slice(0, 19);
const SYNC = uPlot.sync("time");
const drawn = [];
let whole = [Infinity, -Infinity];
let stretch = null; // null: all of it
let following = false;

async function unpack() {
  const text = document.getElementById("columns").textContent;
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Float64Array(await new Response(stream).arrayBuffer());
}

// NaN is where a line ends: uPlot calls that null.
function table(numbers, place, width) {
  const columns = [];
  for (let column = 0; column < width; column++) {
    const start = place.at + column * place.rows;
    columns.push(Array.from(numbers.subarray(start, start + place.rows), (value) => (Number.isNaN(value) ? null : value)));
  }
  return columns;
}

function line(name, scale, more = {}) {
  return { label: name, scale, stroke: colour(name), width: 1, points: { show: false }, ...more };
}

function shade(u, from, to, name, top, height, alpha) {
  const left = Math.max(u.valToPos(from, "x", true), u.bbox.left);
  const right = Math.min(u.valToPos(to, "x", true), u.bbox.left + u.bbox.width);
  if (right < u.bbox.left || left > u.bbox.left + u.bbox.width) return;
  u.ctx.globalAlpha = alpha;
  u.ctx.fillStyle = colour(name);
  u.ctx.fillRect(left, top, Math.max(right - left, 2), height);
  u.ctx.globalAlpha = 1;
}

// Alarms of the series over the whole height, those of its asset as a strip above, labels as a strip below.
function spans(chart) {
  const own = said.alarms.filter((alarm) => alarm.asset === chart.asset && alarm.sensor === chart.sensor);
  const assets = chart.sensor === null ? [] : said.alarms.filter((alarm) => alarm.asset === chart.asset && alarm.sensor === null);
  const labels = said.labels.filter(
    (label) => label.assets.includes(chart.asset) && (label.sensor === null || chart.sensor === null || label.sensor === chart.sensor),
  );
  return (u) => {
    const { top, height } = u.bbox;
    const strip = 8 * devicePixelRatio;
    u.ctx.save();
    for (const alarm of own) shade(u, alarm.raised, alarm.cleared ?? whole[1], "alarm", top, height, 0.22);
    for (const alarm of assets) shade(u, alarm.raised, alarm.cleared ?? whole[1], "asset", top, strip, 0.7);
    for (const label of labels) {
      shade(u, label.start, label.end, "label", top, height, 0.08);
      shade(u, label.start, label.end, "label", top + height - strip, strip, 0.8);
    }
    u.ctx.restore();
  };
}

// Dates as ISO 8601 has them: finest step in ms, then the format of a tick and of one that begins a year, a day …
const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const DATES = [
  [365 * DAY, "{YYYY}", null, null, null, null, null, null, 1],
  [28 * DAY, "{YYYY}-{MM}", null, null, null, null, null, null, 1],
  [DAY, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
  [MINUTE, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
  [SECOND, "{HH}:{mm}:{ss}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
  [1, ":{ss}.{fff}", "\n{YYYY}-{MM}-{DD} {HH}:{mm}", null, "\n{MM}-{DD} {HH}:{mm}", null, "\n{HH}:{mm}", null, 1],
];

// All charts leave the same room at their sides, so that one moment is in one column.
const LEFT = 64, RIGHT = 44;

function options(height, width, series, bands, axes, scales, paint) {
  const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line") } };
  return {
    width,
    height,
    ms: 1,
    tzDate: (ts) => uPlot.tzDate(new Date(ts), "Etc/UTC"),
    cursor: { sync: { key: SYNC.key, scales: ["x", null] }, drag: { x: true, y: false } },
    legend: { live: true },
    scales: { x: { time: true }, ...scales },
    padding: [8, axes.length > 1 ? 0 : RIGHT, 0, 0],
    axes: [{ ...axis, values: DATES, space: 70 }, ...axes.map((one) => ({ ...axis, ...one }))],
    series: [{ label: "time", value: (_, ts) => (ts === null ? "" : clock(ts)) }, ...series],
    bands,
    hooks: { drawClear: [paint], setScale: [follow], ready: [listen] },
  };
}

function show(range) {
  stretch = range;
  following = true;
  for (const u of drawn) u.setScale("x", { min: (range ?? whole)[0], max: (range ?? whole)[1] });
  following = false;
}

function follow(u, scale) {
  if (scale !== "x" || following || !drawn.includes(u)) return;
  const { min, max } = u.scales.x;
  const [from, to] = stretch ?? whole;
  if (min !== from || max !== to) show([min, max]);
}

function listen(u) {
  u.over.addEventListener("dblclick", () => setTimeout(() => show(null)));
}

function add(u) {
  drawn.push(u);
  following = true;
  const [from, to] = stretch ?? whole;
  u.setScale("x", { min: from, max: to });
  following = false;
}

// The threshold is one of P where alarms are ranked, else of L.
function scores(chart, columns, place, width, numbers) {
  const [end, , , , ...found] = table(numbers, place, said.window_columns.length);
  const names = said.window_columns.slice(4);
  const hidden = new Set(["s", "p", "level", "spread", "season", "shape"]);
  if (chart.ranked) for (const name of ["s", "p"]) hidden.delete(name);
  const scale = { surprise: "L", spike: "L", threshold: chart.ranked ? "P" : "L", p: "P", s: "S" };
  const told = { surprise: "L: surprise", spike: "L of spikes", threshold: "threshold", s: "S: combined score", p: "P: rank" };
  const series = names.map((name) =>
    line(name, scale[name] ?? "z", {
      label: told[name] ?? `z of ${name}`,
      show: !hidden.has(name) && found[names.indexOf(name)].some((value) => value !== null),
      dash: name === "threshold" ? [6, 3] : undefined,
    }),
  );
  const axes = [{ scale: "L", size: LEFT }, { scale: "P", side: 1, size: RIGHT, grid: { show: false } }];
  const paint = spans(chart);
  add(new uPlot(options(150, width, series, [], axes, { P: { range: [0, 1] } }, paint), [end, ...found], columns));
}

function values(chart, columns, width, numbers) {
  const readings = table(numbers, chart.readings, said.reading_columns.length);
  const tables = [readings];
  const series = [line("value", "y")];
  const bands = [];
  if (chart.windows.rows) {
    const [end, x, low, high] = table(numbers, chart.windows, said.window_columns.length);
    tables.push([end, x, high, low]);
    series.push(
      line("mean", "y", { label: "mean of window", show: false }),
      line("band", "y", { label: "expected, high" }),
      line("band", "y", { label: "expected, low" }),
    );
    bands.push({ series: [3, 4], fill: `${colour("band")}40` });
  }
  const data = tables.length > 1 ? uPlot.join(tables) : readings;
  add(new uPlot(options(240, width, series, bands, [{ scale: "y", size: LEFT }], {}, spans(chart)), data, columns));
}

function draw(chart, place, numbers) {
  const width = Math.max(300, place.clientWidth);
  if (chart.readings.rows) values(chart, place, width, numbers);
  if (chart.windows.rows) scores(chart, place, chart.windows, width, numbers);
}

function listing(id, rows) {
  const place = document.getElementById(id);
  if (!rows.length) place.insertRow().insertCell().textContent = "none";
  for (const { from, to, cells } of rows) {
    const row = place.insertRow();
    const when = document.createElement("button");
    when.className = "when";
    when.textContent = clock(from);
    when.addEventListener("click", () => {
      const room = Math.max((to - from) / 2, (whole[1] - whole[0]) / 200);
      show([from - room, to + room]);
      document.getElementById("charts").scrollIntoView();
    });
    row.insertCell().append(when);
    for (const cell of cells) row.insertCell().textContent = cell;
  }
}

unpack().then(lay).catch((error) => {
  document.getElementById("charts").textContent = `The charts can't be drawn: ${error}. They need a browser of 2023 or later.`;
});

function lay(numbers) {
  const charts = document.getElementById("charts");
  for (const chart of said.charts) {
    for (const place of [chart.readings, chart.windows]) {
      if (place.rows) whole = [Math.min(whole[0], numbers[place.at]), Math.max(whole[1], numbers[place.at + place.rows - 1])];
    }
  }
  const waiting = new Map();
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (isIntersecting && waiting.has(target)) {
          const chart = waiting.get(target);
          waiting.delete(target);
          draw(chart, target, numbers);
        }
      }
    },
    { rootMargin: "400px" },
  );
  for (const chart of said.charts) {
    const head = document.createElement("h3");
    head.textContent = chart.sensor === null ? `${chart.asset} as a whole` : `${chart.asset} ${chart.sensor}`;
    const place = document.createElement("div");
    place.className = chart.sensor === null ? "asset-chart" : "chart";
    charts.append(head, place);
    waiting.set(place, chart);
    watcher.observe(place);
  }
  listing(
    "alarms",
    said.alarms.map((alarm) => ({
      from: alarm.raised,
      to: alarm.cleared ?? whole[1],
      cells: [alarm.cleared === null ? "stands" : clock(alarm.cleared), alarm.priority, `${alarm.kind} ${alarm.rule}`, alarm.message],
    })),
  );
  listing(
    "labels",
    said.labels.map((label) => ({
      from: label.start,
      to: label.end,
      cells: [clock(label.end), `${label.assets.slice(0, 5).join(", ")}${label.assets.length > 5 ? " …" : ""}`, label.sensor ?? ""],
    })),
  );
}
