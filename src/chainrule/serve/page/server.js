// Sends the request of a form and writes the response below it, as text.

async function send(form, button) {
  const output = form.querySelector("output");
  const buttons = form.querySelectorAll("button");
  buttons.forEach((each) => { each.disabled = true; });
  let text;
  try {
    const response = await fetch(button.dataset.path + form.dataset.query, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Accept-Language": document.documentElement.lang },
      body: form.querySelector("textarea").value,
    });
    text = `${response.status}\n${JSON.stringify(await response.json(), null, 2)}`;
  } catch (error) {
    text = String(error);
  }
  const block = document.createElement("pre");
  block.tabIndex = 0;
  block.textContent = text;
  output.replaceChildren(block);
  buttons.forEach((each) => { each.disabled = false; });
}

for (const button of document.querySelectorAll("button[data-path]")) {
  button.addEventListener("click", () => send(button.form, button));
}
