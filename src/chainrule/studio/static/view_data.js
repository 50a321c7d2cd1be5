// Data: sets to choose, files to drop, points to draw; the columns as understood, and what was noticed.
import { DrawingArea, Empty, ErrorNote, Lead, Note, T, attempt, change, count, get, html, post, state, takeProject, update, upload, useEffect, useRef, useState } from "./core.js";
import { classColor, color } from "./charts.js";

const TABLES = ["iris", "wine", "breast-cancer", "diabetes", "digits", "digit-images"];
const SETS = ["circle", "xor", "clusters", "overlap", "moons", "spiral", "three-arms", "plane", "waves"];
const KINDS = ["number", "category", "date", "text"];
const LARGEST = 256 * 1024 * 1024;
const NAMES = ["blue", "orange", "green", "purple", "red"];

export async function open(source) {
  const project = await attempt(() => post("open", { source }));
  if (project) takeProject(project);
}

async function take(file) {
  if (file.size > LARGEST) {
    update({ error: { error: T("too_large_file", { name: file.name, size: (file.size / 2 ** 30).toFixed(1) }), fix: `chainrule studio ${file.name}` } });
    return;
  }
  const project = await attempt(() => upload(`upload?name=${encodeURIComponent(file.name)}`, file));
  if (project) takeProject(project);
}

// Small pictures of the sets: of their shape, not of their points.
const SHAPES = {
  circle: "M40 25m-7 0a7 7 0 1 0 14 0a7 7 0 1 0-14 0|M40 25m-17 0a17 17 0 1 0 34 0a17 17 0 1 0-34 0", xor: "M22 10h13v12H22zM45 28h13v12H45z|M45 10h13v12H45zM22 28h13v12H22z",
  overlap: "M35 28m-11 0a11 11 0 1 0 22 0a11 11 0 1 0-22 0|M45 22m-11 0a11 11 0 1 0 22 0a11 11 0 1 0-22 0",
  clusters: "M29 31m-8 0a8 8 0 1 0 16 0a8 8 0 1 0-16 0|M51 19m-8 0a8 8 0 1 0 16 0a8 8 0 1 0-16 0", moons: "M20 30a14 14 0 0 1 28 0|M34 20a14 14 0 0 0 28 0",
  spiral: "M40 25q6-8 10 1q2 12-12 12q-16-2-15-17|M40 25q-6 8-10-1q-2-12 12-12q16 2 15 17", "three-arms": "M40 25q8-4 8-15|M40 25q-1 10 12 14|M40 25q-9-2-17 8", plane: "M18 40 62 40|M18 40 62 12", waves: "M16 25q8-20 16 0t16 0t16 0|M16 25h48",
};

// A file or a folder of the name of a set comes first, as in every command: its button names what it opens.
function Source({ name, text }) {
  const path = state.project.paths?.[name], places = path ? [name] : [name, `studio/${name}.csv`, `studio/${name}`];
  const isOpen = state.project.is_open && places.includes(state.project.data.source);
  const [first, second, third] = (path ? "" : SHAPES[name] || "").split("|");
  const line = (d, tone) => d && html`<path d=${d} fill="none" stroke=${`var(--c${tone})`} stroke-width="3" stroke-linecap="round" stroke-linejoin="round" />`;
  const table = html`<g stroke="var(--line-strong)" stroke-width="1.6">${[12, 20, 28, 36].map((y) => html`<path d="M20 ${y}h40" />`)}<path d="M33 10v28M47 10v28" /></g>`;
  return html`<button class="source" aria-pressed=${isOpen} onClick=${() => open(name)}><svg class="glyph" viewBox="0 0 80 50" aria-hidden="true">${first ? [line(first, 0), line(second, 1), line(third, 2)] : table}</svg><span>${name}<br /><small>${path ? T(`own_${path}`) : text}</small></span></button>`;
}

function Drop() {
  const [over, setOver] = useState(false);
  const input = useRef();
  const drop = (event) => { event.preventDefault(); setOver(false); const file = event.dataTransfer.files[0]; if (file) take(file); };
  return html`<div class="drop ${over ? "over" : ""}" onDragOver=${(event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <span>${T("drop")}</span><button class="button small" onClick=${() => input.current.click()}>${T("choose_file")}</button>
    <input ref=${input} class="visually-hidden" type="file" tabindex="-1" aria-label=${T("choose_file")} accept=".csv,.tsv,.txt,.parquet,.xlsx,.json,.jsonl,.arrow" onChange=${(event) => event.target.files[0] && take(event.target.files[0])} />
    <small>${T("stays_here")}</small></div>`;
}

function Draw() {
  const [points, setPoints] = useState([]), [tone, setTone] = useState(0);
  const canvas = useRef();
  const add = (right, down) => {
    const x = right * 10 - 5, y = 5 - down * 10;
    setPoints((before) => {  // several events may come before the page is drawn again
      const near = before.at(-1), label = NAMES[tone];
      if (near && near[2] === label && Math.hypot(near[0] - x, near[1] - y) < 0.25) return before;
      const drawn = Array.from({ length: 3 }, (_, i) => [x + 0.28 * Math.sin(7 * (before.length + i) + i), y + 0.28 * Math.cos(11 * (before.length + i)), label]);
      return [...before, ...drawn].slice(-20000);
    });
  };
  useEffect(() => {
    const pen = canvas.current.getContext("2d"), size = (canvas.current.width = canvas.current.height = 2 * canvas.current.clientWidth);
    pen.strokeStyle = color("--line"); pen.lineWidth = 2;
    pen.beginPath(); pen.moveTo(size / 2, 0); pen.lineTo(size / 2, size); pen.moveTo(0, size / 2); pen.lineTo(size, size / 2); pen.stroke();
    for (const [x, y, name] of points) {
      pen.beginPath(); pen.arc(((x + 5) / 10) * size, ((5 - y) / 10) * size, 6, 0, 7);
      pen.fillStyle = classColor(NAMES.indexOf(name)); pen.fill();
    }
  });
  const used = new Set(points.map((p) => p[2])).size;
  return html`<div class="stack tight"><div class="chips" role="group" aria-label=${T("class")}>${NAMES.map((name, i) => html`<button class="chip" aria-pressed=${tone === i} onClick=${() => setTone(i)}><span class="legend"><i class="i${i}"></i>${T(name)}</span></button>`)}</div>
    <${DrawingArea} canvas=${canvas} label=${T("draw_here")} onDraw=${add} />
    <div class="row"><button class="button primary small" disabled=${points.length < 20 || used < 2} onClick=${() => change("points", { points })}>${T("use_points", { n: points.length })}</button><button class="button small quiet" onClick=${() => setPoints([])}>${T("clear")}</button></div>
    <p class="small soft">${T("draw_hint")} ${T("draw_keys")}</p></div>`;
}

function Columns() {
  const { data, options } = state.project;
  const setKind = (name, kind) => change("options", ({ options: now }) => {
    const changes = Object.fromEntries(KINDS.map((k) => [k, now[k].filter((n) => n !== name)]));
    return kind ? { ...changes, [kind]: [...changes[kind], name] } : changes;
  });
  const setRole = (name, role) => change("options", ({ options: now }) => {
    const drop = now.drop.filter((n) => n !== name);
    if (role === "target") return { target: name, drop };
    return { drop: role === "ignored" ? [...drop, name] : drop };
  });
  const chosen = (name) => KINDS.find((kind) => options[kind].includes(name)) ?? "";
  const all = [...data.columns, ...data.dropped.map((name) => ({ name, title: "", summary: "", why: T("left_out"), missing: 0, dropped: true }))];
  return html`<div class="table"><table><thead><tr><th>${T("column")}</th><th>${T("kind")}</th><th>${T("role")}</th><th class="right">${T("missing")}</th><th>${T("summary")}</th></tr></thead><tbody>
    ${all.slice(0, 200).map((column) => html`<tr class=${column.is_target ? "target" : column.dropped ? "ignored" : ""}><td>${column.name}</td>
      <td>${column.dropped ? "" : html`<select aria-label=${`${T("kind")}: ${column.name}`} value=${chosen(column.name)} onChange=${(event) => setKind(column.name, event.target.value)}><option value="">${column.title.replace(/[（(].*/, "")}</option>${KINDS.map((kind) => html`<option value=${kind}>${T(`kind_${kind}`)}</option>`)}</select>`}</td>
      <td><select aria-label=${`${T("role")}: ${column.name}`} value=${column.is_target ? "target" : column.dropped ? "ignored" : "input"} onChange=${(event) => setRole(column.name, event.target.value)}><option value="input">${T("input")}</option><option value="target">${T("target")}</option><option value="ignored">${T("role_ignored")}</option></select></td>
      <td class="right">${column.missing || ""}</td><td class="soft" title=${column.why}>${column.summary || column.why}</td></tr>`)}</tbody></table></div>
    ${all.length > 200 && html`<p class="small soft">${T("more_columns", { n: all.length - 200 })}</p>`}`;
}

function Rows() {
  const [page, setPage] = useState(null);
  const load = async (start) => { const rows = await attempt(() => get(`rows?start=${start}&count=12`)); if (rows) setPage(rows); };
  useEffect(() => { load(0); }, [state.project.version]);
  if (!page) return null;
  const move = (delta) => load(Math.max(0, Math.min(page.total - 1, page.start + delta)));
  return html`<section class="sheet"><header><h2>${T("rows")}</h2><div class="row"><span class="small soft numbers">${count(page.start + 1)}–${count(page.start + page.rows.length)} / ${count(page.total)}</span><button class="button small icon" aria-label=${T("previous")} disabled=${!page.start} onClick=${() => move(-12)}>‹</button><button class="button small icon" aria-label=${T("next")} disabled=${page.start + 12 >= page.total} onClick=${() => move(12)}>›</button></div></header>
    <div class="table"><table><thead><tr><th class="right">#</th>${page.columns.slice(0, 12).map((name) => html`<th>${name}</th>`)}</tr></thead><tbody>${page.rows.map((row, i) => html`<tr aria-selected=${state.row === page.start + i + 1}><td class="right"><button class="button small quiet" title=${T("show_row")} aria-label=${`${T("show_row")} ${page.start + i + 1}`} onClick=${() => update({ row: page.start + i + 1 })}>${page.start + i + 1}</button></td>${row.slice(0, 12).map((cell) => html`<td class="numbers">${cell}</td>`)}</tr>`)}</tbody></table></div></section>`;
}

export function DataView() {
  const { project } = state;
  const [draws, setDraws] = useState(false);
  const sources = html`<section class="sheet"><header><h2>${T("choose_data")}</h2><button class="button small" aria-pressed=${draws} onClick=${() => setDraws(!draws)}>${draws ? T("sets") : T("draw")}</button></header>
    ${draws ? html`<${Draw} />` : html`<div class="stack tight"><h3>${T("two_inputs")}</h3><div class="sources">${SETS.map((name) => html`<${Source} name=${name} text=${T(name === "plane" || name === "waves" ? "regression" : name === "three-arms" ? "three_classes" : "two_classes")} />`)}</div><h3>${T("tables_and_images")}</h3><div class="sources">${TABLES.map((name) => html`<${Source} name=${name} text=${T(`about_${name.replaceAll("-", "_")}`)} />`)}</div></div>`}</section>`;
  if (!project.is_open) return html`<${Lead} title=${T("data_title")} text=${T("data_empty")} /><div class="columns">${sources}<div class="stack"><${Drop} /></div></div>`;
  const { data } = project, total = data.parts.reduce((a, b) => a + b, 0) || 1;
  return html`<${Lead} title=${T("data_title")} text=${T(data.task === "classification" ? "data_classes" : "data_values", { rows: count(data.rows), source: data.source, target: data.target, classes: data.labels.length })} />
    <div class="columns"><div class="stack"><section class="sheet"><header><h2>${T("columns")}</h2><span class="small soft">${T("features", { n: data.features })}</span></header><${Columns} /></section><${Rows} />${sources}</div>
    <div class="stack"><section class="sheet stack tight"><h2>${T("split")}</h2><div class="split" role="img" aria-label=${data.use}>${data.parts.map((n) => (n ? html`<span style=${{ flex: n / total }}></span>` : ""))}</div><div class="legend">${["training", "validation", "test"].map((name, i) => html`<span><i class="i${i}"></i>${T(`part_${name}`)} ${count(data.parts[i])}</span>`)}</div><p class="small soft">${data.use}</p></section>
      <section class="sheet stack tight"><h2>${T("findings")}</h2>${data.findings.length ? data.findings.map((f) => html`<${Note} kind=${f.severity} text=${f.text}>${f.rule && html`<code class="soft small">${f.rule}</code>`}<//>`) : html`<p class="soft small">${T("no_findings")}</p>`}${data.is_standardized && html`<p class="small soft">${T("standardized")}</p>`}</section><${Drop} /></div></div>`;
}
