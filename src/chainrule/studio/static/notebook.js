// The studio in a notebook: the same modules, in a frame of its own, whose requests the kernel answers.
// A module of a frame has no address, so that each is loaded from its text, after those that it imports.
function loader(window, modules) {
  const urls = new Map();
  const urlOf = (name) => {
    if (!urls.has(name)) {
      const text = modules[name].replace(/(from\s*)"\.\/([^"]+)"/g, (_, words, other) => `${words}"${urlOf(other)}"`);
      urls.set(name, window.URL.createObjectURL(new window.Blob([text], { type: "text/javascript" })));
    }
    return urls.get(name);
  };
  return urlOf;
}

function isDark() {
  const { body } = document;
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false";
  return body.classList.contains("vscode-dark") || body.classList.contains("theme-dark");
}

const textOf = async (body) => (body === undefined ? "" : typeof body === "string" ? body : await body.text());

function render({ model, el }) {
  const pending = new Map();
  let count = 0;
  const receive = (message, buffers) => {
    const done = pending.get(message.id);
    if (!done) return;
    pending.delete(message.id);
    done(new Response(buffers[0] ?? "", { status: message.status, headers: { "content-type": message.type } }));
  };
  model.on("msg:custom", receive);
  const request = async (path, options) => {
    const id = (count += 1), body = await textOf(options.body);
    return new Promise((done) => { pending.set(id, done); model.send({ id, method: options.method ?? "GET", path, body }); });
  };
  const frame = document.createElement("iframe");
  frame.title = "chainrule studio";
  frame.style.cssText = `box-sizing: border-box; width: 100%; height: ${model.get("height")}px; border: 1px solid rgb(128 128 128 / 35%); border-radius: 8px; resize: vertical;`;
  frame.addEventListener("load", () => {
    const { contentWindow: window, contentDocument: page } = frame;
    if (!page || page.getElementById("studio")) return;
    window.chainruleHost = { request, lang: model.get("lang"), theme: isDark() ? "dark" : "light" };
    const style = page.createElement("style"), place = page.createElement("div"), script = page.createElement("script");
    style.textContent = model.get("css");
    place.id = "studio";
    page.head.append(style);
    page.body.append(place);
    script.type = "module";
    script.src = loader(window, model.get("modules"))("app.js");
    page.body.append(script);
  });
  el.append(frame);
  return () => model.off("msg:custom", receive);
}

export default { render };
