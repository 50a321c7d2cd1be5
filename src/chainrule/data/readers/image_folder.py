"""Read a folder of images as a table: one row per file, the name of its folder is its class.

    pets/cat/001.png        image         class
    pets/cat/002.png   ->   cat/001.png   cat
    pets/dog/a.jpg          dog/a.jpg     dog

Splits by class, tasks, preparations and fingerprints of tables therefore apply to images. The column
``image`` contains the file names; the pixels are stored beside the frame as one array of bytes, (N, H, W, C),
in the same order of rows. Rows are sorted by path, so the table is the same on every machine. Files are
decoded on several threads directly into the array.

Files are untrusted; see ``image_decoding.py``. Links that leave the folder and links to folders are not
followed; pipes and devices are not read.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from chainrule.data.readers.datasets import CLASS, IMAGE, IMAGE_SETS, read_named_images
from chainrule.data.readers.folder_files import folder_files
from chainrule.data.readers.image_decoding import (
    JPEG,
    count_scans,
    decode_image,
    first_line,
    is_rotated,
    open_image,
    to_pixels,
    too_large,
)
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.safe_folder import open_inside
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, alternatives, fact
from chainrule.records import frozen
from chainrule.validation import choice, out_of_range

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm")
GRAY = ("1", "L", "LA", "I", "F")
THREADS = 4
SERIAL_PIXELS = 10_000_000  # images with more pixels are decoded one at a time
FREE, EXPANSION = (
    2**31,
    200,
)  # bytes of pixels that are always allowed; beyond them a multiple of the file sizes
_LARGE = Lock()


@frozen
class _Header:
    """The header of an image file; ``fault`` is the reason if the file cannot be decoded."""

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
        folder: contains one folder per class, with the images in it at any depth; or ``"fashion-mnist"``,
            which consists of ``"fashion-mnist/train"`` and ``"fashion-mnist/test"``.
        size: height and width in pixels to which images are resized, one integer for both; by default images
            are not resized and must have one size. Downscaling averages pixels.
        channels: 1 for grayscale, 3 for color (red, green, blue); by default 1 if every image is grayscale,
            else 3. Transparency is dropped, the orientation in EXIF is applied, and of an animation the first
            frame is read.
        damaged: ``"refuse"`` raises an error if an image cannot be decoded; ``"skip"`` leaves such images out
            and adds a notice to the table.
        labeled: whether every image must be in a class folder; otherwise images outside have no class.

    Raises:
        UsageError E101, E102: an unknown setting, or one that a named set does not have.
        DataError E301: no such folder; E308: small files that expand to many gigabytes; E315: a named set
        that is not available; E350: Pillow is not installed; E351: no images, or no class folders; E352:
        images that cannot be decoded, all of them; E353: images of different sizes.

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
    height_width = _size(size)
    root = Path(folder)
    if str(folder) in IMAGE_SETS and not os.path.exists(root):
        _refuse_other_size(str(folder), size, channels)
        return read_named_images(str(folder))
    files, others = _files(root, labeled)
    headers = _parallel_map(lambda file: _header(file, root), files)
    decodable, notices = _decodable(root, files, headers, damaged, others)
    if height_width is None:
        height_width = _common_size(root, [(files[i], headers[i].size) for i in decodable])
    depth = channels or (1 if all(headers[i].is_gray for i in decodable) else 3)
    shape = (len(decodable), *height_width, depth)
    _refuse_expansion(root, [files[i] for i in decodable], shape)
    pixels = np.empty(shape, np.uint8)  # (N, H, W, C)
    faults = _parallel_map(
        lambda job: _decode(files[job[1]], root, pixels[job[0]]), list(enumerate(decodable))
    )
    if any(faults):  # only the pixels are damaged
        pixels = pixels[[not fault for fault in faults]]
        for i, fault in zip(decodable, faults, strict=True):
            headers[i] = _Header(fault=fault) if fault else headers[i]
        decodable, notices = _decodable(root, files, headers, damaged, others)
    return _table(root, [files[i].relative_to(root) for i in decodable], pixels, notices)


def read_image(file: str | os.PathLike[str], size: tuple[int, int], channels: int) -> Table:
    """Read one image file as a table of one row without a class.

    Args:
        size: height and width to which it is resized.
        channels: 1 for grayscale, 3 for color.

    Raises:
        DataError: E301 no such file; E350 Pillow is not installed; E352 it cannot be decoded.
    """
    path = Path(file)
    if not path.exists():
        raise DataError("E301", where=str(file), received=fact("no such file"))
    try:
        with open_inside(path, path.parent) as stream:
            content = stream.read()
    except (OSError, ValueError) as error:
        raise DataError("E352", where=str(file), expected=fact("an image"), received=str(error)) from error
    pixels = decode_image(content, str(file), channels, size)[None]  # (1, H, W, C)
    return _table(path.parent, [Path(path.name)], pixels, ())


def _table(root: Path, names: Sequence[Path], pixels: np.ndarray, notices: tuple[Finding, ...]) -> Table:
    classes = [name.parts[0] if len(name.parts) > 1 else None for name in names]
    columns = {IMAGE: [name.as_posix() for name in names]}
    is_labeled = any(classes)
    frame = pl.DataFrame({**columns, CLASS: classes} if is_labeled else columns)
    target = CLASS if is_labeled else None
    return Table(frame, root.name or str(root), target, images={IMAGE: pixels}, notices=notices)


def _check_settings(channels: int | None, damaged: str) -> None:
    if channels not in (None, 1, 3):
        raise out_of_range(channels, "channels", "read_images", fact("1 (gray) or 3 (color)"), 3)
    choice(damaged, ("refuse", "skip"), "damaged", "read_images", example="skip")


def _refuse_other_size(name: str, size: Any, channels: int | None) -> None:
    """Refuse to resize or recolor a named set; the network can resize its images."""
    if size is not None or channels not in (None, 1):
        value = channels if size is None else size
        where = f'read_images("{name}")'
        expected = fact("none: a named set stays as it is")
        fix = fact("cr.UpSampling(size=(224, 224)) as the first layer of the network")
        raise out_of_range(value, "size" if size is not None else "channels", where, expected, fix=fix)


def _size(size: Any) -> tuple[int, int] | None:
    """Return height and width; ``None`` if images are not resized."""
    if size is None:
        return None
    pair = tuple(size) if isinstance(size, tuple | list) else (size, size)
    if len(pair) != 2 or not all(type(n) is int and 1 <= n <= 10_000 for n in pair):
        raise out_of_range(
            size, "size", "read_images", fact("1 to 10000 pixels, or (height, width)"), fix="size=(64, 64)"
        )
    return pair


def _files(root: Path, labeled: bool) -> tuple[list[Path], list[Path]]:
    """Return the images and the other files of a folder, sorted by path, without hidden ones."""
    visible = folder_files(root, SUFFIXES, "E351")
    files = [file for file in visible if file.name.lower().endswith(SUFFIXES)]
    others = [file for file in visible if not file.name.lower().endswith(SUFFIXES)]
    loose = [file.name for file in files if file.parent == root]
    if not files or (labeled and loose):
        received = (
            fact("{count} images in no folder of a class", count=len(loose))
            if loose
            else fact("{count} other files", count=len(others))
            if others
            else fact("no files")
        )
        suffixes = ", ".join(SUFFIXES)
        expected = f"{root.name}/CLASS/image.png" if labeled else fact("files {suffixes}", suffixes=suffixes)
        fix = fact("a folder for each class, its name the class, with the images in it") if labeled else ""
        if any(file.name.lower().endswith((".wav", ".flac", ".ogg", ".mp3")) for file in others):
            fix = f'sounds = cr.read_sounds("{root.name}"); model.fit(sounds.x, sounds.y)'
        raise DataError("E351", where=str(root), expected=expected, received=received, fix=fix)
    return files, others


def _parallel_map(work: Callable[[Any], Any], jobs: Sequence[Any]) -> list[Any]:
    """Run jobs on several threads and return their results in order (Pillow releases the GIL)."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, jobs))


def _refuse_expansion(root: Path, files: Sequence[Path], shape: tuple[int, ...]) -> None:
    """Refuse files whose pixels need far more memory than the files themselves (E308)."""
    size, packed = math.prod(shape), sum(file.stat().st_size for file in files)
    if size > max(FREE, EXPANSION * packed):
        expected = fact("at most {ratio} times their size", ratio=EXPANSION)
        received = fact("{size:,} bytes of pixels from {packed:,} bytes of images", size=size, packed=packed)
        raise DataError("E308", where=str(root), expected=expected, received=received, fix="size=(224, 224)")


def image_sizes(folder: str | os.PathLike[str], names: Sequence[str]) -> np.ndarray:
    """Return height and width of the images that ``read_images`` reads as stored in their files, (N, 2)."""
    root = Path(folder)
    return np.array([header.size for header in _parallel_map(lambda name: _header(root / name, root), names)])


def _header(file: Path, root: Path) -> _Header:
    try:
        with _open(file, root) as image:
            width, height = image.size
            if reason := too_large(image):  # before reading EXIF, which decodes a PNG
                return _Header(fault=reason)
            rotated = is_rotated(image)
            is_gray = image.mode.partition(";")[0] in GRAY
    except DataError:
        raise
    except Exception as cause:  # decoders raise many types for invalid bytes
        return _Header(fault=first_line(cause))
    return _Header((width, height) if rotated else (height, width), is_gray)


def _decode(file: Path, root: Path, place: np.ndarray) -> str:
    """Decode a file into ``place``, (H, W, C); returns the reason of a failure, or ``""``."""
    height, width, depth = place.shape
    try:
        with (
            open_inside(file, root) as stream,
            open_image(stream, file) as image,
            _LARGE if image.width * image.height > SERIAL_PIXELS else nullcontext(),
        ):
            if reason := too_large(image, count_scans(stream) if image.format in JPEG else 0):
                return reason
            place[...] = to_pixels(image, (width, height), depth)
    except Exception as cause:  # as above
        return first_line(cause)
    return ""


@contextmanager
def _open(file: Path, root: Path) -> Iterator[Any]:
    """Open an image of the folder without decoding it."""
    with open_inside(file, root) as stream, open_image(stream, file) as image:
        yield image


def _decodable(
    root: Path, files: Sequence[Path], headers: Sequence[_Header], damaged: str, others: Sequence[Path]
) -> tuple[list[int], tuple[Finding, ...]]:
    """Return the indices of the files that can be decoded, and the notices for the user."""
    broken = [i for i, header in enumerate(headers) if header.fault]
    names = [f"{files[i].relative_to(root).as_posix()}: {headers[i].fault}" for i in broken]
    if broken and (damaged == "refuse" or len(broken) == len(files)):
        rest = (
            [fact("{count} such images of {total}", count=len(names), total=len(files))]
            if len(names) > 1
            else []
        )
        raise DataError(
            "E352",
            where=str(files[broken[0]]),
            expected=fact("an image"),
            received=names[0].partition(": ")[2],
            notes=[*names[1:20], *rest],
            fix=alternatives('read_images(..., damaged="skip")', "--damaged skip"),
        )
    notices = []
    if broken:
        example = "; ".join(names[:5])
        notices.append(Finding("damaged_images", "warning", {"count": len(broken), "example": example}))
    if others:
        facts = {"count": len(others), "example": others[0].relative_to(root).as_posix()}
        notices.append(Finding("no_images", "info", facts))
    return [i for i, header in enumerate(headers) if not header.fault], tuple(notices)


def _common_size(root: Path, sizes: Sequence[tuple[Path, tuple[int, int]]]) -> tuple[int, int]:
    """Return the common size of all images.

    Raises:
        DataError E353: the sizes differ; lists the number of images of each size, with an example.
    """
    groups: dict[tuple[int, int], list[Path]] = {}
    for file, size in sizes:
        groups.setdefault(size, []).append(file)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    if len(ordered) > 1:
        lines = [f"{h} x {w}: {len(fs)} ({fs[0].relative_to(root).as_posix()})" for (h, w), fs in ordered]
        (height, width), _ = ordered[0]
        fix = alternatives(f"read_images(..., size=({height}, {width}))", f"--size {height}")
        raise DataError(
            "E353", where=str(root), expected=lines[0], received=lines[1], notes=lines[2:20], fix=fix
        )
    return ordered[0][0]
