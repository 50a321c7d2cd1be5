// Take away: the model, the program, the explanation, and every export that exists.
import { Lead, Note, Program, T, get, html, quoted, response, state, useLatest, useState } from "./core.js";

const FILES = { model: "model.safetensors", program: "train.py", explanation: "explanation.html", page: "model.html", numpy: "model.py", c: "model-c.zip", onnx: "model.onnx", data: "data.csv" };

export function FilesView() {
  const [failed, setFailed] = useState({}), [busy, setBusy] = useState(""), [notices, setNotices] = useState([]);
  useLatest(() => get("export-notices").catch(() => ({ notices: [] })), (record) => setNotices(record.notices), [state.project.version, state.lang, state.latest?.is_final]);
  const take = async (event, kind) => {
    event.preventDefault();
    setBusy(kind);
    const taken = await response(`export/${kind}`).catch(() => null);
    setBusy("");
    if (!taken?.ok) { const error = taken ? await taken.json() : { error: T("no_server") }; setFailed({ ...failed, [kind]: `${error.error} ${error.fix ?? ""}` }); return; }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await taken.blob());
    link.download = FILES[kind];
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 2000);
    state.seen.add("file");
    setFailed({ ...failed, [kind]: "" });
  };
  const run = state.training.run || state.project.run, data = quoted(state.project.data?.source ?? ""), folder = quoted(run || "");
  return html`<${Lead} title=${T("files_title")} text=${T("files_text")} />
    <div class="stack">${notices.map((text) => html`<${Note} kind="warning" text=${text} />`)}<div class="files">${Object.entries(FILES).filter(([kind]) => state.project.exports.includes(kind)).map(([kind, name]) => html`<a class="file" href="/api/export/${kind}" onClick=${(event) => take(event, kind)}><strong>${T(`file_${kind}`)}</strong><p>${T(`file_${kind}_text`)}</p><span class="mono">${busy === kind ? T("writing") : name}</span>${failed[kind] && html`<p role="alert">${failed[kind]}</p>`}</a>`)}</div>
    <section class="sheet stack tight"><h2>${T("in_terminal")}</h2><p class="soft small">${run ? T("run_is_here", { run }) : T("run_comes")}</p><${Program} name="commands.sh" text=${run ? [`chainrule show ${folder}`, `chainrule explain ${folder} ${data} --row 1`, `chainrule predict ${folder} ${data}`, `chainrule serve ${folder}`].join("\n") : state.project.programs.command} /></section></div>`;
}
