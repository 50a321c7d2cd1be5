"""Write the image of a page of an example: ``python -m pages.example_images NAME RUN/PAGE.html [SECTION]``.

The image is ``docs/images/example-NAME.webp``: the top of a page that ``chainrule example NAME --out RUN``
wrote, or with SECTION, from 1, that section of it, at most 640 x 800 pixels. Needs playwright and a
``chromium`` on the path.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDTH, HEIGHT = 640, 800
LARGEST = 40_000  # bytes
QUALITIES = (80, 60, 40)  # of webp: the first of which the file is small enough


def picture(page: Path, section: int) -> Image.Image:
    """The top of a page, or of one of its sections."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": WIDTH, "height": 100})
        opened.goto(page.resolve().as_uri())
        content = (
            opened.locator("section").nth(section - 1).screenshot()
            if section
            else opened.screenshot(full_page=True)
        )
        browser.close()
    image = Image.open(io.BytesIO(content)).convert("RGB")
    return image.crop((0, 0, image.width, min(HEIGHT, image.height)))


def main(words: Sequence[str] | None = None) -> int:
    """Write the image; returns 1 if it is too large."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name")
    parser.add_argument("page", type=Path)
    parser.add_argument("section", type=int, nargs="?", default=0)
    options = parser.parse_args(words)
    image = picture(options.page, options.section)
    file = IMAGES / f"example-{options.name}.webp"
    size = LARGEST + 1
    for quality in QUALITIES:
        if size > LARGEST:
            image.save(file, quality=quality, method=6)
            size = file.stat().st_size
    print(f"{file.name}: {image.width} x {image.height} pixels, {size:,} bytes")
    return int(size > LARGEST)


if __name__ == "__main__":
    sys.exit(main())
