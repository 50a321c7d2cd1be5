"""A folder of images as a table: one row for each file, the folder it lies in is its class.

    pets/cat/001.png        image         class
    pets/cat/002.png   ->   cat/001.png   cat
    pets/dog/a.jpg          dog/a.jpg     dog

So everything that is known of tables (a split by classes, a task, a preparation, a fingerprint) is known of
images. The column ``image`` holds the files' names; their pixels stand beside the frame as one array of
bytes, (N, H, W, C), in the same order of rows. Rows are sorted by path, so the table is the same on every
machine. Files are decoded on several threads, each into its own place of the array.

A file may come from anyone. Pillow guesses the format from the first bytes, and has readers that start other
programs (EPS: Ghostscript) or are hardly used; only the decoders of ``FORMATS`` are tried, whatever the name
of the file. Before anything is decoded its header says how large it is, and an image of more than ``LARGEST``
pixels counts as one that cannot be decoded. A link that leads out of the folder is not followed, nor is a
link to a folder; pipes and devices are not read.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from chainrule.data.readers.datasets import CLASS, IMAGE, IMAGE_SETS, read_named_images
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.optional_dependency import missing
from chainrule.data.readers.safe_folder import open_inside
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, UsageError, nearest
from chainrule.records import frozen

SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm",
)  # fmt: skip
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")  # the decoders of SUFFIXES, and no others
LARGEST = 100_000_000  # pixels of one image: more is a bomb or a map, and no sample
GRAY = ("1", "L", "LA", "I", "F")
THREADS = 4
ROOMY = 10_000_000  # pixels of an image from which only one is decoded at a time
FREE, SWELL = 2**31, 200  # bytes that all images may take in any case, and times the bytes of their files
_LARGE = Lock()


@frozen
class _Header:
    """What a file says of itself before it is decoded; ``fault`` where it cannot be."""

    size: tuple[int, int] = (0, 0)
    is_gray: bool = True
    fault: str = ""


def read_images(
    folder: str | os.PathLike[str],
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    *,
    damaged: str = "refuse",
    labeled: bool = True,
) -> Table:
    """Read a folder of images, or a named set of images, as a table.

    Args:
        folder: holds one folder for each class, with the images in it at any depth; or ``"fashion-mnist"``,
            of which ``"fashion-mnist/train"`` and ``"fashion-mnist/test"`` are the two parts.
        size: the height and width in pixels that every image is brought to, a whole number for both; by
            default images stay as they are and must agree. Shrinking averages over what it leaves out.
        channels: 1 for gray, 3 for color (red, green, blue); by default 1 if every image is gray, else 3.
            Transparency is dropped, a turned photograph (EXIF) is turned upright, an animation gives its
            first picture.
        damaged: what to do with an image that cannot be decoded: ``"refuse"``, or ``"skip"``, which leaves it
            out and says so in the table's notices.
        labeled: whether every image must lie in a folder of a class; without, those that lie elsewhere have
            none.

    Raises:
        E101, E102 an unknown setting, or one that a named set has not; E301 no such folder; E308 small files
        that unpack to many gigabytes; E315 a named set
        that is not there; E350 Pillow is not installed; E351 no images, or no folders of classes; E352 images
        that cannot be decoded, all of them; E353 images that differ in size.

    Example:
        >>> from PIL import Image
        >>> for name in ("cat", "dog"):
        ...     Path("pets", name).mkdir(parents=True)
        ...     Image.new("L", (4, 3), 255).save(f"pets/{name}/1.png")
        >>> table = read_images("pets")
        >>> table.frame["image"].to_list(), table.images["image"].shape
        (['cat/1.png', 'dog/1.png'], (2, 3, 4, 1))
    """
    _check_settings(channels, damaged)
    wanted = _size(size)
    root = Path(folder)
    if str(folder) in IMAGE_SETS and not os.path.exists(root):
        _refuse_other_size(str(folder), size, channels)
        return read_named_images(str(folder))
    files, others = _files(root, labeled)
    headers = _each(lambda file: _header(file, root), files)
    kept, notices = _whole(root, files, headers, damaged, others)
    if wanted is None:
        wanted = _common_size(root, [(files[i], headers[i].size) for i in kept])
    depth = channels or (1 if all(headers[i].is_gray for i in kept) else 3)
    _refuse_swelling(root, [files[i] for i in kept], (len(kept), *wanted, depth))
    pixels = np.empty((len(kept), *wanted, depth), np.uint8)  # (N, H, W, C)
    faults = _each(lambda job: _decode(files[job[1]], root, pixels[job[0]]), list(enumerate(kept)))
    if any(faults):  # the header was fine, the rest is not
        pixels = pixels[[not fault for fault in faults]]
        for i, fault in zip(kept, faults, strict=True):
            headers[i] = _Header(fault=fault) if fault else headers[i]
        kept, notices = _whole(root, files, headers, damaged, others)
    return _table(root, [files[i].relative_to(root) for i in kept], pixels, notices)


def _table(root: Path, names: Sequence[Path], pixels: np.ndarray, notices: tuple[Finding, ...]) -> Table:
    classes = [name.parts[0] if len(name.parts) > 1 else None for name in names]
    columns = {IMAGE: [name.as_posix() for name in names]}
    is_labeled = any(classes)
    frame = pl.DataFrame({**columns, CLASS: classes} if is_labeled else columns)
    target = CLASS if is_labeled else None
    return Table(frame, root.name or str(root), target, images={IMAGE: pixels}, notices=notices)


def _check_settings(channels: int | None, damaged: str) -> None:
    if channels not in (None, 1, 3):
        raise UsageError(
            "E102", where="read_images", name="channels", expected="1 (gray) or 3 (color)",
            received=repr(channels), fix="channels=3",
        )  # fmt: skip
    words = ("refuse", "skip")
    if damaged not in words:
        close = nearest(str(damaged), words) or "skip"
        raise UsageError(
            "E101", where="read_images, damaged", name=damaged, expected=" or ".join(words),
            received=repr(damaged), fix=f'damaged="{close}"',
        )  # fmt: skip


def _refuse_other_size(name: str, size: Any, channels: int | None) -> None:
    """A named set is as it is: a net can begin with a layer that enlarges its images."""
    if size is not None or channels not in (None, 1):
        raise UsageError(
            "E102", where=f'read_images("{name}")', name="size" if size is not None else "channels",
            expected="none: a named set stays as it is", received=repr(channels if size is None else size),
            fix="cr.UpSampling(size=(224, 224)) as the first layer of the net",
        )  # fmt: skip


def _size(size: Any) -> tuple[int, int] | None:
    """Height and width; ``None`` where images are to stay as they are."""
    if size is None:
        return None
    pair = tuple(size) if isinstance(size, tuple | list) else (size, size)
    if len(pair) != 2 or not all(type(n) is int and 1 <= n <= 10_000 for n in pair):
        raise UsageError(
            "E102", where="read_images", name="size", expected="1 to 10000 pixels, or (height, width)",
            received=repr(size), fix="size=(64, 64)",
        )  # fmt: skip
    return pair


def _files(root: Path, labeled: bool) -> tuple[list[Path], list[Path]]:
    """The images of a folder, sorted by path, and the other files; what begins with a dot is not there."""
    if not os.path.isdir(root):
        received = "a file" if os.path.exists(root) else "no such folder"
        raise DataError("E301", where=str(root), expected="a folder", received=received)
    found = sorted(
        (
            Path(place, name)
            for place, folders, names in os.walk(root)
            for name in (*names, *_links(place, folders))
        ),
        key=lambda file: file.relative_to(root).as_posix(),
    )
    seen = [f for f in found if not any(part.startswith(".") for part in f.relative_to(root).parts)]
    files = [file for file in seen if file.name.lower().endswith(SUFFIXES)]
    others = [file for file in seen if not file.name.lower().endswith(SUFFIXES)]
    loose = [file.name for file in files if file.parent == root]
    if not files or (labeled and loose):
        received = f"{len(loose)} images in no folder of a class" if loose else f"{len(others)} other files"
        expected = f"{root.name}/CLASS/image.png" if labeled else ", ".join(SUFFIXES)
        fix = "a folder for each class, its name the class, with the images in it" if labeled else ""
        if any(file.name.lower().endswith((".wav", ".flac", ".ogg", ".mp3")) for file in others):
            fix = f'sounds = cr.read_sounds("{root.name}"); model.fit(sounds.x, sounds.y)'
        raise DataError("E351", where=str(root), expected=expected, received=received, fix=fix)
    return files, others


def _links(place: str, folders: Sequence[str]) -> list[str]:
    """Those of the folders that are links, which ``os.walk`` does not enter: they count as other files."""
    return [name for name in folders if os.path.islink(os.path.join(place, name))]


def _each(work: Callable[[Any], Any], jobs: Sequence[Any]) -> list[Any]:
    """The results of all jobs, in their order, made on several threads (Pillow decodes without Python)."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, jobs))


def _refuse_swelling(root: Path, files: Sequence[Path], shape: tuple[int, ...]) -> None:
    """Refuse small files that would fill the memory.

    Raises:
        DataError E308: they unpack to many times their size.
    """
    size, packed = math.prod(shape), sum(file.stat().st_size for file in files)
    if size > max(FREE, SWELL * packed):
        expected = f"at most {SWELL} times their size"
        received = f"{size:,} bytes of pixels from {packed:,} bytes of images"
        raise DataError("E308", where=str(root), expected=expected, received=received, fix="size=(224, 224)")


def _header(file: Path, root: Path) -> _Header:
    try:
        with _open(file, root) as image:
            width, height = image.size
            if width * height > LARGEST:  # before EXIF is asked for, which decodes a PNG
                return _Header(fault=f"{width} x {height} pixels, more than {LARGEST:,}")
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)  # EXIF's orientation: on its side
            is_gray = image.mode.partition(";")[0] in GRAY
    except DataError:
        raise
    except Exception as cause:  # a decoder meets bytes from anyone, and every kind has its own complaint
        return _Header(fault=_words(cause))
    return _Header((width, height) if turned else (height, width), is_gray)


def _decode(file: Path, root: Path, place: np.ndarray) -> str:
    """Decode a file into its place, (H, W, C); what went wrong, or ``""``."""
    height, width, depth = place.shape
    try:
        with _open(file, root) as image, _LARGE if image.width * image.height > ROOMY else nullcontext():
            place[...] = _picture(image, (width, height), depth).reshape(place.shape)
    except Exception as cause:  # as above
        return _words(cause)
    return ""


def _picture(image: Any, size: tuple[int, int], depth: int) -> np.ndarray:
    """The pixels of an opened image, upright, in the wanted size (width, height) and number of channels."""
    from PIL import Image, ImageOps  # noqa: PLC0415

    image = ImageOps.exif_transpose(image)
    if image.mode == "F" or image.mode.startswith("I"):  # 16 bits a pixel: the upper eight are kept
        wide = np.asarray(image, np.float64)
        image = Image.fromarray(np.clip(wide if image.mode == "F" else wide / 257, 0, 255).astype(np.uint8))
    image = image.convert("L" if depth == 1 else "RGB")
    if image.size != size:
        image = image.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(image)


@contextmanager
def _open(file: Path, root: Path) -> Iterator[Any]:
    """An image that is open inside the block; nothing is decoded yet."""
    try:
        from PIL import Image  # noqa: PLC0415 an optional library
    except ImportError as cause:
        raise missing("images", file) from cause
    with open_inside(file, root) as stream:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large images; LARGEST is the bound here
            image = Image.open(stream, formats=FORMATS)
        with image:
            yield image


def _words(cause: Exception) -> str:
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0][:120]


def _whole(
    root: Path, files: Sequence[Path], headers: Sequence[_Header], damaged: str, others: Sequence[Path]
) -> tuple[list[int], tuple[Finding, ...]]:
    """The numbers of the files that can be decoded, and what a person should be told."""
    broken = [i for i, header in enumerate(headers) if header.fault]
    names = [f"{files[i].relative_to(root).as_posix()}: {headers[i].fault}" for i in broken]
    if broken and (damaged == "refuse" or len(broken) == len(files)):
        rest = [f"{len(names)} such images of {len(files)}"] if len(names) > 1 else []
        raise DataError(
            "E352", where=str(files[broken[0]]), expected="an image", received=names[0].partition(": ")[2],
            notes=[*names[1:20], *rest], fix='read_images(..., damaged="skip"), or --damaged skip',
        )  # fmt: skip
    notices = []
    if broken:
        shown = "; ".join(names[:5])
        notices.append(Finding("damaged_images", "warning", {"count": len(broken), "example": shown}))
    if others:
        facts = {"count": len(others), "example": others[0].relative_to(root).as_posix()}
        notices.append(Finding("no_images", "info", facts))
    return [i for i, header in enumerate(headers) if not header.fault], tuple(notices)


def _common_size(root: Path, sizes: Sequence[tuple[Path, tuple[int, int]]]) -> tuple[int, int]:
    """The one size of all images.

    Raises:
        E353 they differ; how many have each size, with an example.
    """
    groups: dict[tuple[int, int], list[Path]] = {}
    for file, size in sizes:
        groups.setdefault(size, []).append(file)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    if len(ordered) > 1:
        lines = [f"{h} x {w}: {len(fs)} ({fs[0].relative_to(root).as_posix()})" for (h, w), fs in ordered]
        (height, width), _ = ordered[0]
        raise DataError(
            "E353", where=str(root), expected=lines[0], received=lines[1], notes=lines[2:20],
            fix=f"read_images(..., size=({height}, {width})), or --size {height}",
        )  # fmt: skip
    return ordered[0][0]
