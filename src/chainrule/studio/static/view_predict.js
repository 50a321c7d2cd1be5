// Predict one sample, and explain the prediction: a form, a drawing, a text or a sound.
import { Picture, Recorder } from "./media.js";
import { Edited, ErrorNote, Lead, Sections, T, get, html, post, short, state, update, useEffect, useFollowing, useLatest, useState } from "./core.js";

function Input({ field, value, onChange, long }) {
  const set = (event) => onChange(field.type === "BYTES" ? event.target.value : event.target.value === "" ? null : Number(event.target.value));
  if (field.shape.length) return html`<label class="field">${field.name}<${Edited} type="text" class="mono" value=${JSON.stringify(value ?? [])} onChange=${(event) => { try { onChange(JSON.parse(event.target.value)); } catch { onChange(value); } }} /></label>`;
  if (long) return html`<label class="field">${field.name}<textarea rows="5" value=${value ?? ""} onInput=${(event) => onChange(event.target.value)}></textarea></label>`;
  if (field.choices.length) return html`<label class="field">${field.name}<select value=${value ?? ""} onChange=${(event) => onChange(event.target.value)}>${field.choices.map((choice) => html`<option value=${choice}>${choice}</option>`)}</select></label>`;
  if (field.type === "BYTES" || field.low === null) return html`<label class="field">${field.name}<${Edited} type="text" value=${value ?? ""} onChange=${(event) => onChange(field.type === "BYTES" ? event.target.value : Number(event.target.value))} /></label>`;
  return html`<label class="field"><span class="row apart"><span>${field.name}</span><${Edited} class="short" type="number" step="any" value=${value ?? ""} onChange=${set} /></span><input type="range" min=${field.low} max=${field.high} step=${(field.high - field.low) / 200 || 1} value=${value ?? field.low} aria-label=${field.name} onInput=${set} /></label>`;
}

function Counterfactual({ cells }) {
  const [answer, setAnswer] = useState(null), [busy, setBusy] = useState(false);
  useEffect(() => setAnswer(null), [JSON.stringify(cells)]);
  const ask = async () => { setBusy(true); setAnswer(await post("counterfactual", cells).catch((error) => ({ error }))); setBusy(false); };
  return html`<section class="sheet stack tight"><header><h2>${T("counterfactual")}</h2><button class="button small" disabled=${busy} onClick=${ask}>${busy ? T("searching") : T("search")}</button></header><p class="small soft">${T("counterfactual_text")}</p>${answer?.error && html`<${ErrorNote} error=${answer.error} />`}${answer?.sections && html`<${Sections} sections=${answer.sections} />`}</section>`;
}

// The contributions for a kind with its own form of predictions, which can take seconds.
function Reasons({ cells, onMap }) {
  const [answer, setAnswer] = useState(null), [busy, setBusy] = useState(false);
  useEffect(() => setAnswer(null), [JSON.stringify(cells)]);
  const ask = async () => { setBusy(true); const record = await post("reasons", cells).catch((error) => ({ error })); setAnswer(record); onMap(record.map); setBusy(false); };
  const rows = [...(answer?.reasons ?? [])].sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution)).slice(0, 20);
  return html`<section class="sheet stack tight"><header><h2>${T("contributions")}</h2><button class="button small" disabled=${busy} onClick=${ask}>${busy ? T("computing") : T("compute")}</button></header>${answer?.error && html`<${ErrorNote} error=${answer.error} />`}${answer?.map && html`<p class="small soft">${T("map_computed")}</p>`}${rows.length > 0 && html`<div class="table"><table><thead><tr><th>${T("column")}</th><th>${T("value")}</th><th class="right">${T("contribution")}</th></tr></thead><tbody>${rows.map((row) => html`<tr><td>${row.name}</td><td>${cell(row.value)}</td><td class="right">${short(row.contribution)}</td></tr>`)}</tbody></table></div>`}</section>`;
}

const RUNNING_PAUSE = 1000; // milliseconds between two attacks on a network that trains

function Attack({ isImage }) {
  const [radius, setRadius] = useState(isImage ? 0.1 : 0.5), [answer, setAnswer] = useState(null);
  const choice = `${radius} ${state.row} ${state.lang} ${state.project.version}`, isRunning = state.training.status === "running";
  useEffect(() => setAnswer(null), [choice]);
  useFollowing(() => post(`attack?row=${state.row || 1}`, { radius }).catch((error) => ({ error })), setAnswer, choice, [state.frame?.step, state.latest?.is_final], isRunning ? RUNNING_PAUSE : 250);
  const text = !answer ? T("searching") : answer.error ? "" : answer.before !== answer.actual ? T("attack_wrong", answer) : answer.success ? T("attack_success", { ...answer, share: `${(100 * answer.confidence).toFixed(1)} %` }) : T("attack_failed", { ...answer });
  return html`<section class="sheet stack tight" aria-live="polite"><h2>${T("attack")}</h2><label class="field"><span class="row apart"><span>${T(isImage ? "attack_size_pixels" : "attack_size", { row: state.row || 1 })}</span><strong class="numbers">${radius.toFixed(2)}</strong></span><input type="range" min="0" max=${isImage ? 0.5 : 3} step=${isImage ? 0.01 : 0.05} value=${radius} onInput=${(event) => setRadius(Number(event.target.value))} /></label>
    <p class="small">${text}</p>${answer?.error && html`<p class="small soft">${answer.error.error}</p>`}
    ${answer?.cells?.length ? html`<div class="table"><table><thead><tr><th>${T("column")}</th><th class="right">${T("before")}</th><th class="right">${T("after")}</th></tr></thead><tbody>${answer.cells.map(([name, before, after]) => html`<tr><td>${name}</td><td class="right">${before}</td><td class="right">${after}</td></tr>`)}</tbody></table></div>` : ""}</section>`;
}

const cell = (value) => (typeof value === "number" ? short(value) : Array.isArray(value) ? value.map(cell).join(", ") : value ?? "");

const isBox = (record) => ["score", "left", "top", "right", "bottom"].every((name) => typeof record[name] === "number");

// A prediction alone is shown large; several values, such as the boxes of an image, are a table.
function Records({ records, isShown }) {
  if (!isShown) return "";
  if (!records.length) return html`<p class="soft">${T("nothing_predicted")}</p>`;
  const names = Object.keys(records[0]).filter((name) => !["probabilities", "prediction", "image"].includes(name));
  const isSingle = records.length === 1 && "prediction" in records[0];
  const columns = isSingle || !("prediction" in records[0]) ? names : ["prediction", ...names];
  return html`${isSingle && html`<p class="big">${cell(records[0].prediction)}</p>`}${columns.length > 0 && html`<div class="table"><table><thead><tr>${columns.map((name) => html`<th>${name}</th>`)}</tr></thead><tbody>${records.slice(0, 50).map((record) => html`<tr>${columns.map((name) => html`<td>${cell(record[name])}</td>`)}</tr>`)}</tbody></table></div>`}`;
}

export function PredictView() {
  const [form, setForm] = useState(null), [cells, setCells] = useState({}), [answer, setAnswer] = useState(null), [error, setError] = useState(null);
  const step = state.frame?.step ?? 0;
  const fill = (record) => { setForm(record); setCells(Object.fromEntries(record.fields.map((f) => [f.name, f.value]))); };
  useLatest(() => get(`form?row=${state.row || 1}`).catch(setError), (record) => record && fill(record), [state.row, state.project.version]);
  const isEmpty = !form || (form.media && !cells.file) || (form.form === "texts" && !Object.values(cells).some(Boolean)) || form.form === "none" || (form.form === "arrays" && Object.values(cells).includes(null));
  const show = (record) => { if (record.error) { setError(record); setAnswer(null); return; } setAnswer(record); setError(null); state.seen.add("predicted"); };
  useFollowing(() => (isEmpty ? null : post("predict", cells).catch((problem) => problem)), show, `${JSON.stringify(cells)} ${state.lang}`, [form, step, state.latest?.is_final]);
  if (form?.form === "none") return html`<${Lead} title=${T("predict_title")} text=${T("no_form")} /><section class="sheet stack tight"><code>${form.command}</code></section>`;
  if (!form) return html`<${Lead} title=${T("predict_title")} text=${T("predict_text")} /><${ErrorNote} error=${error} />`;
  const isClasses = state.project.data.task === "classification";
  const shares = Object.entries(answer?.predictions[0]?.probabilities ?? {}).sort((a, b) => b[1] - a[1]).slice(0, 10);
  return html`<${Lead} title=${T("predict_title")} text=${T("predict_text")}>${state.project.data.rows > 0 && html`<label class="field">${T("from_row")}<${Edited} class="short" type="number" min="1" max=${state.project.data.rows} value=${state.row || 1} onChange=${(event) => update({ row: Math.max(1, Number(event.target.value)) })} /></label>`}<//>
    <div class="columns even"><section class="sheet stack tight"><h2>${T("inputs")}</h2>${form.media === "image" && html`<${Picture} key=${`${state.row}/${state.project.version}`} file=${form.fields[0].value} map=${answer?.map} boxes=${(answer?.predictions ?? []).filter(isBox)} onChange=${(file) => setCells({ file })} />`}${form.media === "audio" && html`<${Recorder} onChange=${(file) => setCells({ file })} />`}
      ${(form.media ? [] : form.fields.slice(0, 60)).map((field) => html`<${Input} long=${form.form === "texts"} key=${field.name} field=${field} value=${cells[field.name]} onChange=${(value) => setCells({ ...cells, [field.name]: value })} />`)}</section>
    <div class="stack"><section class="sheet stack tight" aria-live="polite"><h2>${T("prediction")}</h2><${Records} records=${answer?.predictions ?? []} isShown=${!!answer} />${(answer?.notices ?? []).map((text) => html`<p class="small soft">${text}</p>`)}<${ErrorNote} error=${error} />
      <div class="bars">${shares.map(([label, share]) => html`<div class="bar"><span>${label}</span><i><b style=${{ width: `${(100 * share).toFixed(1)}%` }}></b></i><span class="numbers">${(100 * share).toFixed(1)} %</span></div>`)}</div></section>
      ${answer?.sections.length > 0 && html`<section class="sheet"><${Sections} sections=${answer.sections} /></section>`}${answer && form.has_own_output && html`<${Reasons} cells=${cells} onMap=${(map) => setAnswer({ ...answer, map })} />`}${form.form === "table" && isClasses && html`<${Counterfactual} cells=${cells} />`}${isClasses && state.project.views.includes("training") && html`<${Attack} isImage=${form.media === "image"} />`}</div></div>`;
}
