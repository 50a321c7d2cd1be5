"""Untrusted image folders: every format that Pillow reads under every name, bombs, damage, links.

Each folder is read in a child process under an audit hook: no other process, no socket, no file outside the
folder. Only the decoders of ``chainrule.data.readers.images.FORMATS`` may run.
"""

from __future__ import annotations

import os
import random
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from campaigns.hostile_cases.isolated import run_isolated
from campaigns.hostile_cases.section import Section
from PIL import Image

from chainrule.data.readers.images import FORMATS, SUFFIXES, read_images
from chainrule.errors import ChainruleError

FORBIDDEN = (
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.spawn",
    "socket.",
    "pty.",
)
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\nshowpage\n%%EOF\n"
SECONDS, MEGABYTES = 10.0, 1200.0  # limits for one folder
BEGINNINGS = {  # of formats that Pillow reads and does not write
    "FITS": b"SIMPLE  =                    T",
    "GRIB": b"GRIB\0\0\0\1",
    "HDF5": b"\x89HDF\r\n\x1a\n",
    "WMF": b"\xd7\xcd\xc6\x9a\0\0" + bytes(20),
    "EMF": b"\x01\0\0\0" + bytes(36) + b" EMF" + bytes(60),
    "FLI": struct.pack("<IHHHH", 128, 0xAF11, 1, 4, 4) + bytes(112),
    "PSD": b"8BPS\0\1" + bytes(20),
    "SUN": b"\x59\xa6\x6a\x95" + bytes(28),
    "XPM": b"/* XPM */",
    "PIXAR": b"\x80\xe8\0\0" + bytes(1020),
    "GBR": struct.pack(">IIIII4sI", 28, 2, 4, 4, 1, b"GIMP", 10),
    "CUR": b"\0\0\2\0\1\0" + bytes(16),
    "FTEX": b"FTEX" + bytes(60),
    "MPEG": b"\0\0\1\xb3" + bytes(20),
    "IPTC": b"\x1c\x01\x5a\0\2ab",
    "DCX": b"\xb1\x68\xde\x3a" + bytes(60),
    "FPX": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "PCD": b"\0" * 2048 + b"PCD_" + bytes(60),
    "MCIDAS": b"\0\0\0\0\0\0\0\4" + bytes(256),
    "EPS": POSTSCRIPT,
    "EPS, in DOS": b"\xc5\xd0\xd3\xc6" + struct.pack("<6IH", 30, 90, 0, 0, 0, 0, 0) + POSTSCRIPT,
    "PDF": b"%PDF-1.4\n",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "nothing": b"",
    "text": b"cat\n",
}


def formats() -> dict[str, bytes]:
    """A small file of every format that Pillow writes, and the beginnings of those that it only reads."""
    Image.init()
    files = dict(BEGINNINGS)
    for name in sorted(Image.SAVE):
        for mode in ("RGB", "L", "1", "P", "RGBA"):
            stream = BytesIO()
            try:
                Image.new(mode, (16, 16)).save(stream, name)
            except Exception:  # formats support different modes
                continue
            files[name] = stream.getvalue()
            break
    return files


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: int = 0, extra: bytes = b"", depth: int = 8, color: int = 2) -> bytes:
    """A PNG file of any size with only some of its rows."""
    size = 1 + width * {0: 1, 2: 3, 6: 4}[color] * depth // 8
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(bytes(size)) for _ in range(rows)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + extra + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def promises() -> dict[str, bytes]:
    """Headers that declare more than the file contains."""
    wide, head = b"\xff\xff\xff\xff", struct.Struct("<IIIIiiHHIIIIII")
    files = {
        "png of 10^10 pixels": png(100_000, 100_000),
        "png of 2^31 rows": png(1, 2**31 - 1),
        "png of 10^6 frames": png(16, 16, 16, _chunk(b"acTL", struct.pack(">II", 10**6, 0))),
        "gif of 65535 x 65535": b"GIF89a" + wide + b"\x80\0\0" + bytes(6) + b",\0\0\0\0" + wide + b"\0\2;",
        "bmp of 2^31 columns": b"BM" + head.pack(70, 0, 54, 40, 2**31 - 1, 4, 1, 24, *[0] * 6),
        "bmp of -2^31 rows": b"BM" + head.pack(70, 0, 54, 40, 4, -(2**31), 1, 24, *[0] * 6),
        "ppm of 10^12 pixels": b"P6 1000000 1000000 255\n",
        "ppm of many digits": b"P6 " + b"9" * 5000 + b" 1 255\n",
        "pgm in words": b"P2 4000 4000 255\n" + b"0 " * 100_000,
        "tiff with a cycle": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
    }
    for count in (2**16, 2**31):  # elements of one value, more than the file has bytes
        entry = struct.pack("<HHII", 256, 4, count, 8)
        files[f"tiff with a value of {count} numbers"] = b"II*\0\x08\0\0\0\x01\0" + entry + bytes(4)
    return files


def many_scans(count: int) -> bytes:
    """A progressive JPEG of 2000 x 2000 pixels whose first scan is repeated."""
    stream = BytesIO()
    Image.effect_noise((2000, 2000), 80).save(stream, "JPEG", progressive=True)
    data = stream.getvalue()
    start = data.index(b"\xff\xda")
    return data[:-2] + data[start : data.index(b"\xff\xda", start + 2)] * count + data[-2:]


def bombs() -> dict[str, bytes]:
    """Small files that unpack to large data."""
    text = b"Comment\0\0" + zlib.compress(bytes(200_000_000), 9)
    profile = b"ICC\0\0" + zlib.compress(bytes(200_000_000), 9)
    many = _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(900_000)))
    return {
        **promises(),
        "png of 1.6 * 10^8 pixels, all of them": png(12_700, 12_700, 12_700, depth=8, color=0),
        "png of 10^8 pixels, all of them": png(10_000, 10_000, 10_000, color=2),
        "png of 10^8 columns": png(10**8, 1, 1, depth=8, color=0),
        "png of 10^8 rows": png(1, 10**8, 10**5, depth=8, color=0),
        "jpeg of 2,000 scans": many_scans(2000),
        "png with a long text": png(16, 16, 16, _chunk(b"zTXt", text)),
        "png with many texts": png(16, 16, 16, many * 200),
        "png with a long profile": png(16, 16, 16, _chunk(b"iCCP", profile)),
        "ppm of spaces": b"P6" + b" " * 5_000_000 + b"1 1 255\n\0\0\0",
        "ppm of comments": b"P6\n" + b"#\n" * 2_000_000 + b"1 1 255\n\0\0\0",
    }


def edits(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Valid files of the supported formats, truncated or with changed bytes."""
    draw = random.Random(seed)
    known = {name: data for name, data in formats().items() if name in FORMATS}
    for number in range(count):
        name = draw.choice(sorted(known))
        data = bytearray(known[name])
        for _ in range(draw.randint(0, 8)):
            data[draw.randrange(len(data))] = draw.choice([0, 255, 127, draw.randrange(256)])
        if draw.random() < 0.3:
            del data[draw.randrange(len(data)) :]
        yield f"{name}, edit {number} of seed {seed}", bytes(data)


def watch(folder: Path, allowed: tuple[str, ...] = ()) -> list[str]:
    """Forbid processes, sockets and opening files outside a folder in this process.

    Args:
        folder: whose files may be opened.
        allowed: events that are allowed nevertheless.
    """
    seen: list[str] = []
    inside, start = str(folder.resolve()), []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(FORBIDDEN) and event not in allowed:
            seen.append(event)
            raise RuntimeError(f"{event} is forbidden")
        if event == "open" and start and not isinstance(arguments[0], int):
            name = os.fsdecode(arguments[0])
            flags = arguments[2] if isinstance(arguments[2], int) else 0
            library = name.endswith((".py", ".so")) or ".pyc" in name
            known = library or name.startswith(inside) or not os.path.isabs(name)
            if not known and not flags & getattr(os, "O_PATH", 0):
                seen.append(f"open {name}")

    sys.addaudithook(hook)
    start.append(True)
    return seen


def _decoders() -> list[str]:
    """The list of the formats whose readers are called after this call."""
    called: list[str] = []

    def noting(name: str, reader: Callable[..., Any]) -> Callable[..., Any]:
        def read(*arguments: Any) -> Any:
            called.append(name)
            return reader(*arguments)

        return read

    for name, (reader, accept) in list(Image.OPEN.items()):
        Image.OPEN[name] = noting(name, reader), accept
    return called


def read(folder: Path) -> str:
    """Read a folder; return the code of the error, or "read"; a forbidden action raises an exception."""
    seen, called = watch(folder), _decoders()
    try:
        read_images(folder, size=(8, 8), damaged="skip")
        result = "read"
    except ChainruleError as error:
        result = error.code
    strange = sorted(set(called) - set(FORMATS))
    if seen or strange:
        raise AssertionError(f"{seen[:5]} {strange}")
    return result


def tried(name: str, folder: Path, section: Section) -> None:
    """Read a folder in a child process and record an event if it is not handled."""
    outcome = run_isolated(lambda: read(folder), limit=60.0)
    section.cases += 1
    section.worst_seconds = max(section.worst_seconds, outcome.seconds)
    section.worst_megabytes = max(section.worst_megabytes, outcome.megabytes)
    if outcome.code or outcome.work > SECONDS or outcome.megabytes > MEGABYTES:
        took = f"{outcome.work:.1f} s, {outcome.megabytes:.0f} MB"
        section.events.append(f"{name}: {outcome.code}, {took}, {outcome.text[-300:]}")


def of_files(title: str, files: Iterator[tuple[str, str, bytes]]) -> Section:
    """A section of folders with one file each, given by name, suffix and bytes."""
    section = Section(title, remark="no process, no socket, no open outside, known decoders only")
    for name, suffix, data in files:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place, "pets")
            (folder / "cat").mkdir(parents=True)
            (folder / "cat" / f"a{suffix}").write_bytes(data)
            tried(f"{name} as {suffix}", folder, section)
    return section


def _replace(kind: str, entry: Path, outside: Path) -> None:
    """Replace an image by something that is no regular file of the folder."""
    match kind:
        case "a pipe":
            os.mkfifo(entry)
        case "a folder":
            entry.mkdir()
        case _:
            entry.symlink_to(
                {
                    "a link outside": outside / "secret.png",
                    "a link to a folder outside": outside,
                    "a link to nothing": outside / "absent",
                    "a link to itself": entry,
                    "a link to a device": Path("/dev/zero"),
                    "a link inside": entry.parent / "good.png",
                }[kind]
            )


def links() -> Section:
    """Folders with links, pipes and folders in place of images and classes."""
    section = Section("links and pipes in image folders", remark="nothing outside is opened")
    kinds = (
        "a pipe",
        "a folder",
        "a link outside",
        "a link to a folder outside",
        "a link to nothing",
        "a link to itself",
        "a link to a device",
        "a link inside",
    )
    for kind in kinds:
        for entry in ("cat/a.png", "dog"):
            with tempfile.TemporaryDirectory() as place:
                folder, outside = Path(place, "pets"), Path(place, "outside")
                (folder / "cat").mkdir(parents=True)
                outside.mkdir()
                (folder / "cat" / "good.png").write_bytes(png(16, 16, 16))
                (outside / "secret.png").write_bytes(png(16, 16, 16))
                _replace(kind, folder / entry, outside)
                tried(f"{entry} is {kind}", folder, section)
    return section


def run(quick: bool, seed: int) -> list[Section]:
    """All sections; ``quick`` runs a tenth of the formats and edits."""
    draw = random.Random(seed)
    known = [(name, suffix, data) for name, data in formats().items() for suffix in SUFFIXES]
    some = draw.sample(known, len(known) // 10) if quick else known
    bad = [(name, ".png", data) for name, data in bombs().items()]
    changed = [(name, ".png", data) for name, data in edits(seed, 60 if quick else 1500)]
    return [
        of_files("formats of images under all names", iter(some)),
        of_files("images that promise much", iter(bad)),
        of_files("images cut off or with other bytes", iter(changed)),
        links(),
    ]
