"""Texts and files that are nested deeply, or damaged, are refused by every reader: no RecursionError."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError
from chainrule.notation import parse
from chainrule.store import json_document
from chainrule.train.nonfinite.record import NAME

DEEP = 3000
NESTED = {
    "lists": "[" * DEEP + "]" * DEEP,
    "open lists": "[" * DEEP,
    "dicts": '{"a":' * DEEP + "1" + "}" * DEEP,
    "tuples": "(" * DEEP + ")" * DEEP,
    "minus": "-" * DEEP + "1",
    "not": "not " * DEEP + "1",
    "plus": "1" + "+1" * DEEP,
    "powers": "1" + "^1" * DEEP,
    "calls": "exp(" * DEEP + "1" + ")" * DEEP,
    "digits": "9" * 5000,
    "infinity": "1e999",
    "strings": '"""' * DEEP,
    "dots": "a." * DEEP + "a = 1",
    "tables": "[" + "a." * DEEP + "a]\nb = 1",
    "inline": "a = " + "{a=" * DEEP + "1" + "}" * DEEP,
    "array": "a = " + "[" * DEEP + "]" * DEEP,
    "long integer": "epochs = " + "9" * 5000,
    "integer for a float": "rate = " + "9" * 400,
    "date": "rate = 2020-01-01",
}
READERS = {
    "config.toml": ("show run --profile", "explain run iris --step 1", "train iris --out run --resume"),
    "doctor.json": ("doctor run",),
    NAME: ("show run", "doctor run"),
    "plan.json": ("show run/plan.json",),
}


@pytest.mark.parametrize("name", NESTED)
@pytest.mark.parametrize("file", READERS)
def test_a_run_with_a_nested_file_is_used_or_refused(chainrule, run: Path, file: str, name: str) -> None:
    (run / file).write_text(NESTED[name])
    for line in READERS[file]:
        outcome = chainrule(*line.split())
        assert outcome.code in (0, 1, 2)
        assert "a bug in chainrule" not in outcome.err, (line, outcome.err[-300:])
        assert len(outcome.err) < 20_000


@pytest.mark.parametrize("name", NESTED)
@pytest.mark.parametrize(
    "option", ["--net", "--augment", "--optimizer", "--metric", "--learning-rate", "--drop"]
)
def test_a_nested_option_is_refused(chainrule, option: str, name: str) -> None:
    outcome = chainrule("train", "iris", "--epochs", 1, option, NESTED[name])
    assert outcome.code == 2
    assert "Error E" in outcome.err
    assert len(outcome.err) < 20_000


def test_a_nested_config_is_refused_with_a_hint(chainrule, run: Path) -> None:
    (run / "config.toml").write_text(NESTED["array"])
    outcome = chainrule("train", "iris", "--out", run, "--resume")
    assert (outcome.code, "E605" in outcome.err) == (2, True)
    assert "lines such as epochs = 200" in outcome.err


def refused(call: Callable[[], object], *kinds: type[Exception]) -> None:
    """Fail if the call raises an error other than ours or these kinds."""
    try:
        call()
    except (ChainruleError, *kinds):
        pass


@pytest.mark.parametrize("name", NESTED)
def test_readers_of_texts_refuse_nesting(name: str) -> None:
    text = NESTED[name]
    refused(lambda: parse(text), ValueError)
    refused(lambda: json_document.from_text(text), ValueError)
    refused(lambda: cr.RateFormula(text))
    refused(lambda: cr.net_from_text(text) if hasattr(cr, "net_from_text") else None)


def npy(header: bytes) -> bytes:
    """An ``.npy`` file with this header."""
    size = struct.pack("<I", len(header) + 1) if len(header) > 60_000 else struct.pack("<H", len(header) + 1)
    version = b"\x02\x00" if len(header) > 60_000 else b"\x01\x00"
    return b"\x93NUMPY" + version + size + header + b"\n" + bytes(64)


HEADERS = {
    **{name: text.encode() for name, text in NESTED.items()},
    "nested fields": b"{'descr': "
    + b"[('a'," * 90
    + b"'<f4'"
    + b")]" * 90
    + b",'fortran_order':False,'shape':(1,)}",
    "bool shape": b"{'descr':'<f4','fortran_order':False,'shape':(True,)}",
    "negative shape": b"{'descr':'<f4','fortran_order':False,'shape':(-1,)}",
    "large shape": b"{'descr':'<f4','fortran_order':False,'shape':(%d,)}" % 2**80,
    "zero shape": b"{'descr':'<f4','fortran_order':False,'shape':(0,4611686018427387904,8)}",
    "many axes": b"{'descr':'<f4','fortran_order':False,'shape':(" + b"1," * 2000 + b")}",
    "wide text": b"{'descr':'<U2147483647','fortran_order':False,'shape':(1,)}",
    "objects": b"{'descr':'|O','fortran_order':False,'shape':(1,)}",
    "dates": b"{'descr':'<M8[99999999999999999999s]','fortran_order':False,'shape':(1,)}",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", HEADERS)
def test_headers_of_arrays_are_refused(tmp_path: Path, name: str) -> None:
    data = npy(HEADERS[name])
    (tmp_path / "x.npy").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", data)
    for call in (
        lambda: cr.data.map_array(tmp_path / "x.npy"),
        lambda: cr.data.read_table(tmp_path / "x.npz"),
    ):
        with pytest.raises(ChainruleError):
            call()


@pytest.mark.filterwarnings("ignore")
def test_damaged_archives_are_read_or_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, x=np.arange(300.0), y=np.arange(300))
    draw, good, refusals = random.Random(0), stream.getvalue(), 0
    for _ in range(400):
        data = bytearray(good)
        for _ in range(draw.choice([1, 1, 2, 8])):
            data[draw.randrange(len(data))] = draw.randrange(256)
        (tmp_path / "x.npz").write_bytes(data)
        try:
            cr.data.read_table(tmp_path / "x.npz")
        except ChainruleError:
            refusals += 1
    assert refusals > 200


def test_formats_in_notes_cannot_create_a_huge_text(chainrule, run: Path) -> None:
    (run / "config.toml").unlink()  # as of a training in Python, whose remedies are those of the notes
    notes = json.loads((run / "doctor.json").read_text())
    finding = {"rule": "input-scale", "severity": "info", "value": 1.0, "threshold": 1.0, "step": 1}
    finding |= {"facts": {"large": "a", "small": "b", "ratio": 2.0}, "layer": "{x.__class__}"}
    finding |= {"form": "scale_gap", "remedy": "{value:>9999999999}{large.__class__}{large}"}
    finding |= {"sample": None, "latest": None, "is_over": False}
    notes["findings"] = [finding]
    (run / "doctor.json").write_text(json.dumps(notes))
    outcome = chainrule("doctor", run)
    assert outcome.code == 0, outcome.err
    assert "{value:>9999999999}{large.__class__}a" in outcome.out
