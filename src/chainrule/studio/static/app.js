// The page: its frame, the time of the training below all views, and the requests that follow it.
import { ErrorNote, Note, T, count, get, html, isEmbedded, isOfNet, memory, render, short, show, state, takeProject, update, useEffect, useRef, useStudio } from "./core.js";
import { act, follow, goTo, isRunning } from "./following.js";
import { Spark } from "./charts.js";
import { DataView } from "./view_data.js";
import { NetworkView } from "./view_network.js";
import { TrainingView } from "./view_training.js";
import { ChainView } from "./view_chain.js";
import { PredictView } from "./view_predict.js";
import { FilesView } from "./view_files.js";
import { Lessons } from "./lessons.js";

const VIEWS = { data: DataView, network: NetworkView, training: TrainingView, chain: ChainView, predict: PredictView, files: FilesView };

// --- the frame of the page

const shownViews = () => (state.project.is_open ? state.project.views : Object.keys(VIEWS));
const isOpening = () => state.project.version < 0; // the server still reads the data
const viewNow = () => (shownViews().includes(state.view) ? state.view : shownViews()[0]);

function Top() {
  const tabs = useRef();
  useEffect(() => { // the tab of the view is in sight also where not all of them are
    const tab = tabs.current?.querySelector("[aria-current]");
    if (tab) tabs.current.scrollLeft = tab.offsetLeft + tab.offsetWidth / 2 - tabs.current.offsetLeft - tabs.current.clientWidth / 2;
  }, [viewNow(), state.lang, state.project.is_open]);
  const tab = (name) => html`<a href="#${name}" aria-current=${viewNow() === name ? "page" : undefined}>${T(`tab_${name}`)}</a>`;
  return html`<header class="top">
    <a class="brand" href="#data">${!isEmbedded && html`<img src="/static/icon.svg" alt="" />`}chainrule <span>studio</span></a>
    <nav class="tabs" ref=${tabs} aria-label=${T("views")}>${shownViews().map(tab)}</nav>
    <div class="tools">
      ${shownViews().includes("training") && html`<button class="button quiet small" aria-expanded=${state.lessons} onClick=${() => update({ lessons: !state.lessons })}>${T("lessons")}</button>`}
      <button class="button quiet small" onClick=${() => setLanguage(state.lang === "en" ? "zh" : "en")} lang=${state.lang === "en" ? "zh" : "en"}>${state.lang === "en" ? "中文" : "English"}</button>
      <button class="button quiet small icon" aria-label=${T(state.theme === "dark" ? "light" : "dark")} title=${T(state.theme === "dark" ? "light" : "dark")} onClick=${() => setTheme(state.theme === "dark" ? "light" : "dark")}><svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.5" /><path d="M8 1.8a6.2 6.2 0 0 1 0 12.4z" fill="currentColor" /></svg></button>
    </div>
  </header>`;
}

const ICONS = { play: "M4 2.5v11l9-5.5z", pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z", step: "M3 2.5v11l7-5.5zM11 2.5h2v11h-2z", epoch: "M2 2.5v11l5.5-5.5zM7.5 2.5v11L13 8zM13 2.5h1.6v11H13z", back: "M13 2.5v11L6 8zM3 2.5h2v11H3z" };
const Icon = ({ name }) => html`<svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true"><path d=${ICONS[name]} fill="currentColor" /></svg>`;

function Transport() {
  const { training, latest, frame } = state;
  if (!hasTransport()) return null;
  const status = training.status, last = latest?.step ?? training.step ?? 0;
  const now = state.step < 0 ? last : state.step, isDone = status === "ended";
  const loss = state.losses.points.find((point) => point[0] === now)?.[1], each = training.steps_per_epoch;
  const shown = [frame, latest].find((known) => known?.step === now) ?? { loss, epoch: each ? Math.floor(now / each) : training.epoch };
  const button = (name, key, kind, primary = false) => html`<button class="button icon ${primary ? "primary" : ""}" aria-label=${T(key)} title=${T(key)} disabled=${isDone && kind !== "new"} onClick=${() => act(kind)}><${Icon} name=${name} /></button>`;
  const playing = status === "running" || (status === "starting" && state.wants === "run");
  return html`<section class="transport" aria-label=${T("time")}>
    <div class="row">
      ${isDone ? html`<button class="button primary" onClick=${() => act("new")}>${T("train_again")}</button>` : playing ? button("pause", "pause", "pause", true) : button("play", "start", "run", true)}
      ${button("step", "one_step", "step")}${button("epoch", "one_epoch", "epoch")}
    </div>
    <div class="timeline"><${Spark} points=${state.losses.points.length > 1 ? state.losses.points : state.epochs.points.map((row) => [row.step, row.loss])} />
      <input type="range" min="0" max=${Math.max(last, 1)} value=${now} disabled=${!last} aria-label=${T("rewind")} aria-valuetext=${`${T("step")} ${now}`} onInput=${(event) => goTo(Number(event.target.value))} onChange=${(event) => goTo(Number(event.target.value), true)} />
    </div>
    <dl class="reading"><div><dt>${T("status")}</dt><dd class="status"><span class="dot ${status}"></span>${status === "failed" ? html`<a href="#training">${T("status_failed")}</a>` : T(`status_${state.offline ? "offline" : status}`)}</dd></div>
      <div><dt>${T("step")}</dt><dd>${count(now)}</dd></div><div><dt>${T("epoch")}</dt><dd>${count(shown.epoch ?? 0)}</dd></div><div><dt>${T("loss")}</dt><dd>${short(shown.loss)}</dd></div></dl>
  </section>`;
}

const Opening = () => html`<div class="empty">${state.error ? html`<${ErrorNote} error=${state.error} />` : html`<p role="status">${T("opening")}</p>`}</div>`;

function App() {
  useStudio();
  const View = state.project.is_open ? VIEWS[viewNow()] : DataView;
  useEffect(() => { document.documentElement.lang = state.lang === "zh" ? "zh-Hans" : "en"; document.title = `${T(`tab_${viewNow()}`)} · chainrule studio`; }, [state.texts, viewNow()]);
  return html`<a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.querySelector("main").focus(); }}>${T("skip")}</a>
    <${Top} /><main id="main" tabindex="-1" aria-busy=${state.busy}>${isOpening() ? html`<${Opening} />` : html`<${View} key=${viewNow()} />`}</main>
    ${state.lessons && html`<${Lessons} />`}
    ${state.error && !isOpening() && !(viewNow() === "network" && isOfNet(state.error)) && html`<div class="toast"><${ErrorNote} error=${state.error} /><div class="row note"><span></span><span></span><button class="button small quiet" onClick=${() => update({ error: null })}>${T("close")}</button></div></div>`}
    ${state.offline && !state.error && html`<div class="toast"><${Note} kind="warning" text=${T("no_server")} /></div>`}
    <${Transport} />`;
}

// --- language, theme, address, keys

async function setLanguage(lang) {
  state.lang = lang;
  const texts = await get("texts");
  memory.set("lang", lang);
  update({ texts });
  takeProject(await get("project"));
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  memory.set("theme", theme);
  update({ theme });
}

function readAddress() {
  const view = location.hash.slice(1).split("/")[0];
  update({ view: VIEWS[view] ? view : "data", error: null });
  state.seen.add(state.view);
  window.scrollTo(0, 0);
}

const hasTransport = () => state.project.is_open && !state.project.is_ensemble;

function onKey(event) {
  const isUsed = event.defaultPrevented || event.target.closest("input, select, textarea, button, a, summary, audio, [role=button]");
  if (isUsed || !hasTransport() || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " ") { event.preventDefault(); act(isRunning() ? "pause" : "run"); }
  if (event.key === ".") act("step");
}

// In a notebook the address is that of the notebook: links show a view without it.
function followLinks(event) {
  const link = event.target.closest?.('a[href^="#"]');
  if (!link) return;
  event.preventDefault();
  const view = link.getAttribute("href").slice(1);
  if (VIEWS[view]) show(view);
}

async function begin() {
  const { chainruleHost: host } = globalThis;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  setTheme(host?.theme ?? memory.get("theme") ?? (dark ? "dark" : "light"));
  if (isEmbedded) document.addEventListener("click", followLinks);
  else window.addEventListener("hashchange", readAddress);
  document.addEventListener("keydown", onKey);
  state.lang = host?.lang ?? memory.get("lang") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
  const opened = get("project").catch((error) => ({ error }));
  update({ texts: await get("texts") });
  render(html`<${App} />`, document.getElementById("studio"));
  const project = await opened;
  if (project.error) { update(project); return; }
  takeProject(project);
  if (isEmbedded) { show(viewNow()); return; }
  if (!location.hash && project.is_open) history.replaceState(null, "", `#${project.views.includes("training") ? "training" : project.views[0]}`);
  readAddress();
  follow();
}

begin();
