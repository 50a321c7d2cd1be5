"""Decode images with Pillow; folders of images, and images in memory, as tables of one row per image."""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

import numpy as np

from chainrule.data.readers.builtin_datasets import CLASS, IMAGE, IMAGE_SETS, read_named_images
from chainrule.data.readers.data_folder import folder_files, open_inside
from chainrule.data.readers.decoder_messages import quiet_images
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.npz import array_of
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, alternatives, fact
from chainrule.optional_dependency import missing
from chainrule.records import frozen
from chainrule.symbolic_shape import shape_text
from chainrule.validation import choice, out_of_range

# Images in memory as a table, like a folder of images.


def image_table(pixels: np.ndarray, names: Sequence[str], classes: Sequence[str], source: str) -> Table:
    """Return images in memory as a table with the columns ``image`` and ``class``; see ``read_images``.

    Args:
        pixels: (N, H, W, C) bytes, with 1 or 3 channels.
        names: (N,) a name for each image.
        classes: (N,) the class of each image.
        source: a name for messages.

    Example:
        >>> table = image_table(np.zeros((2, 4, 4, 1), np.uint8), ["a", "b"], ["cat", "dog"], "pets")
        >>> table.columns, table.target
        (('image', 'class'), 'class')
    """
    frame = pl.DataFrame({IMAGE: list(names), CLASS: list(classes)})
    return Table(frame, source, CLASS, images={IMAGE: pixels})


def labeled_images(images: bytes, labels: bytes, classes: Sequence[str], source: str) -> Table:
    """Return images and class numbers in two ``.npy`` files as a table.

    Args:
        images: the bytes of a file of bytes, (N, H, W), (N, H, W, 1) or (N, H, W, 3).
        labels: the bytes of a file of integers, (N,) or (N, 1).
        classes: the name of each class number.
        source: a name for messages; images are named by it and their row, from 1.

    Raises:
        DataError E314, E316: as ``array_of``. E329: a class number without a name. E344: different numbers of
            images and labels. E354: no images.
    """
    x, y = array_of(images, f"{source}, images"), array_of(labels, f"{source}, labels")
    pixels = x[..., None] if x.ndim == 3 else x
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or 0 in pixels.shape or pixels.shape[3] not in (1, 3):
        expected, received = fact("(N, H, W) or (N, H, W, 3) bytes"), f"{x.dtype} {shape_text(x.shape)}"
        raise DataError("E354", where=f"{source}, images", expected=expected, received=received)
    numbers = y.reshape(-1) if y.ndim == 2 and y.shape[1] == 1 else y
    if numbers.shape != pixels.shape[:1] or numbers.dtype.kind not in "iu":
        where = f"{source}, labels"
        expected = fact("{count} integers, one for each image", count=len(pixels))
        raise DataError("E344", where=where, expected=expected, received=f"{y.dtype} {shape_text(y.shape)}")
    unknown = np.flatnonzero((numbers < 0) | (numbers >= len(classes)))
    if len(unknown):
        row = int(unknown[0])
        where = fact("row {row} of {source}", row=row + 1, source=f"{source}, labels")
        label = int(numbers[row])
        expected = fact("0 to {last}", last=len(classes) - 1)
        raise DataError("E329", where=where, label=label, expected=expected, received=int(numbers[row]))
    names = [f"{source} {row + 1}" for row in range(len(pixels))]
    return image_table(pixels, names, [str(classes[number]) for number in numbers.tolist()], source)


# Decode one image with Pillow, from a file or from bytes.
#
# Images are untrusted. Pillow guesses the format from the first bytes, and some of its decoders start other
# programs (EPS: Ghostscript) or are hardly used; only the decoders of ``FORMATS`` are tried. The size is read
# from the header before decoding, and an image of more than ``MAX_PIXELS`` pixels counts as damaged.

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")  # the only decoders that are tried
MAX_PIXELS = 100_000_000  # pixels of one image; more is a decompression bomb or a map, not a sample
MAX_SIDE = 65_535  # rows or columns, as in JPEG: decoders allocate per row
FREE_SCANS, MAX_SCANS, SCANNED_PIXELS = 20, 100, 2 * 10**9  # of a JPEG, each of which is decoded completely
JPEG = ("JPEG", "MPO")
_SCAN = b"\xff\xda"  # begins a scan; inside it, 0xff is followed by 0


def decode_image(
    content: bytes, where: str, channels: int = 3, size: tuple[int, int] | None = None
) -> np.ndarray:
    """Return the pixels of an image, (H, W, C) bytes.

    Args:
        content: the bytes of the file.
        where: its name, for messages.
        channels: 1 for grayscale, 3 for color.
        size: height and width to which the image is resized; ``None``: it stays as it is.

    Raises:
        DataError E350: Pillow is not installed. E352: the image cannot be decoded.

    Example:
        >>> decode_image(b"P2 2 1 9 0 9", "two.pgm", channels=1).tolist()
        [[[0], [255]]]
    """
    try:
        with open_image(io.BytesIO(content), where) as image:
            if reason := too_large(image, content.count(_SCAN)):
                raise ValueError(reason)
            return to_pixels(image, None if size is None else (size[1], size[0]), channels)
    except DataError:
        raise
    except Exception as cause:  # decoders raise many types for invalid bytes
        received = first_line(cause)
        raise DataError("E352", where=where, expected=fact("an image"), received=received) from cause


def too_large(image: Any, scans: int = 0) -> str:
    """Return the reason why an opened image takes too much memory or time to decode; empty if it does not.

    Args:
        image: an image of Pillow.
        scans: of a JPEG; 0 for other formats.
    """
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        return fact(
            "{width} x {height} pixels, more than {limit:,} or than {side:,} in a row",
            width=width,
            height=height,
            limit=MAX_PIXELS,
            side=MAX_SIDE,
        )
    if image.format not in JPEG or scans <= FREE_SCANS:
        return ""
    is_slow = scans > MAX_SCANS or scans * width * height > SCANNED_PIXELS
    return fact("a JPEG of {scans:,} scans", scans=scans) if is_slow else ""


def count_scans(stream: BinaryIO) -> int:
    """Return the number of scans in a file if it is a JPEG; the position of the stream is kept."""
    place = stream.tell()
    stream.seek(0)
    try:
        return stream.read().count(_SCAN)
    finally:
        stream.seek(place)


@contextmanager
def open_image(stream: BinaryIO, where: object) -> Iterator[Any]:
    """Open an image without decoding it (E350: no Pillow)."""
    try:
        from PIL import Image  # noqa: PLC0415 an optional library
    except ImportError as cause:
        raise missing("images", where) from cause
    with quiet_images(), Image.open(stream, formats=FORMATS) as image:
        yield image


def is_rotated(image: Any) -> bool:
    """Return whether width and height of an opened image are exchanged when it is upright, by its EXIF."""
    if image.format == "PNG":
        image.load()  # EXIF may follow the pixels
    return image.getexif().get(0x0112, 1) in (5, 6, 7, 8)


def to_pixels(image: Any, size: tuple[int, int] | None, depth: int) -> np.ndarray:
    """Return the pixels of an opened image, upright, (H, W, C).

    Args:
        image: an image of Pillow.
        size: width and height to which it is resized; ``None``: those that it has.
        depth: number of channels, 1 or 3.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415

    image.load()  # EXIF may follow the pixels
    image = ImageOps.exif_transpose(image)
    if image.mode == "F" or image.mode.startswith("I"):  # 16 bits a pixel: the upper eight are kept
        values = np.asarray(image, np.float64)
        image = Image.fromarray(
            np.clip(values if image.mode == "F" else values / 257, 0, 255).astype(np.uint8)
        )
    image = image.convert("L" if depth == 1 else "RGB")
    if size is not None and image.size != size:
        image = image.resize(size, Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    return pixels.reshape(*pixels.shape[:2], depth)


def first_line(cause: Exception) -> str:
    """Return the first line of the message of an exception, without the address of a stream, as the reason.

    Example:
        >>> import io
        >>> first_line(ValueError(f"cannot identify image file {io.BytesIO()!r}"))
        'cannot identify image file'
    """
    text = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
    return re.sub(r" <_io\.[^>]*>", "", text)[:120]


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
