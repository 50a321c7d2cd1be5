// Training: curves, the decision surface, distributions over time, and what the doctor noticed.
import { Empty, ErrorNote, Lead, Note, T, attempt, change, count, get, html, post, short, show, state, takeProject, train, update, useEffect, useFollowing, useLatest, useMemo, useState } from "./core.js";
import { Curves, Distribution, Surface, classColor, color } from "./charts.js";
import { Drawing } from "./drawing.js";
import { act } from "./following.js";

const MEASURES = ["accuracy", "val_accuracy", "val_r2", "val_loss"];

export function useScatter() {
  const [scatter, setScatter] = useState(null);
  useLatest(() => attempt(() => get("scatter")), (record) => record && setScatter(record), [state.project.version]);
  return scatter;
}

export function Picture({ scatter }) {
  const low = scatter?.low ?? 0, high = scatter?.high ?? 1;
  const points = useMemo(() => {
    const tone = (c) => classColor(scatter.classes ? c : (c - low) / (high - low || 1) > 0.5 ? 0 : 1);
    return (scatter?.points ?? []).map(([x, y, c]) => ({ x, y, color: tone(c) }));
  }, [scatter, state.theme]);
  if (!scatter?.axes) return null;
  return html`<div class="stack tight"><${Surface} surface=${state.frame?.surface} points=${points} axes=${scatter.axes} label=${T("surface_of", { source: state.project.data.source })} />
    <div class="legend">${scatter.classes ? state.project.data.labels.slice(0, 10).map((label, i) => html`<span><i class="i${i}"></i>${label}</span>`) : html`<span><i class="i1"></i>${short(low, 2)}</span><span><i class="i0"></i>${short(high, 2)}</span>`}<span>${scatter.names[0]} →, ${scatter.names[1]} ↑</span></div></div>`;
}

// The points of another training: of this page, whose steps are known, or of a RUN, whose epochs are laid beside ours.
function otherSeries(other, steps) {
  return { label: T(other.isKept ? "other_run" : "compared_epochs", { run: other.run }), x: other.rows.map((r) => r.step ?? r.epoch * steps), y: other.rows.map((r) => r.val_loss ?? r.loss), color: "--c3", width: 1.6 };
}

function Compare({ rows }) {
  const [runs, setRuns] = useState([]), { compared } = state;
  useEffect(() => { get("runs").then((record) => setRuns(record.runs)).catch(() => {}); }, [state.project.version, state.training.status]);
  const choose = async (run) => { const record = run && await attempt(() => get(`run?run=${encodeURIComponent(run)}`)); update({ compared: record || null }); };
  return html`<div class="row">${runs.length > 0 && html`<label><span class="visually-hidden">${T("compare_with")}</span><select value=${compared && !compared.isKept ? compared.run : ""} onChange=${(event) => choose(event.target.value)}><option value="">${T("compare_with")}</option>${runs.map((run) => html`<option value=${run}>${run}</option>`)}</select></label>`}
    <button class="chip" aria-pressed=${Boolean(compared)} onClick=${() => update({ compared: compared ? null : { run: state.training.run, rows, isKept: true } })} disabled=${!rows.length && !compared}>${compared ? T("stop_comparing") : T("keep_to_compare")}</button></div>`;
}

function Losses() {
  const [logarithmic, setLogarithmic] = useState(false), { compared } = state;
  const steps = state.losses.points.filter((p) => p[1] !== null), rows = state.epochs.points;
  const series = [];
  if (steps.length) series.push({ label: T("batch_loss"), x: steps.map((p) => p[0]), y: steps.map((p) => p[1]), color: "--c5", width: 1 });
  if (rows.length) series.push({ label: T("training_loss"), x: rows.map((r) => r.step), y: rows.map((r) => r.loss), color: "--c0", width: 2 });
  if (rows.some((r) => r.val_loss != null)) series.push({ label: T("validation_loss"), x: rows.map((r) => r.step), y: rows.map((r) => r.val_loss), color: "--c1", width: 2 });
  if (compared) series.push(otherSeries(compared, rows.length ? rows.at(-1).step / rows.at(-1).epoch : 1));
  return html`<section class="sheet"><header><h2>${T("loss")}</h2><div class="row"><button class="chip" aria-pressed=${logarithmic} onClick=${() => setLogarithmic(!logarithmic)}>${T("logarithmic")}</button><${Compare} rows=${rows} /></div></header>
    ${series.length ? html`<${Curves} series=${series} label=${T("loss")} logarithmic=${logarithmic} />` : html`<p class="soft small">${T("no_curve")}</p>`}
    ${compared && !compared.isKept && html`<p class="small soft">${compared.options ? T("compared_options", { run: compared.run, options: compared.options }) : T("compared_equal", { run: compared.run })}</p>`}</section>`;
}

const metricTitle = (name) => state.training.titles?.[name] ?? name;

function Metrics() {
  const rows = state.epochs.points, row = rows.findLast((row) => state.step < 0 || row.step <= state.step) ?? {};
  const rate = (state.step < 0 ? state.training : state.frame)?.rate ?? state.project.options.learning_rate;
  const figure = (name) => (row[name] != null && name.includes("accuracy") ? `${(100 * row[name]).toFixed(1)} %` : short(row[name]));
  const names = Object.keys(rows.at(-1) ?? {}).filter((name) => !["epoch", "step", "loss", "data_loss"].includes(name)).slice(0, 3);
  return html`<section class="sheet"><dl class="figures"><div><dt>${T("training_loss")}</dt><dd class="big">${short(row.loss)}</dd></div>${names.map((name) => html`<div><dt>${metricTitle(name)}</dt><dd class="big">${figure(name)}</dd></div>`)}
    <div><dt>${T("learning_rate")}</dt><dd class="big">${short(rate)}</dd></div></dl></section>`;
}

function Findings() {
  const { training } = state, notices = training.notices ?? [];
  const apply = async (notice) => { const project = await attempt(() => post("fix", { rule: notice.rule, column: notice.column })); if (project) { takeProject(project); await act("run"); } };
  return html`<section class="sheet stack tight" aria-live="polite"><h2>${T("doctor")}</h2>
    ${notices.map((notice) => html`<${Note} kind="warning" text=${notice.text}>${notice.fix && html`<button class="button small" onClick=${() => apply(notice)}>${notice.fix}</button>`}<//>`)}
    ${!notices.length && html`<p class="soft small">${T("doctor_quiet")}</p>`}</section>`;
}

function Histograms() {
  const frames = [...state.frames.entries()].sort((a, b) => a[0] - b[0]).filter(([step]) => state.step < 0 || step <= state.step);
  const paths = state.project.network.layers.filter((l) => l.parameters && l.path).map((l) => l.path).slice(0, 12);
  const series = (kind, path) => frames.map(([, all]) => all[`${kind}/${path}`] ?? all[`${kind}/${path}.weight`]).filter(Boolean);
  const kinds = ["weights", "activations", "gradients", "updates"];
  if (!frames.length) return null;
  const last = (columns) => (columns.length ? `${T("spread")} ${short(columns.at(-1).spread)}` : "");
  return html`<section class="sheet"><header><h2>${T("distributions")}</h2><span class="small soft">${T("distributions_text")}</span></header><div class="histograms"><span></span>${kinds.map((kind) => html`<span>${T(kind)}</span>`)}
    ${paths.map((path) => html`<span class="mono">${path}</span>${kinds.map((kind) => { const columns = series(kind, path); return html`<div title=${last(columns)}><${Distribution} columns=${columns} label=${`${T(kind)} ${path} ${last(columns)}`} /></div>`; })}`)}</div></section>`;
}

function Scores() {
  const scores = state.training.scores;
  if (!scores) return null;
  const metrics = Object.keys(Object.values(scores)[0] ?? {}).sort().slice(0, 4);
  return html`<section class="sheet"><header><h2>${T("test_scores")}</h2><code class="soft">${state.training.run}</code></header><div class="table"><table><thead><tr><th><span class="visually-hidden">${T("network_now")}</span></th>${metrics.map((name) => html`<th class="right">${metricTitle(name)}</th>`)}</tr></thead><tbody>${["net", ...Object.keys(scores).filter((name) => name !== "net")].map((name) => [name, scores[name] ?? {}]).map(([name, values]) => html`<tr class=${name === "net" ? "target" : ""}><td>${T(`model_${name}`)}</td>${metrics.map((m) => html`<td class="right">${short(values[m])}</td>`)}</tr>`)}</tbody></table></div></section>`;
}

function Rate() {
  const { options } = state.project, isLive = ["running", "paused"].includes(state.training.status), now = state.training.rate ?? options.learning_rate;
  const set = async (value) => {
    const rate = Number(value.toPrecision(3));
    if (isLive) { await train({ rate }); state.seen.add("rate"); } else await change("options", { learning_rate: rate });
  };
  return html`<section class="sheet stack tight"><h2>${T("learning_rate")}</h2><div class="row"><button class="button small" onClick=${() => set(now / 3)}>÷ 3</button><strong class="numbers">${short(now, 6)}</strong><button class="button small" onClick=${() => set(now * 3)}>× 3</button></div><p class="small soft">${T("rate_text")}</p>${options.learning_rate_at.length ? html`<code class="soft">${options.learning_rate_at.join("  ")}</code>` : ""}
    <label class="field">${T("pause_between")}<input type="range" min="0" max="1" step="0.05" value=${state.delay ?? 0} onInput=${(event) => { const delay = Number(event.target.value); update({ delay }); train({ delay }); }} /></label></section>`;
}

const LIVE_PAUSE = 400; // milliseconds between two drawings of a network that trains

function Live() {
  const [drawing, setDrawing] = useState(null), step = state.frame?.step ?? 0;
  const moment = state.step < 0 && state.training.status === "running" ? Math.floor(performance.now() / LIVE_PAUSE) : step;
  useFollowing(() => get(`step?row=${state.row}&step=${state.step < 0 ? -1 : step}`).catch(() => null), setDrawing, state.project.version, [moment, state.training.status], 0);
  return drawing && html`<${Drawing} drawing=${drawing} label=${T("drawing")} focusable=${false} onPick=${(key) => { update({ selected: key }); show("chain"); }} />`;
}

export function TrainingView() {
  const { project, training } = state, scatter = useScatter();
  const text = training.status === "ended" ? T("training_done", { run: training.run }) : training.status === "stopped" ? T("training_stopped", { run: training.run, step: count(training.step), start: T("start") }) : T("training_text", { layers: project.network.net || T("no_hidden"), n: count(project.network.parameters) });
  if (project.is_ensemble) return html`<${Lead} title=${T("training_title")} text=${T("ensemble_text")} /><section class="sheet"><${Empty} title=${T("ensemble_title")} text=${T("ensemble_hint")}><button class="button primary" onClick=${() => change("options", { net: "8 tanh, 8 tanh", optimizer: "sgd", learning_rate: 0.1, penalty: 0, patience: 0, epochs: 100 })}>${T("train_single")}</button><//></section>`;
  return html`<${Lead} title=${T("training_title")} text=${text} />
    <div class="stack">${training.error && html`<${ErrorNote} error=${{ error: T("process_ended", { code: training.error.exit, start: T("start") }), ...training.error }} />`}
    <div class="columns picture-first"><div class="stack"><${Metrics} /><section class="sheet"><header><h2>${T("network_now")}</h2><span class="small soft">${T("network_now_text", { row: state.row })}</span></header><${Live} /></section><${Losses} /><${Histograms} /><${Scores} /></div>
    <div class="stack">${scatter?.axes && html`<section class="sheet"><h2>${T("surface")}</h2><${Picture} scatter=${scatter} /></section>`}<${Rate} /><${Findings} /></div></div></div>`;
}
