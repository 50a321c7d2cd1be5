"""Which share of images of something else a trained image network refuses.

The novelty gate of a RUN of ``chainrule example x-ray``, ``faces``, ``fashion-mnist``, ``detect`` or
``segment`` names images unlike those of the training ``unknown``. The program writes images of each kind into
a folder, predicts them with ``chainrule predict RUN FOLDER`` and prints how many were refused:

- files of the data sets of other examples: blood smears, street scenes, faces and chest X-rays;
- handwritten digits of scikit-learn, of 8 x 8 pixels;
- white noise, and noise whose pixels depend on their neighbors, in colors.

    python -m campaigns.foreign_images runs/faces
    python -m campaigns.foreign_images runs/faces --data x-ray=pneumoniamnist.npz --data detect=BCCD.zip
"""

from __future__ import annotations

import argparse
import csv
import io
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits

from chainrule.data.datasets.cached_download import open_dataset
from chainrule.errors import ChainruleError

Images = Iterator[tuple[str, bytes]]
COMMAND = "import sys; from chainrule.apps.cli.main import main; sys.exit(main())"
UNKNOWN = "unknown"  # the class of a refused image
HEIGHT, WIDTH, SMOOTHING = 144, 192, 6.0
FILES = {
    "blood smears": ("detect", "*.jpg"),
    "street scenes": ("segment", "*/test/*.png"),
    "faces": ("faces", "*/s*/*.pgm"),
}


def _png(pixels: np.ndarray) -> bytes:
    """Return an image of bytes, (H, W) or (H, W, 3), as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _files(name: str, pattern: str, copy: str) -> Images:
    """Yield images of a data set that are files, evenly distributed over it."""
    archive = open_dataset(name, copy)
    names = archive.names(pattern)
    for file in names[:: max(len(names) // 100, 1)]:
        yield Path(file).suffix, archive.read(file)


def _x_rays(copy: str) -> Images:
    """Yield test images of the example ``x-ray``."""
    content = open_dataset("x-ray", copy).read("test_images.npy")
    for pixels in np.load(io.BytesIO(content), allow_pickle=False):
        yield ".png", _png(pixels)


def _digits(_: str) -> Images:
    """Yield digits of scikit-learn."""
    for pixels in load_digits().images:
        yield ".png", _png((pixels * 15).astype(np.uint8))


def _noise(smoothing: float) -> Callable[[str], Images]:
    """Return the source of noise in colors, whose neighbors are independent if ``smoothing`` is 0."""

    def images(_: str) -> Images:
        random = np.random.default_rng(0)
        while True:
            pixels = random.normal(size=(HEIGHT, WIDTH, 3))
            pixels = gaussian_filter(pixels, (smoothing, smoothing, 0)) if smoothing else pixels
            yield ".png", _png(np.clip(128 + 48 * pixels / pixels.std(), 0, 255).astype(np.uint8))

    return images


SOURCES: dict[str, tuple[str, Callable[[str], Images]]] = {
    **{
        kind: (name, lambda copy, name=name, pattern=pattern: _files(name, pattern, copy))
        for kind, (name, pattern) in FILES.items()
    },
    "chest X-rays": ("x-ray", _x_rays),
    "digits": ("", _digits),
    "white noise": ("", _noise(0.0)),
    "colored noise": ("", _noise(SMOOTHING)),
}


def refused(run: str, images: Images, count: int) -> tuple[int, int]:
    """Return how many of the first images a RUN refuses, and how many there are."""
    with tempfile.TemporaryDirectory() as folder:
        for number, (suffix, content) in zip(range(count), images, strict=False):
            Path(folder, f"{number:03}{suffix}").write_bytes(content)
        command = [sys.executable, "-c", COMMAND, "predict", run, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"chainrule predict: {done.stderr.strip()}")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))  # of a detector, a row for each object
    column = "prediction" if "prediction" in rows[0] else "class"
    strange = {row["image"] for row in rows if row[column] == UNKNOWN}
    return len(strange), len({row["image"] for row in rows})


def main() -> int:
    """Print the share of each kind of image that a RUN refuses."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--images", type=int, default=100, help="of each kind; 100 by default")
    parser.add_argument(
        "--data", action="append", default=[], metavar="SET=FILE", help="a copy of a data set"
    )
    options = parser.parse_args()
    copies = dict(pair.split("=", 1) for pair in options.data)
    print("| images | refused | of |\n|---|---|---|")
    for kind, (name, source) in SOURCES.items():
        try:
            count, total = refused(options.run, source(copies.get(name, "")), options.images)
        except ChainruleError as error:
            print(f"{kind}: {error.code}, {name} is not available", file=sys.stderr)
            continue
        print(f"| {kind} | {count} | {total} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
