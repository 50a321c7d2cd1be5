"""Write the images of the READMEs: ``python -m pages.screenshots`` (into ``docs/images``).

    explanation.LANG.png   the page of ``chainrule explain ... --html``, by Chromium
    studio.LANG.webp, studio-training.LANG.webp   views of ``chainrule studio circle`` after 20 epochs
    studio-views.LANG.webp   all its views, small: a row for each theme and width

Needs playwright, a ``chromium`` on the path and a font with Chinese characters. Some sections of the page are
hidden, so that the drawing and the derivation fit into one image.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from server_process import TOKEN, running_server

TRAINED = {"until": 0, "until_epoch": 20}
IMAGES = Path(__file__).parents[1] / "docs" / "images"
COLUMNS = 110
RUN = "runs/iris"
TRAIN = ["train", "iris", "--net", "4 tanh", "--seed", "0", "--out", RUN]
EXPLAIN = ["explain", RUN, "iris", "--row", "3", "--weight", "dense1.weight[0,1]"]
_PROGRAM = "import sys; from chainrule.apps.cli.main import main; sys.exit(main(sys.argv[1:]))"
_SIZE = {"width": 860, "height": 1000}
# Only the drawing and the derivation: without switches, contents, notation, product and update.
_HIDDEN = "nav, p.leads, #{lang}-s1, #{lang}-s3, #{lang}-s5 {{ display: none !important }}"


def chainrule(arguments: list[str], folder: Path, columns: int = COLUMNS) -> str:
    """What a command writes to a terminal, with its colors."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(columns), "TERM": "xterm-256color"}
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def explanation(page: Path, lang: str, image: Path) -> None:
    """An image of a page of an explanation."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        opened = browser.new_page(viewport=_SIZE)  # type: ignore[arg-type]
        opened.goto(page.as_uri())
        opened.add_style_tag(content=_HIDDEN.format(lang=lang))
        opened.screenshot(path=image, full_page=True)
        browser.close()


STUDIO_SIZE = {"width": 1280, "height": 860}
STUDIO_VIEWS = {"chain": "studio", "training": "studio-training"}


def studio(lang: str, folder: Path, work: Path) -> None:
    """Images of the studio: a network of two layers after 20 epochs, and one of its weights."""
    (work / "token").write_text(TOKEN)
    words = ["circle", "--no-browser", "--token-file", work / "token"]
    with running_server(*words, command="studio", folder=work) as server, sync_playwright() as driver:
        for path, body in (("options", {"net": "4 tanh, 3 tanh", "learning_rate": 0.3}), ("train", TRAINED)):
            server.request("POST", f"/api/{path}", body)
        while server.request("GET", "/api/training").json["status"] != "paused":
            time.sleep(0.2)
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        locale = "zh-CN" if lang == "zh" else "en-US"
        page = browser.new_page(viewport=STUDIO_SIZE, locale=locale)  # type: ignore[arg-type]
        page.goto(f"http://127.0.0.1:{server.port}/?token={TOKEN}")
        for view, name in STUDIO_VIEWS.items():
            page.evaluate(f"location.hash = {view!r}")
            page.wait_for_selector(".wire-group", timeout=60_000)
            if view == "chain":
                page.locator(".wire-group").nth(2).dispatch_event("click")
                page.wait_for_selector(".inspector math", timeout=60_000)
            page.wait_for_timeout(1500)
            image = Image.open(io.BytesIO(page.screenshot()))
            image.save(folder / f"{name}.{lang}.webp", quality=78, method=6)
        page.close()
        all_views(browser, f"http://127.0.0.1:{server.port}", locale, folder / f"studio-views.{lang}.webp")
        browser.close()


ALL_VIEWS = ("data", "network", "training", "chain", "predict", "files")
LOOKS = tuple((theme, width) for width in (1280, 820, 390) for theme in ("light", "dark"))
SMALL, GAP = 210, 6  # height of a view in the image of all of them, and space between two, in pixels


def all_views(browser: Any, address: str, locale: str, file: Path) -> None:
    """Image of all views of a studio, a row for each width and theme, one for both themes of a phone."""
    rows: list[list[Image.Image]] = []
    for theme, width in LOOKS:
        size = {"width": width, "height": 860}
        page = browser.new_page(viewport=size, locale=locale, color_scheme=theme)
        page.goto(f"{address}/?token={TOKEN}")
        views = []
        for view in ALL_VIEWS:
            page.evaluate(f"location.hash = {view!r}")
            page.wait_for_selector(f'.tabs a[aria-current="page"][href="#{view}"]')
            page.wait_for_timeout(1200)
            image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            views.append(
                image.resize((round(image.width * SMALL / image.height), SMALL), Image.Resampling.LANCZOS)
            )
        page.close()
        rows.append(views)
    rows[-2:] = [rows[-2] + rows[-1]]
    width = max(sum(image.width + GAP for image in views) for views in rows)
    sheet = Image.new("RGBA", (width - GAP, len(rows) * (SMALL + GAP) - GAP))  # transparent
    for number, views in enumerate(rows):
        left = 0
        for image in views:
            sheet.paste(image, (left, number * (SMALL + GAP)))
            left += image.width + GAP
    sheet.save(file, quality=72, method=6)


def main() -> int:
    """Train a small network, explain one of its weights and write the images; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pages.screenshots", description=main.__doc__)
    parser.add_argument("--out", type=Path, default=IMAGES, help="the folder (default: docs/images)")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for lang in ("en", "zh"):
        with tempfile.TemporaryDirectory() as work:
            chainrule([*TRAIN, "--lang", lang], Path(work))
            page = Path(work) / "explanation.html"
            chainrule([*EXPLAIN, "--lang", lang, "--html", str(page)], Path(work))
            explanation(page, lang, folder / f"explanation.{lang}.png")
            studio(lang, folder, Path(work))
    for file in sorted(folder.iterdir()):
        print(f"{file}: {file.stat().st_size // 1000} kB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
