// Charts: curves by uPlot, the decision surface and distributions on canvases.
import uPlot from "./vendor/uplot.js";
import { html, short, state, useEffect, useLayoutEffect, useRef, useState } from "./core.js";

// Reading a style lays the page out; the colors of a theme are read once.
const colors = new Map();

export function color(name) {
  const key = `${document.documentElement.dataset.theme} ${name}`;
  if (!colors.has(key)) colors.set(key, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return colors.get(key);
}

const COLORS = ["--c0", "--c1", "--c2", "--c3", "--c4", "--c5", "--c6", "--c7", "--c8", "--c9"];
export const classColor = (i) => color(COLORS[i % COLORS.length]);

// Drawings of canvases: several a frame as long as there is time, the others in the next one, so that none is late.
const BUDGET = 5; // milliseconds
const waiting = new Map();

function drawSome() {
  const end = performance.now() + BUDGET;
  try {
    for (const [key, draw] of waiting) {
      waiting.delete(key);
      draw();
      if (performance.now() > end) break;
    }
  } finally { // also after a drawing that fails
    if (waiting.size) requestAnimationFrame(drawSome);
  }
}

// Draw when the values change; what is not drawn yet when the next values arrive is left out.
function useDrawing(draw, dependencies) {
  const key = useRef();
  useEffect(() => {
    if (!waiting.size) requestAnimationFrame(drawSome);
    waiting.set(key, draw);
  }, dependencies);
  useEffect(() => () => waiting.delete(key), []);
}

// A single point has no line. The number of points changes while the chart remains.
const isAlone = (chart, i) => chart.data[i].filter((value) => value != null).length < 2;

// series: [{ label, x: [..], y: [..], color, width }]
export function Curves({ series, height = 230, label, logarithmic = false }) {
  const place = useRef(), chart = useRef();
  const key = `${series.map((s) => s.label).join()}${state.theme}${state.lang}${logarithmic}`;
  const data = uPlot.join(series.map((s) => [s.x, s.y]));
  useLayoutEffect(() => {
    const grid = { stroke: color("--line"), width: 1 }, axis = { stroke: color("--faint"), font: "11px Inter, sans-serif", grid, ticks: { show: false } };
    chart.current = new uPlot({
      width: place.current.clientWidth || 300, height, legend: { show: false }, cursor: { y: false, points: { size: 6 } },
      scales: { x: { time: false }, y: logarithmic ? { distr: 3 } : {} },
      axes: [{ ...axis, size: 28 }, { ...axis, size: 52, values: (chart, ticks) => ticks.map((tick) => (tick === null ? "" : short(tick, 6))) }],
      series: [{}, ...series.map((s) => ({ label: s.label, stroke: color(s.color), width: s.width ?? 1.6, points: { show: isAlone }, spanGaps: true }))],
    }, data, place.current);
    const resize = new ResizeObserver(() => chart.current?.setSize({ width: place.current?.clientWidth || 300, height }));
    resize.observe(place.current);
    return () => { resize.disconnect(); chart.current.destroy(); chart.current = null; };
  }, [key]);
  // A drawing that waits may be older than the chart, which has other series then.
  useDrawing(() => chart.current?.series.length === data.length && chart.current.setData(data), [series.map((s) => `${s.x.length}/${s.x.at(-1)}`).join(), key]);
  const last = series.map((s) => `${s.label} ${s.y.at(-1) ?? ""}`).join(", ");
  return html`<div><div class="chart" ref=${place} role="img" aria-label="${label}: ${last}"></div><div class="legend">${series.map((s) => html`<span><i class="i${Number(s.color.slice(3)) || 0}"></i>${s.label}</span>`)}</div></div>`;
}

const bytes = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
const rgb = (text) => { const n = parseInt(text.slice(1), 16); return [(n >> 16) & 255, (n >> 8) & 255, n & 255]; };

export function surfaceImage(surface) {
  const values = bytes(surface.bytes), classes = surface.classes || 1, side = Math.round(Math.sqrt(values.length / classes));
  const image = new ImageData(side, side), paper = rgb(color("--sheet"));
  const colors = surface.classes ? Array.from({ length: classes }, (_, i) => rgb(classColor(i))) : [rgb(classColor(1)), rgb(classColor(0))];
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++) {
      const source = row * side + column, target = 4 * ((side - 1 - row) * side + column);
      const mixed = [0, 0, 0];
      if (surface.classes) for (let k = 0; k < classes; k++) for (let c = 0; c < 3; c++) mixed[c] += (values[source * classes + k] / 255) * colors[k][c];
      else for (let c = 0; c < 3; c++) mixed[c] = colors[0][c] + (values[source] / 255) * (colors[1][c] - colors[0][c]);
      for (let c = 0; c < 3; c++) image.data[target + c] = 0.42 * paper[c] + 0.58 * mixed[c];
      image.data[target + 3] = 255;
    }
  return image;
}

// points: [{ x, y, color }] in the units of the axes; axes: [[low, high], [low, high]] with the margin of the server
// Points do not change while a network trains: they are drawn once, on a canvas of their own.
function pointLayer(points, axes, width, ratio) {
  const canvas = document.createElement("canvas");
  canvas.width = width * ratio; canvas.height = width * ratio;
  const pen = canvas.getContext("2d"), [[left, right], [low, high]] = axes, size = points.length > 2000 ? 1.6 : points.length > 500 ? 2.4 : 3.6;
  pen.scale(ratio, ratio);
  pen.lineWidth = 1.2; pen.strokeStyle = color("--sheet");
  for (const point of points) {
    pen.beginPath();
    pen.arc(((point.x - left) / (right - left)) * width, (1 - (point.y - low) / (high - low)) * width, size, 0, 2 * Math.PI);
    pen.fillStyle = point.color; pen.fill();
    if (size > 2) pen.stroke();
  }
  return canvas;
}

export function Surface({ surface, points, axes, label }) {
  const place = useRef(), layer = useRef(null), [width, setWidth] = useState(0);
  const ratio = window.devicePixelRatio || 1; // another one after a move to another screen
  useLayoutEffect(() => { // the width changes with the window, and is 0 as long as nothing is laid out
    const resize = new ResizeObserver(() => setWidth(place.current?.clientWidth ?? 0));
    resize.observe(place.current);
    return () => resize.disconnect();
  }, []);
  useDrawing(() => {
    if (!width) return;
    const canvas = place.current;
    canvas.width = width * ratio; canvas.height = width * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.fillStyle = color("--sunken"); pen.fillRect(0, 0, width, width);
    if (surface) {
      const image = surfaceImage(surface), small = document.createElement("canvas");
      small.width = image.width; small.height = image.height;
      small.getContext("2d").putImageData(image, 0, 0);
      pen.imageSmoothingEnabled = true; pen.imageSmoothingQuality = "high";
      pen.drawImage(small, 0, 0, width, width);
    }
    if (layer.current?.points !== points || layer.current.canvas.width !== canvas.width) layer.current = { points, canvas: pointLayer(points, axes, width, ratio) };
    pen.drawImage(layer.current.canvas, 0, 0, width, width);
  }, [surface, points, state.theme, width, ratio]);
  return html`<div class="surface"><canvas ref=${place} role="img" aria-label=${label}></canvas></div>`;
}

// The distribution of one array over time: a column for each frame, darker where more values are.
export function Distribution({ columns, label }) {
  const place = useRef();
  useDrawing(() => {
    const canvas = place.current;
    if (!columns.length) { canvas.width = 1; canvas.height = 1; return; }
    const bins = columns[0].counts.length, limit = Math.max(...columns.map((column) => column.limit));
    canvas.width = columns.length; canvas.height = bins;
    const pen = canvas.getContext("2d"), image = pen.createImageData(columns.length, bins), tone = rgb(color("--c0"));
    columns.forEach((column, x) => {
      const most = Math.max(1, ...column.counts), scale = limit / column.limit;
      for (let y = 0; y < bins; y++) {
        const source = Math.floor(((y + 0.5 - bins / 2) * scale) + bins / 2);
        const at = 4 * ((bins - 1 - y) * columns.length + x);
        image.data.set([...tone, Math.round(255 * Math.sqrt((column.counts[source] || 0) / most))], at);
      }
    });
    pen.putImageData(image, 0, 0);
  }, [columns.length, columns[0], columns.at(-1), state.theme]);
  return html`<canvas ref=${place} role="img" aria-label=${label}></canvas>`;
}

// A small curve without axes, below the slider of time.
export function Spark({ points }) {
  if (points.length < 2) return html`<svg class="spark" aria-hidden="true"></svg>`;
  const last = points.at(-1)[0] || 1, values = points.map((p) => p[1]).filter((v) => v !== null), top = Math.max(...values), low = Math.min(...values, 0);
  const path = points.filter((p) => p[1] !== null).map(([x, y], i) => `${i ? "L" : "M"}${((x / last) * 1000).toFixed(1)} ${(21 - ((y - low) / (top - low || 1)) * 20).toFixed(1)}`).join("");
  return html`<svg class="spark" viewBox="0 0 1000 22" preserveAspectRatio="none" aria-hidden="true"><path d=${path} fill="none" stroke="var(--c5)" stroke-width="1.4" vector-effect="non-scaling-stroke" opacity=".8" /></svg>`;
}
