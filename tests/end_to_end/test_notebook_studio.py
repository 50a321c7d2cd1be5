"""``model.studio()``: the page of the studio as a widget, in a browser, with responses of the kernel."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import UsageError
from chainrule.studio import notebook

pytest.importorskip("starlette")
pytest.importorskip("anywidget")

from browser_visit import chromium, needs_chromium

HOST = """
async ([esm, state]) => {
  const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  const listeners = new Set();
  const model = {
    get: (name) => state[name],
    on: (_, listener) => listeners.add(listener), off: (_, listener) => listeners.delete(listener),
    send: async (message) => {
      const [record, body] = JSON.parse(await window.ask(JSON.stringify(message)));
      const bytes = Uint8Array.from(atob(body), (sign) => sign.charCodeAt(0));
      for (const listener of listeners) listener(record, [bytes]);
    },
  };
  (await import(url)).default.render({ model, el: document.body });
}
"""


@pytest.fixture(scope="module")
def model() -> Any:
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    trained = cr.Model(cr.Sequential(cr.Dense(3, "tanh"), cr.Dense(2)), "cross_entropy")
    trained.fit(x, (x[:, 0] > 0).astype(int), epochs=2, verbose=False)
    return trained, x, (x[:, 0] > 0).astype(int)


@pytest.mark.long
@needs_chromium
def test_the_widget_shows_the_derivation_of_a_weight(model: Any) -> None:
    trained, x, y = model
    widget = trained.studio(x, y)

    def ask(text: str) -> str:
        message = json.loads(text)
        status, kind, body = widget.respond(message["method"], message["path"], message["body"])
        record = {"id": message["id"], "status": status, "type": kind}
        return json.dumps([record, base64.b64encode(body).decode()])

    with chromium() as browser:
        page = browser.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.expose_function("ask", ask)
        page.goto("data:text/html,<title>notebook</title><body></body>")
        names = ("modules", "css", "lang", "height")
        page.evaluate(HOST, [widget._esm, {name: getattr(widget, name) for name in names}])
        frame = page.frame_locator("iframe")
        frame.locator(".wire-group").first.dispatch_event("click", timeout=60_000)
        frame.locator(".inspector math").first.wait_for(timeout=60_000)
        assert "dense1.weight" in frame.locator(".inspector").inner_text()
        frame.locator('.tabs a[href="#predict"]').click()
        frame.locator(".bar").first.wait_for(timeout=60_000)
        assert frame.locator(".tabs a").count() == 3
        assert problems == []


def test_without_widgets_a_page_is_shown(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trained, x, y = model
    data, _ = trained.studio(x, y)._repr_mimebundle_()
    assert {"text/html", "application/vnd.jupyter.widget-view+json"} <= set(data)
    monkeypatch.setattr(notebook, "LIBRARIES", ("no_such_library",))
    html = trained.studio(x, y)._repr_html_()
    assert "<math" in html
    assert "<script" not in html
    assert "Dense(3" in trained.studio()._repr_html_()
    with pytest.raises(UsageError):
        trained.studio(height=20)


def test_models_and_tables_have_a_display() -> None:
    untrained = cr.Model(cr.Sequential(cr.Dense(3, "tanh"), cr.Dense(2)), "cross_entropy")
    assert "Dense(3" in untrained._repr_html_()
    assert "<table" in cr.read_table({"a": [1, 2], "b": ["<b>", "c"]})._repr_html_()
    assert "<b>" not in cr.read_table({"a": ["<b>"], "b": ["c"]})._repr_html_()
