// Ten lessons along the article, each with a task and a condition for having done it.
import { T, change, html, memory, state, update, useState } from "./core.js";
import { setNet } from "./view_network.js";
import { open } from "./view_data.js";

const last = () => state.epochs.points.at(-1) ?? {};
const selectedWeight = () => state.selected.startsWith("w:");
const parts = () => state.project.network?.net ?? "";

export const LESSONS = [
  { key: "neuron", view: "chain", done: () => state.selected.startsWith("n:") && state.view === "chain" },
  { key: "sum", view: "chain", done: () => selectedWeight() },
  { key: "activation", view: "network", done: () => /sigmoid|relu|gelu|silu|elu|soft|mish/.test(parts()) && state.seen.has("network") },
  { key: "loss", view: "training", done: () => (state.training.step ?? 0) >= 1 },
  { key: "gradient", view: "chain", done: () => state.seen.has("gradient") },
  { key: "chain", view: "chain", done: () => state.seen.has("walked") },
  { key: "update", view: "training", done: () => state.losses.points.length > 20 && state.losses.points.at(-1)[1] < state.losses.points[0][1] },
  { key: "overfitting", view: "training", done: () => { const row = last(); return state.project.network.parameters > 1000 && row.val_loss != null && row.epoch >= 30 && row.val_loss > 1.3 * row.loss; } },
  { key: "vanishing", view: "training", done: () => (parts().match(/sigmoid/g) ?? []).length >= 4 && (last().epoch ?? 0) >= 5 },
  { key: "relu", view: "training", done: () => (parts().match(/relu/g) ?? []).length >= 4 && (last().epoch ?? 0) >= 5 },
];
const SETUPS = {
  overfitting: async () => { await open("overlap"); await change("options", { net: "64 relu, 64 relu", optimizer: "adam", learning_rate: 0.01 }); },
  vanishing: async () => { await open("circle"); await setNet("6 sigmoid, 6 sigmoid, 6 sigmoid, 6 sigmoid"); },
  relu: async () => { await open("circle"); await setNet("6 relu, 6 relu, 6 relu, 6 relu"); },
};
const stored = () => new Set(JSON.parse(memory.get("lessons") ?? "[]"));

export function Lessons() {
  const done = stored(), before = done.size;
  const [open_, setOpen] = useState(LESSONS.find((lesson) => !done.has(lesson.key))?.key ?? "neuron");
  if (state.project.is_open) for (const lesson of LESSONS) if (lesson.key === open_ && lesson.done()) done.add(lesson.key);
  if (done.size !== before) memory.set("lessons", JSON.stringify([...done]));
  return html`<aside class="drawer" aria-label=${T("lessons")}><div class="row apart"><h2>${T("lessons_title")}</h2><button class="button small icon quiet" aria-label=${T("close")} onClick=${() => update({ lessons: false })}>×</button></div><p class="soft small">${T("lessons_done", { n: done.size })}</p>
    <div>${LESSONS.map((lesson, i) => html`<div class="lesson"><button aria-expanded=${open_ === lesson.key} onClick=${() => setOpen(open_ === lesson.key ? "" : lesson.key)}><span class="number">${i + 1}</span><span>${T(`lesson_${lesson.key}`)}</span>${done.has(lesson.key) ? html`<span class="done">✓ ${T("done")}</span>` : html`<span></span>`}</button>
      ${open_ === lesson.key && html`<p>${T(`lesson_${lesson.key}_text`)}</p><p class="task">${T(`lesson_${lesson.key}_task`)}</p><div class="row"><a class="button small" href="#${lesson.view}">${T("go_there")}</a>${SETUPS[lesson.key] && html`<button class="button small" onClick=${SETUPS[lesson.key]}>${T("set_up")}</button>`}</div>`}</div>`)}</div></aside>`;
}
