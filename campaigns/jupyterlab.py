"""Open the studio of a model in JupyterLab, without a network, and derive a weight by a click.

    python -m venv x && x/bin/python -m pip install jupyterlab -e '.[studio]'
    python -m campaigns.jupyterlab --jupyter x/bin/jupyter-lab [--screenshot FILE]

The kernel is that of the environment of JupyterLab, which therefore needs chainrule. A notebook trains a
network and ends with ``model.studio(x, y)``. Chromium, which reaches this machine alone, opens it in
JupyterLab, runs the cell, clicks the first weight of the drawing and then opens "Predict". Then JupyterLab
runs the notebook without its extension for widgets, and shows the page without scripts. The command prints
what the pages showed, and returns 1 if the derivation or the page is missing or JupyterLab reported an error.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser_visit import chromium
from chainrule.course import notebook

CELL = """\
import numpy as np
import chainrule as cr
x = np.random.default_rng(0).normal(size=(50, 2))
y = (x[:, 0] > 0).astype(int)
model = cr.Model(cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(2)), "cross_entropy")
model.fit(x, y, epochs=5, verbose=False)
model.studio(x, y)"""
MANAGER = "@jupyter-widgets/jupyterlab-manager"  # the extension that shows widgets
ERRORS = ".jp-OutputArea-child [data-mime-type$=stderr], .jp-OutputArea-child [data-mime-type$=error]"
SECONDS, MILLISECONDS = 60, 120_000


def main(words: Sequence[str] | None = None) -> int:
    """Run the notebook in JupyterLab; return 0 if the page showed a derivation."""
    parser = argparse.ArgumentParser("python -m campaigns.jupyterlab", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--jupyter", default="jupyter-lab", help="the command (default: jupyter-lab)")
    parser.add_argument("--screenshot", metavar="FILE", help="where to write a PNG of the page")
    options = parser.parse_args(words)
    if shutil.which(options.jupyter) is None:
        parser.error(f"there is no {options.jupyter}; python -m pip install jupyterlab")
    problems: list[str] = []
    with chromium() as browser:
        with _page(browser, options.jupyter, True, problems) as page:
            text = _derived(page)
            if options.screenshot:
                page.screenshot(path=options.screenshot)
        with _page(browser, options.jupyter, False, problems) as page:
            title = page.locator(".jp-OutputArea .chainrule h1").inner_text(timeout=MILLISECONDS)
    print(*text.splitlines()[:12], "", f"without widgets: {title}", sep="\n")
    print(*problems, sep="\n")
    return int(bool(problems) or "dense1.weight" not in text)


@contextmanager
def _page(browser: Any, command: str, has_widgets: bool, problems: list[str]) -> Iterator[Any]:
    """Yield a page of JupyterLab in which the cell has run; its errors are added to a list."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "studio.ipynb").write_text(notebook(f"```python\n{CELL}\n```\n"))
        environment = os.environ | {"JUPYTER_CONFIG_DIR": folder}
        if not has_widgets:
            extensions = str(Path(shutil.which(command) or command).with_name("jupyter-labextension"))
            words = [extensions, "disable", "--level=user", MANAGER]
            subprocess.run(words, env=environment, check=True, capture_output=True)
        with _jupyterlab(command, folder, environment) as address:
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.goto(address)
            _run_cell(page)
            outputs = page.locator(
                f".jp-OutputArea-output iframe, .jp-OutputArea-output .chainrule, {ERRORS}"
            )
            outputs.first.wait_for(timeout=MILLISECONDS)
            errors = page.locator(ERRORS).all_inner_texts()
            if errors:
                raise SystemExit("\n".join(text.rstrip().rpartition("\n")[2] for text in errors))
            yield page


def _run_cell(page: Any) -> None:
    """Run the first cell; JupyterLab skips it without a message until the kernel is connected."""
    cell = page.locator(".jp-Cell").first
    for _ in range(SECONDS):
        cell.locator(".cm-content").click(timeout=MILLISECONDS)
        page.keyboard.press("Shift+Enter")
        page.wait_for_timeout(1000)
        if cell.locator(".jp-InputPrompt").inner_text().strip() != "[ ]:":
            return
    raise TimeoutError(f"the cell has not run after {SECONDS} attempts")


@contextmanager
def _jupyterlab(command: str, folder: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the address of the notebook in a JupyterLab that runs in a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    words = [command, "--no-browser", "--allow-root", f"--port={port}", f"--IdentityProvider.token={token}"]
    process = subprocess.Popen(words, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}/lab/tree/studio.ipynb?token={token}"
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    """Wait until a server accepts connections."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(f"no server at port {port} after {SECONDS} s")


def _derived(page: Any) -> str:
    """Click a weight, open the predictions, and return the text of the derivation."""
    frame = page.frame_locator(".jp-OutputArea iframe")
    frame.locator(".wire-group").first.dispatch_event("click", timeout=MILLISECONDS)
    frame.locator(".inspector math").first.wait_for(timeout=MILLISECONDS)
    text = frame.locator(".inspector").inner_text()
    frame.locator('.tabs a[href="#predict"]').click()
    frame.locator(".bar").first.wait_for(timeout=MILLISECONDS)
    return str(text)


if __name__ == "__main__":
    sys.exit(main())
