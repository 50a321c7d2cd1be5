"""The moving images of the READMEs: ``python -m pages.film`` (into ``docs/images``).

    film.LANG.svg          the three commands of the README with their output, as an SVG animation
    studio-film.LANG.webp  a training in ``chainrule studio circle``, an image every few epochs

The SVG needs no script and no font; it has the colors of the reader's theme, and shows the first command
without motion to a reader who prefers none. The second film needs what ``pages.screenshots`` needs.
"""

from __future__ import annotations

import argparse
import html
import io
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright
from rich.cells import cell_len, set_cell_size

from pages.screenshots import IMAGES, TOKEN, chainrule, running_server

COLUMNS, ROWS = 112, 30
WIDTH, HEIGHT = 8.4, 18  # pixels of a character
EDGE = 16
TYPING, PAUSE, HEAD, READ = 1.4, 0.4, 1.6, 5.0  # seconds
LIMIT = 200_000  # bytes of a film
RUN = "runs/first"
COMMANDS = (
    ["train", "breast-cancer", "--out", RUN],
    ["explain", RUN, "breast-cancer", "--row", "3"],
    ["predict", RUN, "breast-cancer", "--only-predictions", "--proba"],
)
EPOCHS = (1, 4, 8, 14, 22, 32, 46, 64, 90, 130)  # of the images of the studio
STUDIO_OPTIONS = {"net": "6 tanh, 4 tanh", "learning_rate": 0.1}
STUDIO_SIZE = {"width": 1120, "height": 700}
_STYLE = """
text { font: 13.5px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, "Noto Sans Mono CJK SC", monospace;
  white-space: pre; fill: var(--ink); }
svg { --paper: #fff; --ink: #1b1f24; --edge: #d8dee4; --prompt: #1a7f37; }
@media (prefers-color-scheme: dark) {
  svg { --paper: #0d1117; --ink: #e6edf3; --edge: #3d444d; --prompt: #56d364; }
}
.paper { fill: var(--paper); } .frame { fill: var(--paper); stroke: var(--edge); }
.prompt { fill: var(--prompt); font-weight: 600; }
.cover { transform-box: fill-box; transform-origin: right; }
g, .cover { animation-duration: DURATIONs; animation-iteration-count: infinite;
  animation-timing-function: step-end; }
@media (prefers-reduced-motion: reduce) {
  g, .cover { animation: none !important; }
  .cover { display: none; }
}
"""


@dataclass(frozen=True)
class Scene:
    """A command and the screens that its output fills, each with the seconds for which it is visible."""

    command: str
    screens: tuple[tuple[tuple[str, ...], float], ...]

    @property
    def seconds(self) -> float:
        """The time of the scene."""
        return TYPING + PAUSE + sum(seconds for _, seconds in self.screens)


def scene(words: Sequence[str], output: str) -> Scene:
    """Return the scene of a command: the beginning of a long output, then its end.

    Example:
        >>> [len(lines) for lines, _ in scene(["data"], "line\\n" * 100).screens]
        [26, 26]
    """
    lines = [set_cell_size(line, COLUMNS).rstrip() for line in output.expandtabs().splitlines()]
    ends = [(tuple(lines[-(ROWS - 1) :]), READ)]
    if len(lines) > ROWS - 1:
        ends.insert(0, (tuple(lines[: ROWS - 1]), HEAD))
    return Scene(" ".join(["$ chainrule", *words]), tuple(ends))


def film(scenes: Sequence[Scene]) -> str:
    """Return the scenes, one after the other, as an SVG animation without end."""
    total = sum(part.seconds for part in scenes)
    wide, high = COLUMNS * WIDTH + 2 * EDGE, ROWS * HEIGHT + 2 * EDGE
    rules: list[str] = []
    groups: list[str] = []
    start = 0.0
    for part in scenes:
        groups += _groups(part, start, total, rules, not groups)
        start += part.seconds
    style = _STYLE.replace("DURATION", f"{total:.2f}") + "\n".join(rules)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {high:g}" width="{wide:g}" '
        f'height="{high:g}" role="img"><title>{html.escape(scenes[0].command)}</title><style>{style}</style>'
        f'<rect class="frame" x=".5" y=".5" width="{wide - 1:g}" height="{high - 1:g}" rx="8"/>'
        f"{''.join(groups)}</svg>\n"
    )


def _groups(part: Scene, start: float, total: float, rules: list[str], is_first: bool) -> Iterator[str]:
    """Yield the command and the screens of a scene, and add the rules that show each at its time."""
    end = start + part.seconds
    length = cell_len(part.command)
    prompt = "".join(_runs(part.command, 0, "prompt"))
    name = f"t{len(rules)}"
    typed, done = _percent(start + PAUSE, total), _percent(start + PAUSE + TYPING, total)
    rules.append(
        f"@keyframes {name} {{ 0% {{ transform: none; }} {typed}% {{ transform: none; "
        f"animation-timing-function: steps({length - 2}); }} "
        f"{done}%, 100% {{ transform: scaleX(0); }} }}"
    )
    cover = (
        f'<rect class="paper cover" style="animation-name:{name}" x="{EDGE + 2 * WIDTH:g}" y="{EDGE}" '
        f'width="{(length - 2) * WIDTH:g}" height="{HEIGHT}"/>'
    )
    yield _visible(prompt + cover, start, end, total, rules, is_first)
    time_of = start + PAUSE + TYPING
    for i, (lines, seconds) in enumerate(part.screens):
        text = "".join(run for row, line in enumerate(lines, 1) for run in _runs(line, row))
        last = i == len(part.screens) - 1
        yield _visible(text, time_of, time_of + seconds, total, rules, is_first and last)
        time_of += seconds


def _visible(content: str, start: float, end: float, total: float, rules: list[str], is_shown: bool) -> str:
    """Return a group that is visible between two times; without motion, it is visible if ``is_shown``."""
    name = f"v{len(rules)}"
    steps = [(0.0, start == 0), (_percent(start, total), True), (_percent(end, total), False)]
    frames = " ".join(f"{at:g}% {{ opacity: {int(on)}; }}" for at, on in dict(steps).items())
    rules.append(f"@keyframes {name} {{ {frames} }}")
    return f'<g opacity="{int(is_shown)}" style="animation-name:{name}">{content}</g>'


def _percent(seconds: float, total: float) -> float:
    return round(100 * seconds / total, 3)


def _runs(line: str, row: int, kind: str = "") -> Iterator[str]:
    """Yield a text for each run of narrow or wide characters, at its column: fonts differ in their widths."""
    column = 0
    marks = f' class="{kind}"' if kind else ""
    y = EDGE + HEIGHT * (row + 0.75)
    for run in re.findall(r"[\u2e80-\uffff]+|[^\u2e80-\uffff]+", line):
        cells = cell_len(run)
        if run.strip():
            text = run.strip()
            x = EDGE + WIDTH * (column + len(run) - len(run.lstrip()))
            yield (
                f'<text{marks} x="{x:g}" y="{y:g}" textLength="{WIDTH * cell_len(text):g}">'
                f"{html.escape(text)}</text>"
            )
        column += cells


def commands(lang: str, folder: Path) -> str:
    """Run the three commands and return their film."""
    scenes = []
    for words in COMMANDS:
        options = ["--lang", lang] if lang != "en" else []
        output = chainrule([*words, *options], folder, columns=COLUMNS)
        scenes.append(scene([*words, *options], re.sub(r"\x1b\[[0-9;]*m", "", output)))
    return film(scenes)


def studio(lang: str, image: Path, work: Path) -> None:
    """Train in the studio and write an image at each of ``EPOCHS`` as one moving image."""
    (work / "token").write_text(TOKEN)
    words = ["circle", "--no-browser", "--token-file", work / "token"]
    images: list[Image.Image] = []
    with running_server(*words, command="studio", folder=work) as server, sync_playwright() as driver:
        server.request("POST", "/api/options", STUDIO_OPTIONS)
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        locale = "zh-CN" if lang == "zh" else "en-US"
        page = browser.new_page(viewport=STUDIO_SIZE, locale=locale)  # type: ignore[arg-type]
        for epoch in EPOCHS:
            server.request("POST", "/api/train", {"until": 0, "until_epoch": epoch})
            _wait_for(server, epoch)
            page.goto(f"http://127.0.0.1:{server.port}/?token={TOKEN}#training")
            page.wait_for_selector(".wire-group", timeout=60_000)
            page.wait_for_timeout(700)
            images.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
        browser.close()
    for quality in (60, 45, 30, 15):
        options = {"quality": quality, "method": 6, "duration": [700] * (len(images) - 1) + [2500], "loop": 0}
        images[0].save(image, save_all=True, append_images=images[1:], **options)
        if image.stat().st_size <= LIMIT:
            return


def _wait_for(server: Any, epoch: int, seconds: float = 180.0) -> None:
    """Wait until the training of a server is paused at an epoch, or has ended.

    Raises:
        TimeoutError: it takes too long.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.2)
        state = server.request("GET", "/api/training").json
        is_paused, has_ended = (
            state["status"] in names for names in (("paused",), ("ended", "stopped", "failed"))
        )
        if has_ended or (is_paused and state["epoch"] >= epoch):
            return
    raise TimeoutError(f"the training has not reached epoch {epoch}")


def main() -> int:
    """Write the films of both languages; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pages.film", description=main.__doc__)
    parser.add_argument("--out", type=Path, default=IMAGES, help="the folder (default: docs/images)")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for lang in ("en", "zh"):
        with tempfile.TemporaryDirectory() as work:
            (folder / f"film.{lang}.svg").write_text(commands(lang, Path(work)), encoding="utf-8")
            studio(lang, folder / f"studio-film.{lang}.webp", Path(work))
    sizes = {file.name: file.stat().st_size for file in sorted(folder.glob("*film*"))}
    print("\n".join(f"{name}: {size // 1000} kB" for name, size in sizes.items()))
    return int(max(sizes.values()) > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
