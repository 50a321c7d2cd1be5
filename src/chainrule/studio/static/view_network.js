// The network: a drawing and a table of layers, edited in both; beside them the program that makes the same network.
import { Edited, ErrorNote, Lead, Program, T, attempt, change, count, get, html, isOfNet, show, state, update, useLatest, useState } from "./core.js";
import { Drawing, places } from "./drawing.js";
import { open } from "./view_data.js";

const PRESETS = { article: "3 sigmoid", line: "", one: "4 tanh", two: "8 tanh, 8 tanh", deep: "8 relu, 8 relu, 8 relu, 8 relu, 8 relu", wide: "64 relu, 64 relu", table: "64 relu, dropout 0.2, 64 relu, dropout 0.2" };
const SHAPED = /^(reshape|conv|pool|flatten|position|encoder|mean)\b/i; // parts that are edited as text
// The parts of a network, separated at the commas outside brackets.
function separated(net) {
  const parts = [""];
  let depth = 0;
  for (const sign of net) {
    depth += sign === "(" ? 1 : sign === ")" ? -1 : 0;
    if (sign === "," && depth <= 0) parts.push(""); else parts[parts.length - 1] += sign;
  }
  return parts.map((text) => text.trim());
}

function part(text) {
  const [first, ...rest] = text.split(/\s+/);
  if (SHAPED.test(text)) return { text };
  return first === "dropout" ? { dropout: rest[0] } : { units: first, activation: rest.join(" ") };
}

export const parse = (net) => (net.trim() ? separated(net).map(part) : []);
const written = (p) => p.text ?? (p.dropout !== undefined ? `dropout ${p.dropout}` : `${p.units}${p.activation && p.activation !== "linear" ? ` ${p.activation}` : ""}`);
export const write = (parts) => parts.map(written).join(", ");

export const setNet = (net) => change("options", { net });
const edit = (changed) => change("options", ({ network }) => ({ net: write(changed(parse(network.net))) }));

function Layers() {
  const { network } = state.project, parts = parse(network.net);
  const set = (i, values) => edit((now) => now.map((part, k) => (k === i ? { ...part, ...values } : part)));
  const remove = (i) => edit((now) => now.filter((_, k) => k !== i));
  const add = (part) => edit((now) => [...now, part]);
  const all = network.layers.filter((layer) => layer.path && !layer.path.includes(".")), dense = all.slice(Math.max(0, all.length - parts.length - 1));
  const total = ({ path }) => network.layers.filter((layer) => layer.path === path || layer.path?.startsWith(`${path}.`)).reduce((sum, layer) => sum + layer.parameters, 0);
  return html`<div class="table"><table class="layers"><thead><tr><th>${T("layer")}</th><th>${T("units")}</th><th>${T("activation")}</th><th>${T("output")}</th><th class="right">${T("parameters")}</th><th><span class="visually-hidden">${T("remove")}</span></th></tr></thead><tbody>
    <tr><td class="soft">${T("inputs")}</td><td class="numbers">${network.inputs}</td><td></td><td></td><td></td><td></td></tr>
    ${parts.map((part, i) => { const layer = dense[i] ?? {}; return html`<tr key=${i} class=${isOfNet(state.error) && state.error.part === i ? "wrong" : ""}><td><code>${layer.path ?? ""}</code></td>
      ${part.text && html`<td colspan="2"><${Edited} type="text" class="mono wide" value=${part.text} aria-label=${`${T("layer")} ${layer.path ?? ""}`} onChange=${(event) => set(i, { text: event.target.value })} /></td>`}
      ${!part.text && html`<td>${part.dropout !== undefined ? html`<label class="row small">${T("dropout")} <${Edited} type="number" min="0" max="0.9" step="0.1" value=${part.dropout} onChange=${(event) => set(i, { dropout: event.target.value })} /></label>` : html`<${Edited} type="number" min="1" max="100000" value=${part.units} aria-label=${`${T("units")} ${layer.path ?? ""}`} onChange=${(event) => set(i, { units: event.target.value })} />`}</td>`}
      ${!part.text && html`<td>${part.dropout !== undefined ? "" : html`<select aria-label=${`${T("activation")} ${layer.path ?? ""}`} value=${part.activation || "linear"} onChange=${(event) => set(i, { activation: event.target.value })}>${[...new Set(["linear", ...state.project.choices.activations, part.activation || "linear"])].map((name) => html`<option value=${name}>${name}</option>`)}</select>`}</td>`}
      <td class="mono">${layer.output ?? ""}</td><td class="right">${count(total(layer))}</td><td class="right"><button class="button small icon quiet" aria-label=${`${T("remove")} ${layer.path ?? ""}`} onClick=${() => remove(i)}>×</button></td></tr>`; })}
    <tr><td><code>${dense.at(-1)?.path}</code></td><td class="numbers">${network.outputs}</td><td class="soft">${network.loss}</td><td class="mono">${dense.at(-1)?.output}</td><td class="right">${count(dense.at(-1)?.parameters ?? 0)}</td><td></td></tr>
    </tbody></table></div><div class="row" ><button class="button small" onClick=${() => add({ units: parts.filter((p) => p.units).at(-1)?.units ?? "8", activation: "tanh" })}>+ ${T("add_layer")}</button><button class="button small quiet" onClick=${() => add({ dropout: "0.2" })}>+ ${T("dropout")}</button></div>`;
}

// Networks whose text depends on the inputs; LeNet opens images of digits where there are none.
async function preset(name) {
  if (!state.project.network.presets[name]) await open("digit-images");
  const net = state.project.network.presets[name];
  if (net) await change("options", { net, optimizer: "adam", learning_rate: 0.002 });
}

function Written() {
  const { network } = state.project;
  const [draft, setDraft] = useState(null); // the text that is edited, and the network that it replaces
  const text = draft?.of === network.net ? draft.text : network.net;
  const error = isOfNet(state.error) ? state.error : null;
  return html`<div class="stack tight"><label class="field">${T("as_text")}<input type="text" class="mono" value=${text} spellcheck="false" onInput=${(event) => setDraft({ of: network.net, text: event.target.value })} onChange=${(event) => setNet(event.target.value)} /></label><${ErrorNote} error=${error} onFix=${(net) => { setDraft(null); setNet(net); }} /></div>`;
}

function Options() {
  const { options } = state.project;
  const number = (name, step, min) => html`<label class="field">${T(name)}<${Edited} type="number" min=${min} step=${step} value=${options[name]} onChange=${(event) => change("options", { [name]: Number(event.target.value) })} /></label>`;
  return html`<div class="grid-fields"><label class="field">${T("optimizer")}<select value=${options.optimizer} onChange=${(event) => change("options", { optimizer: event.target.value })}>${state.project.choices.optimizers.map((name) => html`<option value=${name}>${name}</option>`)}</select></label>
    ${number("learning_rate", "any", "0")}${number("batch_size", 1, 1)}${number("epochs", 1, 1)}${number("penalty", "any", 0)}${number("patience", 1, 0)}${number("seed", 1, 0)}</div>`;
}

// Buttons in the drawing: one unit more or fewer, and a further layer between two columns.
function editing(drawing) {
  const parts = parse(state.project.network.net), dense = parts.map((part, i) => ({ ...part, i })).filter((part) => part.units);
  const { step, height } = places(drawing, 940, 52);
  const changed = (i, delta) => edit((now) => now.map((part, k) => (k === i ? { ...part, units: String(Math.max(1, Number(part.units) + delta)) } : part)));
  const inserted = (i) => edit((now) => [...now.slice(0, i), { units: "4", activation: "tanh" }, ...now.slice(i)]);
  const press = (action) => ({ onClick: action, onKeyDown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); action(); } }, tabindex: 0, role: "button" });
  const knob = (x, y, sign, label, action) => html`<g class="unit" aria-label=${label} ...${press(action)}><circle class="rim" cx=${x} cy=${y} r="10" /><text x=${x} y=${y + 4}>${sign}</text></g>`;
  if (drawing.columns.length - 3 !== dense.length) return null;
  return html`${dense.map((part, k) => { const x = 58 + (k + 1) * step; return [knob(x - 13, height - 14, "−", `${T("fewer_units")} ${k + 1}`, () => changed(part.i, -1)), knob(x + 13, height - 14, "+", `${T("more_units")} ${k + 1}`, () => changed(part.i, 1))]; })}
    ${[...dense, null].map((part, k) => knob(58 + (k + 0.5) * step, height - 14, "⊕", `${T("insert_layer")} ${k + 1}`, () => inserted(part ? part.i : parts.length)))}`;
}

export function NetworkView() {
  const { project } = state;
  const [drawing, setDrawing] = useState(null), [tab, setTab] = useState("python");
  useLatest(() => attempt(() => get(`step?row=${state.row}&step=${state.step}`)), (record) => record && setDrawing(record), [project.version, state.step]);
  return html`<${Lead} title=${T("network_title")} text=${T("network_text", { n: count(project.network.parameters), layers: project.network.layers.filter((l) => l.parameters).length })} />
    <div class="columns"><div class="stack"><section class="sheet"><header><h2>${T("drawing")}</h2><div class="chips" role="group" aria-label=${T("presets")}>${Object.entries(PRESETS).map(([name, net]) => html`<button class="chip" aria-pressed=${project.network.net === net} onClick=${() => setNet(net)}>${T(`preset_${name}`)}</button>`)}${["lenet", "transformer"].map((name) => html`<button class="chip" aria-pressed=${project.network.net === project.network.presets[name]} onClick=${() => preset(name)}>${T(`preset_${name}`)}</button>`)}</div></header>
      ${drawing && html`<${Drawing} drawing=${drawing} label=${T("drawing")} edit=${editing(drawing)} onPick=${(key) => { update({ selected: key }); show("chain"); }} />`}
      <p class="key"><span><b class="more"></b>${T("positive")}</span><span><b class="less"></b>${T("negative")}</span><span>${T("drawing_hint")}</span></p></section>
      <section class="sheet stack tight"><h2>${T("layers")}</h2><${Layers} /><${Written} /></section></div>
    <div class="stack"><section class="sheet stack tight"><h2>${T("optimization")}</h2><${Options} /></section>
      <section class="sheet stack tight"><header class="row apart"><h2>${T("program")}</h2><div class="chips" role="group" aria-label=${T("program")}>${["python", "command", "layers"].map((name) => html`<button class="chip" aria-pressed=${tab === name} onClick=${() => setTab(name)}>${T(`program_${name}`)}</button>`)}</div></header><${Program} text=${project.programs[tab]} name=${tab === "command" ? "train.sh" : "train.py"} /></section></div></div>`;
}
