// What all views share: the state of the page, requests, texts, and small elements.
import { html, render, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./vendor/htm-preact.js";

export { html, render, useEffect, useLayoutEffect, useMemo, useRef, useState };

// --- state: one object, and functions that are called after it changed

export const NO_CURVE = { every: 0, points: [] };

export const state = {
  lang: "en",
  theme: "light",
  view: "data",
  texts: {},
  project: { is_open: false, version: -1 },
  training: { status: "none" },
  losses: NO_CURVE,
  epochs: NO_CURVE,
  frames: new Map(),
  frame: null,
  step: -1, // -1: the latest one
  isExact: false, // whether the frame of the step itself is shown, or the nearest one
  row: 1,
  selected: "",
  error: null,
  busy: false,
  lessons: false,
  seen: new Set(),
};
const listeners = new Set();

export function update(changes) {
  Object.assign(state, changes);
  for (const listener of listeners) listener();
}

export function useStudio() {
  const [, redraw] = useState(0);
  useLayoutEffect(() => { // at once: a change before the first frame counts
    let pending = false;
    const listener = () => {
      if (pending) return;
      pending = true;
      requestAnimationFrame(() => { pending = false; redraw((n) => n + 1); });
    };
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, []);
  return state;
}

// Take a record that follows the state; one that a later request has overtaken is dropped.
export function useLatest(load, take, dependencies) {
  useEffect(() => {
    let isCurrent = true;
    load().then((record) => isCurrent && take(record));
    return () => { isCurrent = false; };
  }, dependencies);
}

// Take records that follow values which change many times a second: one request at a time, then one for the newest values.
// What the user chose is in "choice": a record for another choice is dropped.
export function useFollowing(load, take, choice, dependencies, pause = 150) {
  const job = useRef({ isBusy: false, isStale: false, isClosed: false }).current;
  Object.assign(job, { load, take, choice, pause });
  useEffect(() => { job.isStale = true; if (!job.isBusy) keepUp(job); }, [choice, ...dependencies]);
  useEffect(() => () => { job.isClosed = true; }, []);
}

async function keepUp(job) {
  job.isBusy = true;
  while (job.isStale && !job.isClosed) {
    await new Promise((done) => setTimeout(done, job.pause));
    const { choice } = job;
    job.isStale = false;
    const record = job.isClosed ? null : await job.load();
    if (record && !job.isClosed && choice === job.choice) job.take(record);
  }
  job.isBusy = false;
}

// --- texts

export function T(key, values = {}) {
  const text = state.texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function count(number) {
  return Number(number).toLocaleString(state.lang === "zh" ? "zh-CN" : "en-US");
}

export function short(number, digits = 4) {
  if (number === null || number === undefined) return "–";
  if (number !== 0 && (Math.abs(number) < 0.001 || Math.abs(number) >= 100000)) return number.toExponential(2).replace("-", "−");
  return Number(number.toFixed(digits)).toString().replace("-", "−");
}

// --- the place of the page: a browser, or a notebook, which sets chainruleHost before the modules are loaded

const host = globalThis.chainruleHost;
export const isEmbedded = Boolean(host);

export const memory = { // what a browser keeps between visits
  get(name) { try { return localStorage.getItem(`chainrule-studio-${name}`); } catch { return null; } },
  set(name, text) { try { localStorage.setItem(`chainrule-studio-${name}`, text); } catch { /* a browser that keeps nothing */ } },
};

export function show(view) {
  if (isEmbedded) { state.seen.add(view); update({ view, error: null }); } else location.hash = view;
}

// --- requests

export async function response(path, options = {}) {
  const full = `/api/${path}${path.includes("?") ? "&" : "?"}lang=${state.lang}`;
  try {
    return await (isEmbedded ? host.request(full, options) : fetch(full, options));
  } catch {
    throw { error: T("no_server"), fix: "chainrule studio" };
  }
}

async function request(path, options = {}) {
  const answer = await response(path, options);
  const type = answer.headers.get("content-type") || "";
  const body = type.includes("json") ? await answer.json() : await answer.text();
  if (!answer.ok) throw typeof body === "object" ? body : { error: String(body) };
  return body;
}

export const get = (path) => request(path);
export const post = (path, body) =>
  request(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
export const upload = (path, file) => request(path, { method: "POST", headers: { "Content-Type": "text/csv" }, body: file });

// Change something on the server; an error is shown, and the function returns false.
export async function attempt(work) {
  update({ busy: true, error: null });
  try {
    return (await work()) ?? true;
  } catch (error) {
    update({ error });
    return false;
  } finally {
    update({ busy: false });
  }
}

// Change the project. Changes are made one after the other: "body" may be a function of the project after the last one.
let lastChange = Promise.resolve();

export function change(path, body) {
  lastChange = lastChange.then(async () => {
    const project = await attempt(() => post(path, typeof body === "function" ? body(state.project) : body));
    if (project) takeProject(project);
    return Boolean(project);
  });
  return lastChange;
}

export function takeProject(project) {
  const isOther = project.version !== state.project.version;
  update({ project });
  if (isOther) {
    update({ training: { status: "none" }, losses: NO_CURVE, epochs: NO_CURVE, frames: new Map(), frame: null, step: -1, selected: "" });
  }
}

export const train = (record) => attempt(() => post("train", record));

// --- elements

export function Note({ kind = "info", text, details = [], children }) {
  const mark = { info: "i", warning: "!", error: "×" }[kind] || "i";
  return html`<div class="note ${kind}" role=${kind === "error" ? "alert" : undefined}>
    <span class="mark" aria-hidden="true">${mark}</span><p>${text}</p>${children || html`<span></span>`}
    ${details.map((line) => html`<p class="detail">${line}</p>`)}
  </div>`;
}

// Whether an error is one of the text of the network, which the view "network" shows at its layer.
export const isOfNet = (error) => Boolean(error?.net) || error?.code === "E117";

export function ErrorNote({ error, onFix }) {
  if (!error) return null;
  const line = (value, sentence) => (value ? [sentence({ text: value.slice(0, 160) })] : []);
  const details = [...line(error.where, (values) => T("place", values)), ...line(error.expected, (values) => T("expected", values)), ...line(error.received, (values) => T("received", values))];
  const isButton = error.net && onFix;
  if (error.fix && !isButton) details.push(T("try", { fix: error.fix }));
  return html`<${Note} kind="error" text=${error.error || T("failed")} details=${details}>
    ${isButton && html`<button class="button small" onClick=${() => onFix(error.net)}>${T("use")} ${error.net}</button>`}
  <//>`;
}

export function Empty({ title, text, children }) {
  return html`<div class="empty">
    <svg viewBox="0 0 120 64" aria-hidden="true"><g fill="none" stroke="var(--line-strong)" stroke-width="1.4"><path d="M18 20 60 12M18 20 60 32M18 20 60 52M18 44 60 12M18 44 60 32M18 44 60 52M60 12 102 32M60 32 102 32M60 52 102 32"/></g><g fill="var(--paper)" stroke="var(--line-strong)" stroke-width="1.6"><circle cx="18" cy="20" r="6"/><circle cx="18" cy="44" r="6"/><circle cx="60" cy="12" r="6"/><circle cx="60" cy="32" r="6"/><circle cx="60" cy="52" r="6"/></g><circle cx="102" cy="32" r="6" fill="var(--accent)"/></svg>
    <h2>${title}</h2><p>${text}</p>${children}
  </div>`;
}

export function Lead({ title, text, children }) {
  return html`<div class="lead"><div><h1>${title}</h1><p>${text}</p></div>${children && html`<div class="row">${children}</div>`}</div>`;
}

// A field whose text stays while it is edited, though the page is drawn again several times a second.
export function Edited({ value, onChange, ...others }) {
  const [draft, setDraft] = useState(null);
  return html`<input ...${others} value=${draft ?? value} onInput=${(event) => setDraft(event.target.value)} onBlur=${() => setDraft(null)} onChange=${(event) => { onChange(event); setDraft(null); }} />`;
}

// An area to draw in, also by the keyboard: the arrow keys move a pen, which Enter or Space sets down.
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// x and y are shares of the width and height; "begins" says whether a line starts there.
export function DrawingArea({ canvas, label, onDraw, stride = 0.04, children }) {
  const [pen, setPen] = useState(null);
  const byPointer = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const box = canvas.current.getBoundingClientRect();
    onDraw((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height, event.type === "pointerdown");
  };
  const byKey = (event) => {
    const arrow = ARROWS[event.key], { x, y } = pen ?? { x: 0.5, y: 0.5 };
    if (!arrow && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    if (!arrow) { onDraw(x, y, true); return; }
    const kept = (value) => Math.min(1, Math.max(0, value));
    const place = { x: kept(x + stride * arrow[0]), y: kept(y + stride * arrow[1]) };
    setPen(place);
    if (event.shiftKey) onDraw(place.x, place.y, false);
  };
  return html`<div class="drawing-area"><canvas ref=${canvas} class="draw" tabindex="0" role="application" aria-label=${`${label}. ${T("draw_keys")}`} onPointerDown=${byPointer} onPointerMove=${byPointer} onKeyDown=${byKey} onFocus=${() => setPen(pen ?? { x: 0.5, y: 0.5 })}></canvas>${children}${pen && html`<i class="pen" aria-hidden="true" style=${{ left: `${100 * pen.x}%`, top: `${100 * pen.y}%` }}></i>`}</div>`;
}

// A formula: elements of MathML from the names and texts that the server sent, never from markup.
const MATH = "http://www.w3.org/1998/Math/MathML";
const ELEMENTS = new Set("math mrow mi mn mo mtext msub msup msubsup mfrac mover munder munderover msqrt mroot mspace mtable mtr mtd mstyle mpadded menclose".split(" "));

function mathNode(tree, onPick) {
  if (typeof tree === "string") return document.createTextNode(tree);
  const [name, attributes, ...children] = tree;
  const node = document.createElementNS(MATH, ELEMENTS.has(name) ? name : "mrow");
  for (const key of ["accent", "stretchy", "form", "fence", "separator", "mathvariant", "linethickness", "lspace", "rspace", "width"])
    if (attributes[key] !== undefined) node.setAttribute(key, attributes[key]);
  const target = attributes.class || "";
  if (onPick && /^[nw]:/.test(target)) {
    node.setAttribute("class", "link");
    node.addEventListener("click", (event) => { event.stopPropagation(); onPick(target); });
  }
  for (const child of children) node.append(mathNode(child, onPick));
  return node;
}

export function Formula({ tree, onPick }) {
  const place = useRef();
  useLayoutEffect(() => { place.current.replaceChildren(mathNode(tree, onPick)); }, [tree]);
  return html`<span ref=${place}></span>`;
}

function Equation({ equation, onPick }) {
  const parts = [];
  if (equation.left) parts.push(html`<${Formula} tree=${equation.left} onPick=${onPick} />`);
  const steps = [...equation.steps.map((tree) => html`<${Formula} tree=${tree} onPick=${onPick} />`)];
  if (equation.value !== null) steps.push(html`<span class="result">${equation.value}</span>`);
  return html`<div class="equation" tabindex="0">
    ${parts}${steps.map((step, i) => html`<span class="step"> ${i === 0 ? equation.sign : "="} ${step}</span>`)}
    ${equation.note && html`<span class="remark">${equation.note}</span>`}
  </div>`;
}

const METER = /^[█░]+$/; // a bar of the terminal, drawn as a bar here
const Meter = ({ text }) => html`<i class="meter ${text[0] === "█" ? "fill-more" : "fill-less"}" role="img" aria-label=${text[0] === "█" ? "+" : "−"} style=${{ width: `${(100 * text.length) / 24}%` }}></i>`;
const Cell = ({ cell, onPick }) => (typeof cell === "string" ? (METER.test(cell) ? html`<${Meter} text=${cell} />` : cell) : html`<${Formula} tree=${cell.math} onPick=${onPick} />`);

export function Part({ part, onPick }) {
  if (part.text !== undefined) return html`<p>${part.text}</p>`;
  if (part.items) return html`<ul>${part.items.map((text) => html`<li>${text}</li>`)}</ul>`;
  if (part.equations)
    return html`<div class="lines"><div class="label">${part.label && `(${part.label})`}</div><div>${part.equations.map((equation) => html`<${Equation} equation=${equation} onPick=${onPick} />`)}${part.more && html`<p>${part.more}</p>`}</div></div>`;
  const align = (i) => (part.right.includes(i) ? "right" : "");
  return html`<div class="equation" tabindex="0"><table><thead><tr>${part.head.map((cell, i) => html`<th class=${align(i)}>${cell}</th>`)}</tr></thead>
    <tbody>${part.rows.map((row) => html`<tr>${row.map((cell, i) => html`<td class=${align(i)}><${Cell} cell=${cell} onPick=${onPick} /></td>`)}</tr>`)}</tbody></table></div>`;
}

export function Sections({ sections, onPick }) {
  return html`<div class="derivation">${sections.map((section) => html`<section>${section.heading && html`<h3>${section.heading}</h3>`}${section.parts.map((part) => html`<${Part} part=${part} onPick=${onPick} />`)}</section>`)}</div>`;
}

// A word of a command of a shell.
export const quoted = (word) => (/^[\p{L}\p{N}_@%+=:,./-]+$/u.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);

export function download(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function Program({ text, name }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try { await navigator.clipboard.writeText(text); setCopied(true); setTimeout(() => setCopied(false), 1500); } catch { download(name, text); }
  };
  return html`<div class="stack tight"><pre class="program" tabindex="0" role="region" aria-label=${name}>${text}</pre><div class="row"><button class="button small" onClick=${copy}>${copied ? T("copied") : T("copy")}</button><button class="button small quiet" onClick=${() => download(name, text)}>${T("save_as", { name })}</button></div></div>`;
}
