"""The page of the article's example computes what Python computes, and shows it in both languages."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule_examples.article_page import FILES, TEXTS

NODE, CHROMIUM = shutil.which("node"), shutil.which("chromium")
KINDS = {"mse": ("sigmoid", "half_mse"), "linear": (None, "half_mse"), "bce": (None, "binary_cross_entropy")}
NAMES = ("dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias")


def cases(count: int) -> list[dict]:
    """Random networks with one or two samples, for each kind of loss."""
    rng = np.random.default_rng(0)
    networks = []
    for i in range(count):
        rows = [
            {"x": rng.normal(size=2).tolist(), "y": float(rng.integers(2))} for _ in range(1 + i // 3 % 2)
        ]
        p = {"w": (2 * rng.normal(size=(3, 2))).tolist(), "b": rng.normal(size=3).tolist()}
        p |= {"v": (2 * rng.normal(size=3)).tolist(), "c": float(rng.normal())}
        networks.append({"p": p, "rows": rows, "kind": list(KINDS)[i % 3]})
    return networks


@pytest.mark.skipif(NODE is None, reason="there is no node here")
def test_the_page_computes_what_python_computes_for_1000_random_inputs(tmp_path: Path) -> None:
    networks = cases(1000)
    (tmp_path / "cases.json").write_text(json.dumps(networks), encoding="utf-8")
    program = (
        f"const {{step}} = require({json.dumps(str(FILES / 'network.js'))});"
        "const cases = JSON.parse(require('fs').readFileSync('cases.json'));"
        "console.log(JSON.stringify(cases.map(c => step(c.p, c.rows, 0.5, c.kind))))"
    )
    done = subprocess.run([str(NODE), "-e", program], cwd=tmp_path, capture_output=True, check=True)
    results = json.loads(done.stdout)
    trainers = {}
    for kind, (activation, loss) in KINDS.items():
        net = cr.Sequential(cr.Dense(3, "sigmoid"), cr.Dense(1, activation))
        model = cr.Model(net, loss, cr.SGD(0.5), dtype="float64", engine="reference")
        trainers[kind] = model.initialize(np.zeros((1, 2)))
    assert len(results) == 1000
    for case, result in zip(networks, results, strict=True):
        p, model = case["p"], trainers[case["kind"]]
        values = dict(zip(NAMES, (p["w"], p["b"], [p["v"]], [p["c"]]), strict=True))
        model.load_parameters(values)
        x, y = np.array([row["x"] for row in case["rows"]]), np.array([[row["y"]] for row in case["rows"]])
        g = result["gradients"]
        expected = numpy_gradients(p, x, y, case["kind"])
        for computed, value in zip((g["w"], g["b"], g["v"], g["c"]), expected, strict=True):
            np.testing.assert_allclose(computed, value, rtol=1e-9, atol=1e-15)
        outputs = [trace["yhat"] for trace in result["traces"]]
        raw = np.ravel(model.predict(x) if case["kind"] != "bce" else model.predict_proba(x)[:, 1])
        np.testing.assert_allclose(outputs, raw, rtol=1e-9)


def numpy_gradients(p: dict, x: np.ndarray, y: np.ndarray, kind: str) -> tuple:
    """The gradients by the matrix formulas of part 4 of the course."""
    w, b, v, c = (np.array(p[name]) for name in "wbvc")
    a = 1 / (1 + np.exp(-(x @ w.T + b)))
    z = a @ v[:, None] + c
    out = z if kind == "linear" else 1 / (1 + np.exp(-z))
    d = (out - y) * (out * (1 - out) if kind == "mse" else 1)
    hidden = d * v * a * (1 - a)
    return hidden.T @ x / len(x), hidden.mean(axis=0), (d.T @ a / len(x))[0], d.mean()


@pytest.mark.long
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_changed_input_changes_every_number(chainrule: Callable, lang: str) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    assert chainrule("example", "article", "--html", "page.html", "--lang", lang).code == 0
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        messages: list[str] = []
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto(f"file://{Path('page.html').resolve()}")
        before = page.inner_text("main")
        assert "0.608983" in before
        assert "0.076447" in before
        assert "0.067961" in before
        assert ("神经元" in before) == (lang == "zh")
        page.fill('[data-path=\'["rows",0,"x",0]\']', "-2")
        assert "0.608983" not in page.inner_text("main")
        page.select_option("#language", "en" if lang == "zh" else "zh")
        assert ("神经元" in page.inner_text("main")) == (lang == "en")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert messages == []
        browser.close()


def test_every_text_of_the_page_is_used() -> None:
    script = (FILES / "page.js").read_text(encoding="utf-8")
    assert [key for key in TEXTS if key not in script and not key.startswith("symbol_")] == []
