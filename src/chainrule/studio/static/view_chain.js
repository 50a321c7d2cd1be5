// The chain rule, live: every value, weight and gradient of one sample at one step, each with its derivation.
import { Edited, Empty, Lead, Sections, T, attempt, count, get, html, post, quoted, short, state, update, useLatest, useState } from "./core.js";
import { Drawing } from "./drawing.js";

function useLive(path, dependencies) {
  const [record, setRecord] = useState(null);
  useLatest(async () => path && get(path).catch((error) => ({ error })), setRecord, dependencies);
  return record;
}

// The order of a walk: forward from the inputs to the loss, then backward to the weights.
function stops(drawing) {
  const columns = drawing.columns.filter((column) => column.units.length);
  const forward = columns.flatMap((column) => column.units.slice(0, 4).map((unit) => ({ key: unit.key, phase: "forward" })));
  const backward = [...columns].reverse().slice(1).flatMap((column, i) => {
    const place = drawing.columns.indexOf(column);
    const wires = drawing.wires.filter((wire) => wire.column === place + 1).slice(0, 3);
    return [...wires.map((wire) => ({ key: wire.key, phase: "backward" })), ...(place ? column.units.slice(0, 4).map((unit) => ({ key: unit.key, phase: "backward" })) : [])];
  });
  return [...forward, ...backward];
}

function find(drawing, key) {
  for (const wire of drawing.wires) if (wire.key === key) return { ...wire, kind: "weight", from: drawing.columns[wire.column - 1].units[wire.start] };
  for (const column of drawing.columns) for (const unit of column.units) if (unit.key === key) return { ...unit, kind: "unit" };
  return null;
}

function WhatIf({ weight, item }) {
  const start = Number(String(item?.value ?? "0").replace("−", "-"));
  const place = `${weight}/${state.row}/${state.step}`, [entered, setEntered] = useState(null);
  const { value, answer } = entered?.place === place ? entered : { value: start, answer: null };
  const ask = async (number) => {
    setEntered({ place, value: number, answer });
    const record = await attempt(() => post(`what-if?row=${state.row}&step=${state.step}`, { weight, value: number }));
    if (record) setEntered((now) => (now.place === place && now.value === number ? { ...now, answer: record } : now));
  };
  const width = Math.max(1, 2 * Math.abs(start));
  return html`<div class="what-if"><div class="row apart"><h3>${T("what_if")}</h3><${Edited} class="short" type="number" step="any" aria-label=${T("new_value")} value=${value} onChange=${(event) => ask(Number(event.target.value))} /></div>
    <input type="range" min=${start - width} max=${start + width} step="any" value=${value} aria-label=${T("new_value")} onChange=${(event) => ask(Number(Number(event.target.value).toFixed(4)))} />
    ${answer && html`<p class="small">${T("loss")} <span class="numbers">${answer.loss.old}</span> → <strong class="numbers">${answer.loss.new}</strong></p><details><summary class="small">${T("what_follows")}</summary><${Sections} sections=${answer.sections} /></details>`}</div>`;
}

function Inspector({ drawing, onPick }) {
  const key = state.selected, step = state.frame?.step ?? 0;
  const record = useLive(key && `derivation?row=${state.row}&step=${state.step}&key=${encodeURIComponent(key)}`, [key, state.row, state.step < 0 ? step : state.step, state.project.version, state.lang, state.latest?.is_final]);
  if (!key) return html`<section class="sheet"><${Empty} title=${T("pick_title")} text=${T("pick_text")} /></section>`;
  const item = find(drawing, key), weight = key.startsWith("w:") ? `${key.slice(2, key.lastIndexOf(":"))}[${key.slice(key.lastIndexOf(":") + 1)}]` : "";
  if (record?.error) return html`<section class="sheet"><p>${record.error.error}</p></section>`;
  const isWeight = Boolean(weight);
  return html`<section class="sheet inspector" aria-live="polite"><header><h2>${record?.title ?? ""}</h2><button class="button small icon quiet" aria-label=${T("close")} onClick=${() => update({ selected: "" })}>×</button></header>
    ${item && html`<dl class="figure-row"><div><dt>${T("value")}</dt><dd>${item.value}</dd></div><div><dt>${T("gradient")}</dt><dd>${item.gradient ?? "–"}</dd></div><div><dt>${isWeight ? T("times_input") : T("symbol")}</dt><dd>${isWeight ? item.from?.value ?? "–" : item.name}</dd></div></dl>`}
    ${isWeight && state.row > 0 && html`<${WhatIf} weight=${weight} item=${item} />`}
    ${record && html`<${Sections} sections=${ordered(record.sections)} onPick=${onPick} />`}</section>`;
}

// What the value is comes first, its notation last.
const ordered = (sections) => (sections.length > 2 && !sections[0].heading ? [sections[0], ...sections.slice(2), sections[1]] : sections);

function Weights({ drawing }) {
  const { paths } = state.project.network;
  const [path, setPath] = useState(paths[0]), [start, setStart] = useState(0);
  const page = useLive(path && `weights?row=${state.row}&step=${state.step}&path=${encodeURIComponent(path)}&start=${start}&count=60`, [path, start, state.row, state.step < 0 ? state.frame?.step : state.step, state.project.version, state.latest?.is_final]);
  if (!page || page.error) return null;
  return html`<section class="sheet"><header><h2>${T("all_weights")}</h2><div class="row"><select aria-label=${T("parameters")} value=${path} onChange=${(event) => { setPath(event.target.value); setStart(0); }}>${paths.map((name) => html`<option value=${name}>${name}</option>`)}</select><span class="small soft numbers">${count(start + 1)}–${count(start + page.rows.length)} / ${count(page.size)}</span><button class="button small icon" aria-label=${T("previous")} disabled=${!start} onClick=${() => setStart(Math.max(0, start - 60))}>‹</button><button class="button small icon" aria-label=${T("next")} disabled=${start + 60 >= page.size} onClick=${() => setStart(start + 60)}>›</button></div></header>
    <div class="chips">${page.rows.map((row) => html`<button class="chip numbers" aria-pressed=${row.key === state.selected} title=${`[${row.index}]  ∂J ${row.gradient}`} onClick=${() => update({ selected: row.key })}>${row.value}</button>`)}</div></section>`;
}

export function ChainView() {
  const { project } = state, step = state.frame?.step ?? 0;
  const [mode, setMode] = useState("value"), [walk, setWalk] = useState(-1);
  const drawing = useLive(`step?row=${state.row}&step=${state.step}`, [state.row, state.step < 0 ? step : state.step, project.version, state.latest?.is_final]);
  const pick = (key) => update({ selected: key });
  if (!drawing) return html`<${Lead} title=${T("chain_title")} text=${T("chain_text")} />`;
  if (drawing.error) return html`<${Lead} title=${T("chain_title")} text=${drawing.error.error} /><section class="sheet"><code>${drawing.error.fix}</code></section>`;
  const path = stops(drawing);
  const go = (to) => { const at = Math.max(0, Math.min(path.length - 1, to)); setWalk(at); setMode(path[at].phase === "backward" ? "gradient" : "value"); state.seen.add("walk"); if (at === path.length - 1) state.seen.add("walked"); pick(path[at].key); };
  const total = project.data.rows;
  const isLast = state.training.status === "ended" && (state.step < 0 || state.row === 0); // what "explain" prints of a RUN
  const isLastUpdate = drawing.update > 0 && drawing.update === (state.step < 0 ? step : state.step); // none follows
  const weight = state.selected.startsWith("w:") ? ` --weight "${state.selected.slice(2).replace(/:([^:]*)$/, "[$1]")}" --depth 3` : " --depth 2";
  const command = `chainrule explain ${quoted(state.training.run || project.run || "RUN")} ${quoted(project.data.source)} ${state.row ? `--row ${state.row}` : `--step ${drawing.update}`}${weight}`;
  return html`<${Lead} title=${T("chain_title")} text=${T("chain_text")}><label class="field">${T("sample")}<${Edited} class="short" type="number" min="0" max=${total} value=${state.row} onChange=${(event) => update({ row: Math.max(0, Math.min(total, Number(event.target.value))) })} /></label><//>
    <div class="columns even picked"><section class="sheet"><header><div class="chips" role="group" aria-label=${T("shown")}><button class="chip" aria-pressed=${mode === "value"} onClick=${() => setMode("value")}>${T("forward_values")}</button><button class="chip" aria-pressed=${mode === "gradient"} onClick=${() => { setMode("gradient"); state.seen.add("gradient"); }}>${T("backward_gradients")}</button></div>
      <div class="row"><button class="button small icon" aria-label=${T("walk_back")} disabled=${walk <= 0} onClick=${() => go(walk - 1)}>‹</button><button class="button small" onClick=${() => go(walk + 1)}>${walk < 0 ? T("walk") : T("walk_next", { n: walk + 1, total: path.length })}</button></div></header>
      <${Drawing} drawing=${drawing} selected=${state.selected} mode=${mode} width=${660} label=${T("chain_title")} onPick=${pick} />
      <p class="key"><span><b class="more"></b>${T("positive")}</span><span><b class="less"></b>${T("negative")}</span><span class="numbers">J = ${drawing.loss} → ${drawing.new_loss}</span>${drawing.samples > 1 && html`<span>${T("batch_of", { n: drawing.samples })}</span>`}${isLastUpdate && html`<span>${T("last_update", { n: count(drawing.update) })}</span>`}</p></section>
    <${Inspector} drawing=${drawing} onPick=${pick} />
    <div class="stack"><section class="sheet"><header><h2>${T("same_numbers")}</h2></header><pre class="program" tabindex="0" role="region" aria-label=${T("same_numbers")}>${command}</pre>${!isLast && html`<p class="small soft">${T("same_numbers_when")}</p>`}</section><${Weights} drawing=${drawing} /></div></div>`;
}
