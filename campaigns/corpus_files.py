"""The smallest valid file of each format that is read, in ``campaigns/corpus/``.

They are the start of the campaigns that change bytes (``hostile_cases/changed_bytes.py`` and
``fuzz_readers.py``) and of ``tests/unit/data/test_changed_bytes.py``, and stay as they are when a library
writes other bytes. ``python -m campaigns.corpus_files`` writes those that are missing.
``campaigns/corpus/regressions/`` has the changed files that once led to an event.
"""

from __future__ import annotations

import io
import json
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from PIL import Image

CORPUS = Path(__file__).with_name("corpus")
REGRESSIONS = CORPUS / "regressions"
FRAME = pl.DataFrame({"a": [1.5, None, -3.0], "b": ["x", "Köln", None], "c": [True, False, True]})


def _bytes(write: Callable[[Any], Any]) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def _image(kind: str, **options: Any) -> bytes:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5
    return _bytes(lambda stream: Image.fromarray(pixels).save(stream, kind, **options))


def _sqlite(folder: Path) -> bytes:
    path = folder / "seed.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA page_size = 512")
    connection.execute("CREATE TABLE t (a REAL, b TEXT)")
    connection.executemany("INSERT INTO t VALUES (?, ?)", [(1.5, "x"), (2, "y")])
    connection.commit()
    connection.close()
    content = path.read_bytes()
    path.unlink()
    return content


def _sound(kind: str) -> bytes:
    import soundfile  # noqa: PLC0415  # an optional library

    wave = np.sin(np.arange(64) / 4).astype(np.float32)
    return _bytes(lambda stream: soundfile.write(stream, wave, 8000, format=kind))


def _safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(16)


def _workbook() -> bytes:
    from campaigns.hostile_cases.table_files import workbook  # noqa: PLC0415  # imports DuckDB

    name = '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'
    return workbook(f'{name}<row r="2"><c r="A2"><v>1</v></c></row>')


def _torch() -> bytes:
    import torch  # noqa: PLC0415  # only to write the file

    return _bytes(lambda stream: torch.save({"w": torch.ones(2, 2)}, stream))


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("t.csv"), FRAME.write_csv())
    return stream.getvalue()


def seeds(folder: Path) -> dict[str, Callable[[], bytes]]:
    """By name, a function that creates the file."""
    return {
        "t.csv": lambda: FRAME.write_csv().encode(),
        "t.json": lambda: FRAME.write_json().encode(),
        "t.npz": lambda: _bytes(lambda stream: np.savez_compressed(stream, a=np.arange(3.0), b=["x"] * 3)),
        "t.npy": lambda: _bytes(lambda stream: np.save(stream, np.arange(6.0).reshape(3, 2))),
        "t.arrow": lambda: _bytes(lambda stream: FRAME.write_ipc(stream, compression="zstd")),
        "lz4.arrow": lambda: _bytes(lambda stream: FRAME[:, :1].write_ipc(stream, compression="lz4")),
        "stream.arrow": lambda: _bytes(FRAME.write_ipc_stream),
        "t.parquet": lambda: _bytes(FRAME.write_parquet),
        "t.xlsx": _workbook,
        "t.zip": _zip,
        "t.sqlite": lambda: _sqlite(folder),
        "t.png": lambda: _image("PNG"), "t.jpg": lambda: _image("JPEG", progressive=True),
        "t.gif": lambda: _image("GIF"), "t.bmp": lambda: _image("BMP"), "t.webp": lambda: _image("WEBP"),
        "t.tif": lambda: _image("TIFF", compression="tiff_lzw"), "t.ppm": lambda: _image("PPM"),
        "t.wav": lambda: _sound("WAV"), "t.flac": lambda: _sound("FLAC"), "t.ogg": lambda: _sound("OGG"),
        "t.safetensors": _safetensors, "t.pt": _torch,
    }  # fmt: skip


def main() -> None:
    """Write the files that are missing."""
    REGRESSIONS.mkdir(parents=True, exist_ok=True)
    for name, create in seeds(CORPUS).items():
        if not (CORPUS / name).exists():
            (CORPUS / name).write_bytes(create())
    base = pl.DataFrame({"a": [1.5, 2.5, None] * 40})
    arrow = _bytes(lambda stream: base.write_ipc(stream, compression="zstd"))
    parquet = _bytes(pl.DataFrame({"a": ["x", "yy"] * 60}).write_parquet)
    for content, place, value, suffix in (
        (arrow, 216, 1, "arrow"), (arrow, 276, 1, "arrow"), (parquet, 45, 255, "parquet"),
    ):  # fmt: skip
        changed = bytearray(content)
        changed[place] = value
        path = REGRESSIONS / f"byte-{place}-is-{value}.{suffix}"
        if not path.exists():
            path.write_bytes(changed)


if __name__ == "__main__":
    main()
