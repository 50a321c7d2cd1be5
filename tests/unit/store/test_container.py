"""The file format: round trips, other readers, every flipped bit, every truncation, and hostile files."""

from __future__ import annotations

import hashlib
import json
import re
import sys

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from chainrule.errors import FileError
from chainrule.store import container

DTYPES = ("float32", "float64", "int32", "int64", "uint32", "bool")
TENSORS = st.dictionaries(
    st.text().filter(lambda name: name != "__metadata__"),
    st.sampled_from(DTYPES).flatmap(
        lambda dtype: arrays.arrays(
            dtype, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
        )
    ),
    max_size=5,
)
RECORDS = st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False) | st.text(), max_size=5)


def small_file() -> bytes:
    rng = np.random.default_rng(0)
    tensors = {
        "dense1.weight": rng.normal(size=(8, 16)).astype(np.float32),
        "dense1.bias": rng.normal(size=(8,)),
        "步数": np.array([123], np.int64),
        "key": np.array([1, 2], np.uint32),
        "seen": np.array([True, False]),
    }
    history = [{"epoch": epoch, "loss": 1 / (epoch + 1)} for epoch in range(30)]
    return container.pack("model", {"history": history, "classes": ["良性", "恶性"]}, tensors)


def forge(entries: object, data: bytes = b"", document: object = None) -> bytes:
    """A file with a valid checksum around any content, as an attacker can write it."""
    content = document or '{"format":"chainrule","version":1,"kind":"model","sha256":"%s","record":{}}'
    content = content if isinstance(content, str) else json.dumps(content, separators=(",", ":"))
    content = content.replace("%s", "0" * 64)
    body = entries if isinstance(entries, str) else json.dumps(entries, separators=(",", ":"))
    text = (
        '{"__metadata__":{"chainrule":' + json.dumps(content) + "}" + ("," if body != "{}" else "") + body[1:]
    )
    header = text.encode()
    content = len(header).to_bytes(8, "little") + header + data
    digest = hashlib.sha256(content).hexdigest().encode()
    return re.sub(rb'(\\"sha256\\":\\")0{64}', lambda match: match[1] + digest, content, count=1)


def code_of(data: bytes, kind: str = "model") -> str:
    with pytest.raises(FileError) as caught:
        container.unpack(data, kind, where="x.safetensors")
    assert "x.safetensors" in str(caught.value)
    return caught.value.code


@settings(deadline=None, max_examples=60)
@given(RECORDS, TENSORS)
def test_pack_and_unpack_round_trip(record, tensors):
    data = container.pack("checkpoint", record, tensors)
    back, arrays = container.unpack(data, "checkpoint")
    assert repr(sorted(back.items())) == repr(sorted(record.items()))
    assert arrays.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert (arrays[name].dtype, arrays[name].shape) == (tensor.dtype, tensor.shape)
        assert arrays[name].tobytes() == tensor.tobytes()  # NaN payloads and -0.0 too
        assert arrays[name].flags.writeable
    assert container.pack("checkpoint", back, arrays) == data


@settings(deadline=None, max_examples=40)
@given(TENSORS)
def test_the_safetensors_library_reads_the_same_arrays(tensors):
    arrays = safetensors.numpy.load(container.pack("model", {}, tensors))
    assert arrays.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert (arrays[name].dtype, arrays[name].shape) == (tensor.dtype, tensor.shape)
        assert arrays[name].tobytes() == tensor.tobytes()


def test_memory_order_and_byte_order_do_not_matter():
    plain = np.arange(12.0).reshape(3, 4)
    wide = np.zeros((3, 8))
    wide[:, ::2] = plain
    expected = container.pack("model", {}, {"w": plain})
    for same in (np.asfortranarray(plain), wide[:, ::2], plain.astype(">f8"), plain[::-1][::-1]):
        assert container.pack("model", {}, {"w": same}) == expected


def test_equal_contents_have_equal_bytes_in_any_order():
    one, two = np.zeros(3, np.float32), np.ones(2)
    a = container.pack("model", {"p": 1, "q": 2}, {"a": one, "b": two})
    assert a == container.pack("model", {"q": 2, "p": 1}, {"b": two, "a": one})


def test_a_checksum_in_the_record_is_not_read_as_that_of_the_file():
    record = {"sha256": "f" * 64, "note": '\\"sha256\\":\\"' + "e" * 64}
    assert container.unpack(container.pack("model", record, {}), "model")[0] == record


def test_arrays_start_at_multiples_of_their_width():
    tensors = {"a": np.zeros(3, np.bool_), "b": np.zeros(3, np.float32), "c": np.zeros(1)}
    data = container.pack("model", {}, tensors)
    size = int.from_bytes(data[:8], "little")
    assert size % 8 == 0
    entries = json.loads(data[8 : 8 + size])
    assert all(entries[name]["data_offsets"][0] % array.itemsize == 0 for name, array in tensors.items())


@pytest.mark.long
def test_every_flipped_bit_is_detected():
    data = bytearray(small_file())
    assert 2000 <= len(data) <= 4096
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        assert code_of(bytes(data)) in ("E420", "E421"), bit
        data[bit // 8] ^= 1 << bit % 8
    container.unpack(bytes(data), "model")


def test_every_truncation_and_extension_is_detected():
    data = small_file()
    for length in range(len(data)):
        assert code_of(data[:length]) == "E420", length
    assert code_of(data + b"\0") == "E420"


@pytest.mark.parametrize(
    "data",
    [
        safetensors.numpy.save({"a": np.zeros(2)}),
        safetensors.numpy.save({"a": np.zeros(2)}, {"format": "pt"}),
        b"name,age\nAda,36\n",
        b"\x80\x04\x95 a pickle would start like this",
        b"PK\x03\x04 a zip would start like this",
    ],
)
def test_a_foreign_file_is_refused(data):
    assert code_of(data) == "E421"


def test_a_newer_version_is_refused():
    document = '{"format":"chainrule","version":2,"kind":"model","sha256":"%s","record":{}}'
    assert code_of(forge({}, document=document)) == "E422"


def test_another_kind_is_refused():
    assert code_of(small_file(), "checkpoint") == "E423"


def test_forged_files_without_a_fault_are_accepted():
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    assert container.unpack(forge({"w": entry}, b"\0" * 4), "model")[1]["w"].tolist() == [0.0]


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [1_000_000, 1_000_000, 1_000_000], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1] * 65, "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [0, 2**62, 2**62], "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 4]},
        {"dtype": "F32", "shape": [1]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], "extra": 1},
        {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]},
        {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "BOOL", "shape": [4], "data_offsets": [0, 4]},
        "weights",
        None,
    ],
)
def test_impossible_arrays_are_refused(entry):
    assert code_of(forge({"w": entry}, b"\0\0\0\7")) == "E424"


def test_arrays_that_overlap_or_leave_bytes_over_are_refused():
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    assert code_of(forge({"a": entry, "b": entry}, b"\0" * 4)) == "E424"
    assert code_of(forge({"a": entry}, b"\0" * 8)) == "E424"


@pytest.mark.parametrize(
    "document",
    [
        '{"format":"chainrule","version":1,"kind":"model","sha256":"%s","record":{},"record":{}}',
        '{"format":"chainrule","version":1,"kind":"model","sha256":"%s","record":{"a":NaN}}',
        '{"format":"chainrule","version":1,"kind":"model","sha256":"%s","record":[]}',
        '{"format":"chainrule","version":true,"kind":"model","sha256":"%s","record":{}}',
        '{"format":"chainrule","version":1,"kind":"model","sha256":"%s"}',
        '{"format":"other","version":1,"kind":"model","sha256":"%s","record":{}}',
        '["sha256", {"sha256":"%s"}]',
        '{"sha256":"%s","record":' + "[" * 50_000 + "]" * 50_000 + "}",
    ],
)
def test_a_record_that_breaks_a_rule_is_refused(document):
    assert code_of(forge({}, document=document)) == "E424"


def test_two_arrays_of_one_name_are_refused():
    entry = '"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    assert code_of(forge("{" + entry + "," + entry + "}", b"\0" * 4)) == "E424"


def test_a_huge_header_is_refused_before_memory_is_allocated():
    assert code_of((2**62).to_bytes(8, "little") + b"{" + b"\0" * 100) == "E420"
    assert code_of((100).to_bytes(8, "little") + b'{"chainrule' + b"[" * 89) == "E420"
    deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert code_of(len(deep).to_bytes(8, "little") + deep) == "E420"
    size = container.HEADER_LIMIT + 8
    assert code_of(size.to_bytes(8, "little") + b"{" + bytes(size)) == "E421"


def test_an_unserializable_record_is_refused_with_every_path():
    with pytest.raises(FileError) as caught:
        container.pack("model", {"loss": float("nan"), "rate": [np.float32(1)]}, {})
    assert caught.value.code == "E425"
    assert "record.loss" in str(caught.value)
    assert "record.rate[0]" in str(caught.value)


def test_unserializable_arrays_are_refused_in_one_error():
    tensors = {
        "a": np.zeros(2, np.float16),
        "b": np.array([None]),
        "__metadata__": np.zeros(1),
        "\ud800": np.ones(1),
    }
    with pytest.raises(FileError) as caught:
        container.pack("model", {}, tensors)
    assert caught.value.code == "E426"
    assert all(word in str(caught.value) for word in ("float16", "object", "__metadata__", "ud800"))


_OPENED: list[str] = []


def _note(event: str, args: tuple[object, ...]) -> None:
    if args and isinstance(args[0], int):  # a descriptor that is open already
        return
    if _OPENED and event.split(".")[0] in ("open", "os", "subprocess", "socket", "import", "exec", "compile"):
        _OPENED.append(f"{event} {args[:1]}")


def test_loading_executes_nothing_and_opens_one_file(tmp_path):
    path = tmp_path / "m.safetensors"
    path.write_bytes(small_file())
    container.load(path, "model")
    sys.addaudithook(_note)
    _OPENED.append("watching")
    container.load(path, "model")
    seen, _OPENED[:] = _OPENED[1:], []
    assert set(seen) == {f"open {(str(tmp_path),)}", f"open {(path.name,)}"}
