"""Accessibility and size of exported HTML pages.

    npm install axe-core
    python -m campaigns.exported_pages node_modules/axe-core/axe.min.js

Pages of a table with all kinds of columns, of images, of numbers and of sequences are exported, and opened in
Chromium by Playwright from the disk: in both languages, light and dark, on wide and narrow screens. axe-core
lists violations of its rules; the size of a page is stated beside that of its weights. Exit code 1: there was
a violation, a request, an error of the script, or a page above 60 kB beside its weights.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr

LARGEST, ROWS = 60_000, 60
VIEWS = list(itertools.product(("light", "dark"), (1200, 380)))


def models() -> dict[str, cr.Model]:
    """A model for each kind of page."""
    rng = np.random.default_rng(0)
    words, days = "blue red paper etching".split(), np.datetime64("2019-01-01") + np.arange(ROWS)
    rows = {
        "title": [" ".join(rng.choice(words, 3)) for _ in range(ROWS)],
        "city": rng.choice(["Rome", "北京"], ROWS).tolist(),
        "age": rng.normal(40, 9, ROWS).tolist(),
        "day": days.astype(str).tolist(),
        "clock": [f"{i % 24:02}:{7 * i % 60:02}" for i in range(ROWS)],
        "member": ["yes" if i % 3 else "no" for i in range(ROWS)],
        "y": ["high" if i % 2 else "low" for i in range(ROWS)],
    }
    dense = cr.Sequential(cr.Dense(8, "relu"), cr.Dense(2))
    of_table = cr.Model(dense, "cross_entropy")
    of_table.fit(rows, "y", kinds={"title": "text"}, epochs=2, verbose=False)
    pages = {"table": of_table}
    nets = {
        "image": (cr.Sequential(cr.Conv(4, 3), cr.Flatten(), cr.Dense(2)), (16, 16, 1)),
        "numbers": (dense, (4,)),
        "sequence": (cr.Sequential(cr.GRU(4), cr.Dense(2)), (9, 10)),
    }
    for name, (net, shape) in nets.items():
        model = cr.Model(net, "cross_entropy")
        x = rng.normal(size=(ROWS, *shape)).astype("float32")
        pages[name] = model.fit(x, np.arange(ROWS) % 2, epochs=1, verbose=False) and model
    return pages


def checked(browser: Any, file: Path, axe: str) -> list[str]:
    """Return what is wrong with a page, in all views and both languages."""
    faults: list[str] = []
    for scheme, width in VIEWS:
        size = {"width": width, "height": 900}
        context = browser.new_context(color_scheme=scheme, viewport=size, bypass_csp=True)
        page = context.new_page()
        requests: list[str] = []
        page.on("pageerror", lambda error, faults=faults: faults.append(str(error)))
        page.on("request", lambda request, requests=requests: requests.append(request.url))
        page.goto(file.as_uri())
        for lang in ("en", "zh"):
            page.click(f"label[for=lang-{lang}]")
            page.wait_for_timeout(200)
            page.evaluate(axe)
            violations = page.evaluate("axe.run()")["violations"]
            faults += [
                f"{scheme}, {width}, {lang}: {v['id']}: {v['nodes'][0]['html'][:80]}" for v in violations
            ]
        faults += requests[1:]
        context.close()
    return faults


def main(words: Sequence[str] | None = None) -> int:
    """Export and check all pages; print a line for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("axe", type=Path, help="axe.min.js of the package axe-core")
    axe = parser.parse_args(words).axe.read_text(encoding="utf-8")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (optional)

    is_wrong = False
    with tempfile.TemporaryDirectory() as place, sync_playwright() as driver:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name, model in models().items():
            file = Path(place) / f"{name}.html"
            size = model.export(file).bytes
            weights = sum(array.nbytes for array in model.parameters().values()) * 4 // 3
            faults = checked(browser, file, axe)
            is_wrong |= bool(faults) or size - weights > LARGEST
            views = f"{2 * len(VIEWS)} views, {len(faults)} faults"
            print(
                f"{name}: {size:,} bytes, {size - weights:,} beside the weights; {views}", *faults, sep="\n  "
            )
        browser.close()
    return int(is_wrong)


if __name__ == "__main__":
    sys.exit(main())
