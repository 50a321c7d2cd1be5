"""Weights files that request execution, would fill the memory, or are damaged are refused without effect."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as some

import chainrule as cr
from chainrule.errors import ChainruleError
from chainrule.interop.file_reader import safe_tensors
from weight_files import call, in_legacy, in_zip, members_of, saved, state, tensor, text, zipped

EVIL = "touch executed"
OK = np.array([0.5, -1.0], "<f4").tobytes()


class Reduced:
    """Pickles itself as a call."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (EVIL,)


SYSTEM = call("os", "system", text(EVIL))
EXECUTED = {
    "reduce": (state(a=SYSTEM), "os.system"),
    "reduce, as Python writes it": (pickle.dumps({"a": Reduced()}, protocol=2), "posix.system"),
    "protocol 4": (pickle.dumps({"a": Reduced()}, protocol=4), "posix.system"),
    "protocol 0": (pickle.dumps({"a": Reduced()}, protocol=0), "posix.system"),
    "inst": (b"(S'touch executed'\nios\nsystem\n.", "operation INST os system"),
    "obj": (b"(cos\nsystem\n" + text(EVIL) + b"o.", "os.system"),
    "newobj": (b"\x80\x02ccollections\nOrderedDict\n)\x81.", "operation NEWOBJ"),
    "newobj_ex": (b"\x80\x04ccollections\nOrderedDict\n)}\x92.", "operation NEWOBJ_EX"),
    "stack_global": (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"),
    "a name with dots": (b"\x80\x04\x8c\x0ctorch._utils\x8c\x0a_import_os\x93.", "torch._utils._import_os"),
    "an attribute of an allowed name": (
        b"\x80\x04\x8c\x05torch\x8c\x14FloatStorage.__new__\x93.",
        "torch.FloatStorage.__new__",
    ),
    "getattr": (state(a=call("builtins", "getattr", text("a"))), "builtins.getattr"),
    "eval": (state(a=call("builtins", "eval", text("1"))), "builtins.eval"),
    "a storage called": (state(a=b"ctorch\nFloatStorage\n)R"), "torch.FloatStorage()"),
    "an extension": (b"\x80\x02\x82\x01.", "operation EXT1"),
    "a persistent id as text": (b"Pos.system\n.", "operation PERSID os.system"),
    "a set": (b"\x80\x04\x8f.", "operation EMPTY_SET"),
    "a tuple as key": (b"\x80\x02})K\x01s.", "a dict with a tuple as key"),
    "numpy": (state(a=call("numpy.core.multiarray", "_reconstruct", text("a"))), "numpy.core"),
    "torch.load": (state(a=call("torch", "load", text("a"))), "torch.load"),
}


@pytest.mark.parametrize("form", [in_zip, in_legacy])
@pytest.mark.parametrize("name", EXECUTED)
def test_requests_to_execute_code_are_refused_by_name(
    name: str, form: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    program, request = EXECUTED[name]
    Path("evil.pt").write_bytes(form(program))  # pyright: ignore[reportCallIssue]
    with pytest.raises(ChainruleError) as caught:
        cr.read_weights("evil.pt")
    assert caught.value.code == "E452"
    assert request in str(caught.value)
    assert not Path("executed").exists()


class Own(torch.nn.Sequential):
    """A custom network."""


@pytest.mark.parametrize("form", [True, False])
@pytest.mark.parametrize("module", [torch.nn.Sequential(torch.nn.Linear(2, 1)), Own(torch.nn.Linear(2, 1))])
def test_a_pickled_model_is_refused_with_a_fix(form: bool, module: torch.nn.Module, tmp_path: Path) -> None:
    torch.save(module, tmp_path / "whole.pt", _use_new_zipfile_serialization=form)
    with pytest.raises(ChainruleError, match=r"torch\.save\(model\.state_dict") as caught:
        cr.read_weights(tmp_path / "whole.pt")
    assert caught.value.code == "E453"


def test_a_torchscript_program_is_refused(tmp_path: Path) -> None:
    members = {"a/data.pkl": b"\x80\x02}.", "a/code/net.py": b"x", "a/constants.pkl": b"\x80\x02)."}
    (tmp_path / "jit.pt").write_bytes(zipped(members))
    with pytest.raises(ChainruleError) as caught:
        cr.read_weights(tmp_path / "jit.pt")
    assert caught.value.code == "E453"


def laughs(depth: int) -> bytes:
    """Nested dicts of ten references each: 10^depth values if they were traversed."""
    inner = tensor((2,), 2) + b"q\x00"
    for i in range(depth):
        inner += (
            b"0}(" + b"".join(text(f"k{j}") + b"h" + bytes([i]) for j in range(10)) + b"uq" + bytes([i + 1])
        )
    return b"\x80\x02" + inner + b"."


def overlapping() -> bytes:
    """An archive whose directory lists one member a hundred times."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", state(a=tensor((2,), 2)))
        archive.writestr("archive/data/0", OK * 100)
        (one,) = [info for info in archive.filelist if info.filename.endswith("0")]
        for i in range(1, 100):
            again = zipfile.ZipInfo(f"archive/data/{i}")
            for fact in ("header_offset", "file_size", "compress_size", "CRC"):
                setattr(again, fact, getattr(one, fact))
            archive.filelist.append(again)
            archive.NameToInfo[again.filename] = again
    return stream.getvalue()


def with_bits(data: bytes, place: int, bits: int) -> bytes:
    return data[:place] + bytes([data[place] ^ bits]) + data[place + 1 :]


GOOD = in_zip(state(a=tensor((2,), 2)), {"0": OK})
DAMAGED = {
    "a wrong checksum": with_bits(GOOD, GOOD.index(OK), 1),
    "encrypted": with_bits(GOOD, GOOD.index(b"PK\x01\x02") + 8, 1),
    "compressed": zipped({"archive/data.pkl": bytes(10_000_000)}, zipfile.ZIP_DEFLATED),
    "members one over the other": overlapping(),
    "no storage": in_zip(state(a=tensor((2,), 2))),
    "a storage that is smaller": in_zip(state(a=tensor((2,), 2)), {"0": OK[:4]}),
    "a storage that is larger": in_zip(state(a=tensor((2,), 2)), {"0": OK * 2}),
    "a storage of terabytes": in_zip(state(a=tensor((2**40,), 2**40)), {"0": OK}),
    "a storage of no number": in_zip(state(a=tensor((2,), 2**60)), {"0": OK}),
    "a tensor behind its storage": in_zip(state(a=tensor((2,), 2, offset=1)), {"0": OK}),
    "a tensor with large steps": in_zip(state(a=tensor((2,), 2, stride=2)), {"0": OK}),
    "a tensor larger than its storage": in_zip(state(a=tensor((2**20, 2**20), 2, stride=0)), {"0": OK}),
    "a negative length": in_zip(state(a=tensor((-2,), 2)), {"0": OK}),
    "too many axes": in_zip(state(a=tensor((1,) * 70, 2)), {"0": OK}),
    "a path as key": in_zip(state(a=tensor((2,), 2, key="../../../../etc/passwd")), {"0": OK}),
    "one storage of two sizes": in_zip(state(a=tensor((2,), 2), b=tensor((1,), 1)), {"0": OK}),
    "an empty stack": in_zip(b"\x80\x02."),
    "two values": in_zip(b"\x80\x02}}."),
    "no end": in_zip(b"\x80\x02}"),
    "no mark": in_zip(b"\x80\x02t."),
    "no such memo": in_zip(b"\x80\x02h\x07."),
    "an unknown operation": in_zip(b"\x80\x02\xff."),
    "a number too long": in_zip(b"I" + b"9" * 10_000 + b"\n."),
    "a text longer than the file": in_zip(b"\x80\x04\x8d" + b"\xff" * 8 + b"a."),
    "a huge tensor of nothing": in_zip(state(a=tensor((0, 2**47, 2**47), 2)), {"0": OK}),
    "a name that is no text": in_zip(b"\x80\x02}K\x01" + tensor((2,), 2) + b"s.", {"0": OK}),
    "an OrderedDict of pairs": in_zip(state(a=b"ccollections\nOrderedDict\n(]tR")),
    "big-endian": zipped({**members_of(GOOD), "archive/byteorder": b"big"}),
    "old form, cut off": in_legacy(state())[:-3],
    "old form, no storages": in_legacy(state(a=tensor((2,), 2))),
    "old form, another version": in_legacy(state()).replace(b"M\xe9\x03", b"M\xea\x03"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "bad.pt").write_bytes(DAMAGED[name])
    with pytest.raises(ChainruleError) as caught:
        cr.read_weights(tmp_path / "bad.pt")
    assert caught.value.code == "E451", str(caught.value)


NONE_AT_ALL = {
    "deep lists": in_zip(b"\x80\x02" + b"]" * 30_000 + b"a" * 29_999 + b"."),
    "deep tuples": in_zip(b"\x80\x02)" + b"\x85" * 30_000 + b"."),
    "a list in itself": in_zip(b"\x80\x02]q\x00h\x00a."),
    "a dict in itself": in_zip(b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s."),
    "a number": in_zip(b"\x80\x02K\x01."),
}


@pytest.mark.parametrize("name", NONE_AT_ALL)
def test_values_without_tensors_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "bad.pt").write_bytes(NONE_AT_ALL[name])
    with pytest.raises(ChainruleError) as caught:
        cr.read_weights(tmp_path / "bad.pt")
    assert caught.value.code == "E454"


def test_multiplying_references_are_not_traversed(tmp_path: Path) -> None:
    (tmp_path / "laughs.pt").write_bytes(in_zip(laughs(60), {"0": OK}))
    with pytest.raises(ChainruleError) as caught:
        cr.read_weights(tmp_path / "laughs.pt")
    assert caught.value.code == "E454"


def test_too_many_tensors_with_a_shared_storage_are_refused(tmp_path: Path) -> None:
    many = {f"a{i}": tensor((100_000,), 100_000) for i in range(60)}
    (tmp_path / "many.pt").write_bytes(in_zip(state(**many), {"0": bytes(400_000)}))
    with pytest.raises(ChainruleError) as caught:
        cr.read_weights(tmp_path / "many.pt")
    assert caught.value.code == "E451"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A valid file of each format."""
    folder = tmp_path_factory.mktemp("small")
    tensors = {"w": torch.tensor([[0.5, -1.0], [2.0, 3.0]]), "half": torch.tensor([1.5]).half()}
    return {form: saved(tensors, folder, form).read_bytes() for form in ("zip", "legacy", "safetensors")}


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_truncated_files_are_refused(form: str, small: dict[str, bytes], tmp_path: Path) -> None:
    content = small[form]
    for length in {*range(0, len(content), max(1, len(content) // 97)), len(content) - 1}:
        (tmp_path / "cut").write_bytes(content[:length])
        with pytest.raises(ChainruleError) as caught:
            cr.read_weights(tmp_path / "cut")
        assert caught.value.code in ("E450", "E451"), length


EDITS = some.lists(
    some.tuples(some.floats(0, 1, exclude_max=True), some.integers(0, 255)), min_size=1, max_size=4
)


def edited(data: bytes, edits: list[tuple[float, int]]) -> bytes:
    """The bytes with some of them replaced."""
    changed = bytearray(data)
    for place, byte in edits:
        changed[int(place * len(data))] = byte
    return bytes(changed)


def outcome(data: bytes, folder: Path) -> dict[str, list[float]] | None:
    """The content of a file; ``None`` if it is refused by an error of this package. Anything else fails."""
    (folder / "edited").write_bytes(data)
    try:
        return {name: a.ravel().tolist() for name, a in cr.read_weights(folder / "edited").items()}
    except ChainruleError as error:
        if not error.code.startswith("E45") or "{" in error.clause().replace(str(error.received), ""):
            raise
        return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("edited")


@given(edits=EDITS)
def test_a_changed_archive_is_read_equal_or_refused(
    edits: list[tuple[float, int]], small: dict[str, bytes], folder: Path
) -> None:
    assert outcome(edited(small["zip"], edits), folder) in (outcome(small["zip"], folder), None)


@settings(max_examples=80)
@given(edits=EDITS, form=some.sampled_from(["legacy", "safetensors"]))
def test_changed_files_of_other_formats_are_read_or_refused(
    edits: list[tuple[float, int]], form: str, small: dict[str, bytes], folder: Path
) -> None:
    outcome(edited(small[form], edits), folder)


@settings(max_examples=80)
@given(edits=EDITS)
def test_a_changed_pickle_with_a_valid_checksum_is_read_or_refused(
    edits: list[tuple[float, int]], small: dict[str, bytes], folder: Path
) -> None:
    members = members_of(small["zip"])
    (name,) = [name for name in members if name.endswith("data.pkl")]
    outcome(zipped({**members, name: edited(members[name], edits)}), folder)


OPERATIONS = some.one_of(
    some.binary(min_size=1, max_size=1),
    some.sampled_from(
        [
            b"(",
            b")",
            b"}",
            b"]",
            b"t",
            b"R",
            b"s",
            b"u",
            b"e",
            b"a",
            b"Q",
            b"b",
            b"0",
            b"2",
            b"N",
            b"K\x01",
            b"q\x00",
            b"h\x00",
            text("a"),
            tensor((2,), 2),
            b"ccollections\nOrderedDict\n",
            b"ctorch._utils\n_rebuild_tensor_v2\n",
            b"ctorch._utils\n_rebuild_parameter\n",
            b"ctorch\nSize\n",
            b"ctorch\nFloatStorage\n",
        ]
    ),
)


def test_a_name_with_a_brace_is_refused(folder: Path) -> None:
    assert outcome(in_zip(b"\x80\x02ctor{h\nFloatStorage\n.", {"0": OK}), folder) is None


@settings(max_examples=80)
@given(program=some.lists(OPERATIONS, max_size=30).map(b"".join))
@example(program=b"}" + text("a") + tensor((2,), 2) + b"s")
def test_any_program_is_read_or_refused(program: bytes, folder: Path) -> None:
    outcome(in_zip(b"\x80\x02" + program + b".", {"0": OK}), folder)


@given(data=some.binary(max_size=60), header=some.text(max_size=60))
def test_any_header_is_read_or_refused(data: bytes, header: str, folder: Path) -> None:
    coded = f"{{{header}}}".encode()
    outcome(len(coded).to_bytes(8, "little") + coded + data, folder)


ONE = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'


@pytest.mark.parametrize(
    "header",
    [
        '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}',
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        f'{{"a":{ONE},"b":{ONE}}}',
        f'{{"a":{ONE},"a":{{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}}}',
        '{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
        '{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}',
        '{"a":{"dtype":"F32","shape":[0,70368744177664,70368744177664],"data_offsets":[0,0]}}',
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}}',
        '{"a":[]}',
        '{"a":' + "[" * 1000 + "]" * 1000 + "}",
    ],
)
def test_an_inconsistent_safetensors_header_is_refused(header: str) -> None:
    coded = header.encode()
    with pytest.raises(ChainruleError) as caught:
        safe_tensors(len(coded).to_bytes(8, "little") + coded + bytes(8), "bad.safetensors")
    assert caught.value.code == "E451"


def test_the_checksums_of_test_archives_are_valid() -> None:
    (info,) = [i for i in zipfile.ZipFile(io.BytesIO(GOOD)).infolist() if i.filename.endswith("/0")]
    assert zlib.crc32(OK) == info.CRC  # else the tests above would refuse for another reason
