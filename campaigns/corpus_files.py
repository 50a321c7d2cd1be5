"""The smallest valid file of each format that is read, in ``campaigns/corpus/``.

They are the start of the campaigns that change bytes (``hostile_cases/changed_bytes.py`` and
``fuzz_readers.py``) and of ``tests/unit/data/test_changed_bytes.py``, and stay as they are when a library
writes other bytes. ``python -m campaigns.corpus_files`` writes those that are missing.
``campaigns/corpus/regressions/`` has the changed files that once led to an event,
``campaigns/corpus/networks/`` files of ``fuzz_onnx.py``.
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


def _image(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5
    image = Image.fromarray(pixels).convert(mode)
    return _bytes(lambda stream: image.save(stream, kind, **options))


def _animation(kind: str) -> bytes:
    frames = [Image.fromarray(np.full((4, 4), value, np.uint8)) for value in (0, 200)]
    return _bytes(lambda stream: frames[0].save(stream, kind, save_all=True, append_images=frames[1:]))


def _long_rows() -> bytes:
    """A bitmap with compressed rows, which Pillow reads but does not write."""
    rows = b"\x04\x07\x00\x00" * 4 + b"\x00\x01"
    palette = bytes(range(0, 64, 1)) * 16
    header = struct.pack("<IiiHHIIiiII", 40, 4, 4, 1, 8, 1, len(rows), 0, 0, 256, 0)
    place = 14 + len(header) + 1024
    return struct.pack("<2sIHHI", b"BM", place + len(rows), 0, 0, place) + header + palette + rows


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


def _sound(kind: str, coding: str | None = None) -> bytes:
    import soundfile  # noqa: PLC0415  # an optional library

    wave = np.sin(np.arange(64) / 4).astype(np.float32)
    return _bytes(lambda stream: soundfile.write(stream, wave, 8000, coding, format=kind))


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


def _onnx() -> bytes:
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415  # only to write the file

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in "xy")
    weights = numpy_helper.from_array(np.ones((2, 2), np.float32), "w")
    nodes = [helper.make_node("Gemm", ["x", "w"], ["h"], transB=1), helper.make_node("Relu", ["h"], ["y"])]
    graph = helper.make_graph(nodes, "n", [x], [y], [weights])
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()


def _property() -> bytes:
    lines = [f"(declare-const {name} Real)" for name in ("X_0", "X_1", "Y_0", "Y_1")]
    lines += [f"(assert (>= X_{i} -1))\n(assert (<= X_{i} 0.5))" for i in range(2)]
    lines.append("(assert (or (<= Y_0 (* 2 Y_1)) (and (> Y_1 1e-1) (< Y_0 -.5))))")
    return "\n".join(lines).encode()


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
        "t.png": lambda: _image("PNG"),
        "t.jpg": lambda: _image("JPEG", progressive=True),
        "t.gif": lambda: _image("GIF"),
        "t.bmp": lambda: _image("BMP"),
        "t.webp": lambda: _image("WEBP"),
        "t.tif": lambda: _image("TIFF", compression="tiff_lzw"),
        "t.ppm": lambda: _image("PPM"),
        "t.wav": lambda: _sound("WAV"),
        "t.flac": lambda: _sound("FLAC"),
        "t.ogg": lambda: _sound("OGG"),
        "baseline.jpg": lambda: _image("JPEG"),
        "cmyk.jpg": lambda: _image("JPEG", "CMYK"),
        "palette.png": lambda: _image("PNG", "P"),
        "deep.png": lambda: _image("PNG", "I;16"),
        "lossless.webp": lambda: _image("WEBP", lossless=True),
        "frames.webp": lambda: _animation("WEBP"),
        "frames.gif": lambda: _animation("GIF"),
        "rows.bmp": _long_rows,
        "deflate.tif": lambda: _image("TIFF", compression="tiff_adobe_deflate"),
        "jpeg.tif": lambda: _image("TIFF", compression="jpeg"),
        "fax.tif": lambda: _image("TIFF", "1", compression="group4"),
        "bits.tif": lambda: _image("TIFF", compression="packbits"),
        "t.pgm": lambda: b"P2 2 2 9 0 9 3 1",
        "t.pbm": lambda: _image("PPM", "1"),
        "t.aiff": lambda: _sound("AIFF"),
        "t.au": lambda: _sound("AU"),
        "t.caf": lambda: _sound("CAF"),
        "t.w64": lambda: _sound("W64"),
        "t.mp3": lambda: _sound("MP3"),
        "adpcm.wav": lambda: _sound("WAV", "IMA_ADPCM"),
        "ulaw.wav": lambda: _sound("WAV", "ULAW"),
        "x.wav": lambda: _sound("WAVEX"),
        "long.wav": lambda: _sound("RF64"),
        "opus.ogg": lambda: _sound("OGG", "OPUS"),
        "t.safetensors": _safetensors,
        "t.pt": _torch,
        "t.onnx": _onnx,
        "t.vnnlib": _property,
    }


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
        (arrow, 216, 1, "arrow"),
        (arrow, 276, 1, "arrow"),
        (parquet, 45, 255, "parquet"),
    ):
        changed = bytearray(content)
        changed[place] = value
        path = REGRESSIONS / f"byte-{place}-is-{value}.{suffix}"
        if not path.exists():
            path.write_bytes(changed)


if __name__ == "__main__":
    main()
