"use strict";
const state = structuredClone(START);
const $ = id => document.getElementById(id);
const say = (key, values = {}) => TEXTS[lang][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
const fixed = value => !Number.isFinite(value) ? "∞" : (Object.is(value, -0) ? 0 : value).toFixed(6).replace("-", "−");
const signed = value => (value < 0 ? "" : "+") + fixed(value);
const plain = value => (value < 0 ? "(−" : "") + String(Math.abs(+value.toPrecision(6))) + (value < 0 ? ")" : "");
const sub = digits => String(digits).replace(/\d/g, d => "₀₁₂₃₄₅₆₇₈₉"[d]);

function table(head, rows, numeric) {
  const cell = (tag, value, i) => `<${tag}${numeric.includes(i) ? ' class="number"' : ""}>${value}</${tag}>`;
  const line = (tag, row) => `<tr>${row.map((value, i) => cell(tag, value, i)).join("")}</tr>`;
  return `<div class="wide"><table>${head.length ? line("th", head) : ""}${rows.map(r => line("td", r)).join("")}</table></div>`;
}

// every input field: label, and the place of its value in the state
function fields() {
  const list = [];
  state.rows.forEach((_, i) => list.push([`x${sub(1)}`, ["rows", i, "x", 0]], [`x${sub(2)}`, ["rows", i, "x", 1]], ["y", ["rows", i, "y"]]));
  for (let j = 0; j < 3; j++) {
    list.push([`w${sub(`${j + 1}1`)}`, ["p", "w", j, 0]], [`w${sub(`${j + 1}2`)}`, ["p", "w", j, 1]], [`b${sub(j + 1)}`, ["p", "b", j]]);
  }
  for (let j = 0; j < 3; j++) list.push([`v${sub(j + 1)}`, ["p", "v", j]]);
  list.push(["c", ["p", "c"]], ["η", ["rate"]], [say("epochs"), ["epochs"]]);
  return list;
}
const get = path => path.reduce((value, key) => value[key], state);
const put = (path, value) => { path.slice(0, -1).reduce((inside, key) => inside[key], state)[path.at(-1)] = value; };

function inputs() {
  const field = ([label, path]) =>
    `<label><i>${label}</i> <input type="number" step="any" data-path='${JSON.stringify(path)}' value="${get(path)}"></label>`;
  const all = fields(), count = 3 * state.rows.length;
  const groups = [];
  for (let i = 0; i < count; i += 3) groups.push([say("sample", {number: i / 3 + 1}), all.slice(i, i + 3)]);
  for (let j = 0; j < 3; j++) groups.push([say("hidden", {number: j + 1}), all.slice(count + 3 * j, count + 3 * j + 3)]);
  groups.push([say("output"), all.slice(count + 9, count + 13)], [say("training"), all.slice(count + 13)]);
  const rows = groups.map(([name, list]) => [name, `<span class="inputs">${list.map(field).join("")}</span>`]);
  const kinds = ["mse", "linear", "bce"].map(kind => `<option value="${kind}"${kind === state.kind ? " selected" : ""}>${say(kind)}</option>`);
  const choice = `<p><label>${say("loss")} <select id="kind">${kinds.join("")}</select></label>
    <label>${say("samples")} <select id="count"><option>1</option><option${state.rows.length === 2 ? " selected" : ""}>2</option></select></label></p>`;
  return `<h2>${say("inputs")}</h2>${table([], rows, [])}${choice}`;
}

function symbols() {
  const rows = ["x", "w", "z", "a", "v", "yhat", "J", "delta"].map(key => [`<i>${SYMBOLS[key]}</i>`, say(`symbol_${key}`)]);
  return `<h2>${say("symbols")}</h2>${table([], rows, [])}`;
}
const SYMBOLS = {x: "x₁, x₂; y", w: "wⱼₖ, bⱼ", z: "zⱼ, z", a: "aⱼ = g(zⱼ)", v: "vⱼ, c", yhat: "ŷ", J: "J", delta: "δ, δⱼ"};

function picture(t) {
  const {p, rows} = state, line = (x1, y1, x2, y2, value, name) =>
    `<line class="${value < 0 ? "negative" : "positive"}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke-width="${(0.8 + 3 * Math.min(Math.abs(value), 2)).toFixed(1)}"><title>${name} = ${value}</title></line>`;
  const circle = (x, y, name, value) => `<circle cx="${x}" cy="${y}" r="20"/><text x="${x}" y="${y + 4}">${name}</text><text x="${x}" y="${y + 35}">${value}</text>`;
  let drawing = "";
  for (let j = 0; j < 3; j++) {
    for (let k = 0; k < 2; k++) drawing += line(80, 70 + 90 * k, 220, 40 + 75 * j, p.w[j][k], `w${sub(`${j + 1}${k + 1}`)}`);
    drawing += line(260, 40 + 75 * j, 400, 115, p.v[j], `v${sub(j + 1)}`);
  }
  for (let k = 0; k < 2; k++) drawing += circle(60, 70 + 90 * k, `x${sub(k + 1)}`, rows[0].x[k]);
  for (let j = 0; j < 3; j++) drawing += circle(240, 40 + 75 * j, `a${sub(j + 1)}`, t.a[j].toFixed(3));
  drawing += circle(420, 115, "ŷ", t.yhat.toFixed(3));
  return `<svg viewBox="0 0 480 240" width="480" role="img" aria-label="2-3-1">${drawing}</svg><p>${say("picture")}</p>`;
}

function forwardSection(t, row) {
  const {p, kind} = state, x = row.x;
  const rows = t.z.map((z, j) => [`z${sub(j + 1)}`, `w${sub(`${j + 1}1`)}·x₁ + w${sub(`${j + 1}2`)}·x₂ + b${sub(j + 1)}`,
    `${plain(p.w[j][0])}·${plain(x[0])} + ${plain(p.w[j][1])}·${plain(x[1])} + ${plain(p.b[j])}`, fixed(z)]);
  t.a.forEach((a, j) => rows.push([`a${sub(j + 1)}`, `1/(1 + e^(−z${sub(j + 1)}))`, `1/(1 + e^(−${plain(t.z[j])}))`, fixed(a)]));
  rows.push(["z", "v₁·a₁ + v₂·a₂ + v₃·a₃ + c", t.a.map((a, j) => `${plain(p.v[j])}·${plain(a)}`).join(" + ") + ` + ${plain(p.c)}`, fixed(t.zo)]);
  rows.push(["ŷ", kind === "linear" ? "z" : "1/(1 + e^(−z))", kind === "linear" ? plain(t.zo) : `1/(1 + e^(−${plain(t.zo)}))`, fixed(t.yhat)]);
  const loss = kind === "bce" ? ["−y·ln ŷ − (1 − y)·ln(1 − ŷ)", ""] : ["½·(ŷ − y)²", `½·(${plain(t.yhat)} − ${plain(row.y)})²`];
  rows.push(["J", ...loss, fixed(t.loss)]);
  return table([say("value"), say("formula"), say("numbers"), say("result")], rows, [3]);
}

function backwardSection(t, row) {
  const {p, kind} = state, difference = `(${plain(t.yhat)} − ${plain(row.y)})`;
  const rows = [["δ = ∂J/∂z", kind === "mse" ? "(ŷ − y)·ŷ·(1 − ŷ)" : "ŷ − y", kind === "mse" ? `${difference}·${plain(t.yhat)}·(1 − ${plain(t.yhat)})` : difference, signed(t.deltaO)]];
  t.delta.forEach((d, j) => rows.push([`δ${sub(j + 1)} = ∂J/∂z${sub(j + 1)}`, `δ·v${sub(j + 1)}·a${sub(j + 1)}·(1 − a${sub(j + 1)})`,
    `${plain(t.deltaO)}·${plain(p.v[j])}·${plain(t.a[j])}·(1 − ${plain(t.a[j])})`, signed(d)]));
  return table([say("value"), say("formula"), say("numbers"), say("result")], rows, [3]);
}

function derivatives(result) {
  const g = result.gradients, {p} = state, rows = [], n = state.rows.length > 1;
  const mean = text => n ? `mean(${text})` : text, add = (name, formula, d, old, now) =>
    rows.push([name, mean(formula), signed(d), say(d < 0 ? "raise" : d > 0 ? "lower" : "keep"), fixed(old), fixed(now)]);
  for (let j = 0; j < 3; j++) {
    for (let k = 0; k < 2; k++) add(`w${sub(`${j + 1}${k + 1}`)}`, `δ${sub(j + 1)}·x${sub(k + 1)}`, g.w[j][k], p.w[j][k], result.next.w[j][k]);
    add(`b${sub(j + 1)}`, `δ${sub(j + 1)}`, g.b[j], p.b[j], result.next.b[j]);
  }
  for (let j = 0; j < 3; j++) add(`v${sub(j + 1)}`, `δ·a${sub(j + 1)}`, g.v[j], p.v[j], result.next.v[j]);
  add("c", "δ", g.c, p.c, result.next.c);
  return table([say("parameter"), "∂J/∂…", say("derivative"), say("direction"), say("before"), say("after")], rows, [2, 4, 5]);
}

function charts(trained) {
  const {losses} = trained, high = Math.max(...losses.filter(Number.isFinite), 1e-12), wide = 400, tall = 220;
  const points = losses.map((loss, i) => `${(45 + (wide - 55) * i / Math.max(losses.length - 1, 1)).toFixed(1)},${(10 + (tall - 40) * (1 - Math.min(loss, high) / high)).toFixed(1)}`);
  const axis = `<text x="22" y="16">${high.toPrecision(2)}</text><text x="22" y="${tall - 26}">0</text><text x="${wide - 30}" y="${tall - 8}">${losses.length - 1}</text><text x="${wide / 2}" y="${tall - 8}">${say("epochs")}</text>`;
  return `<h2>${say("course")}</h2><p>${say("trained", {epochs: losses.length - 1, before: fixed(losses[0]), after: fixed(losses.at(-1))})}</p>
    <div class="charts"><svg viewBox="0 0 ${wide} ${tall}" width="${wide}" role="img" aria-label="${say("curve")}"><rect x="45" y="10" width="${wide - 55}" height="${tall - 40}"/><polyline class="curve" points="${points.join(" ")}"/>${axis}</svg>
    <canvas id="boundary" width="220" height="220" role="img" aria-label="${say("boundary")}"></canvas></div><p>${say("boundary")}</p>`;
}

function drawBoundary(parameters) {
  const canvas = $("boundary"), context = canvas.getContext("2d"), size = 220, reach = 3;
  for (let i = 0; i < size; i += 4) for (let j = 0; j < size; j += 4) {
    const x = [(i / size * 2 - 1) * reach, (1 - j / size * 2) * reach];
    const out = Math.min(Math.max(forward(parameters, x, state.kind).yhat, 0), 1);
    context.fillStyle = `hsl(${out > 0.5 ? 212 : 28} 60% ${(88 - 40 * Math.abs(out - 0.5) * 2).toFixed(0)}%)`;
    context.fillRect(i, j, 4, 4);
  }
  state.rows.forEach(({x, y}) => {
    context.beginPath();
    context.arc((x[0] / reach + 1) / 2 * size, (1 - x[1] / reach) / 2 * size, 6, 0, 2 * Math.PI);
    context.fillStyle = y > 0.5 ? "#0b3d75" : "#8a3c00";
    context.fill();
    context.strokeStyle = "#fff";
    context.stroke();
  });
}

function render() {
  const result = step(state.p, state.rows, state.rate, state.kind), t = result.traces[0], row = state.rows[0];
  document.documentElement.lang = lang;
  document.title = say("title");
  const after = step(result.next, state.rows, 0, state.kind), trained = train(state.p, state.rows, state.rate, state.kind, state.epochs);
  $("main").innerHTML = `<h1>${document.title}</h1><p>${say("intro")}</p><p class="result">${say("summary", {yhat: fixed(t.yhat), y: row.y, next: fixed(after.traces[0].yhat), before: fixed(result.loss), after: fixed(after.loss)})}</p>
      ${inputs()}${picture(t)}${symbols()}
      ${result.traces.map((trace, i) => `<h2>${say("forward")} (${say("sample", {number: i + 1})})</h2>${forwardSection(trace, state.rows[i])}<h2>${say("backward")} (${say("sample", {number: i + 1})})</h2>${backwardSection(trace, state.rows[i])}`).join("")}
      <h2>${say("derivatives")}</h2><p>${say("update")}</p>${derivatives(result)}${charts(trained)}`;
  drawBoundary(trained.parameters);
}

document.addEventListener("input", ({target}) => {
  if (!target.dataset.path || target.value === "" || !Number.isFinite(Number(target.value))) return;
  const path = JSON.parse(target.dataset.path);
  put(path, path[0] === "epochs" ? Math.min(Math.max(Math.round(Number(target.value)), 0), 20000) : Number(target.value));
  const at = target.dataset.path;
  render();
  const again = document.querySelector(`[data-path='${at}']`);
  again.value = target.value;
  again.focus();
});
document.addEventListener("change", ({target}) => {
  if (target.id === "language") lang = target.value;
  else if (target.id === "kind") state.kind = target.value;
  else if (target.id === "count") state.rows = structuredClone(SECOND).slice(0, Number(target.value));
  else return;
  render();
});
const SECOND = [structuredClone(START.rows[0]), START.second];
$("language").value = lang;
render();
