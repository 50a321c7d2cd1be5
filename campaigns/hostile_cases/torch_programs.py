"""Pickles, zip archives and safetensors headers of any size that try to make their reader slow.

Each function returns a file of about ``n`` bytes. Its name states what takes quadratic time in a careless
reader.
"""

from __future__ import annotations

import json
import random
import struct
import zipfile
from collections.abc import Callable
from io import BytesIO

from chainrule.errors import ChainruleError
from chainrule.interop.torch.pickle_reader import run

MAGIC = 0x1950A86A20F9469CFC6C
PRIME = 2**61 - 1  # the hash of a Python int is its remainder modulo this prime


def text(word: str) -> bytes:
    """The operation that pushes a text."""
    return b"X" + struct.pack("<I", len(word.encode())) + word.encode()


def number(value: int) -> bytes:
    """The operation that pushes an integer."""
    size = value.bit_length() // 8 + 1
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def storage(key: bytes, count: int) -> bytes:
    """The operations that push a storage of float32; ``key`` pushes its key."""
    return b"(" + text("storage") + b"ctorch\nFloatStorage\n" + key + text("cpu") + number(count) + b"tQ"


def zipped(program: bytes, **storages: bytes) -> bytes:
    """A file in PyTorch's zip format."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + program + b".")
        for key, data in storages.items():
            archive.writestr(f"archive/data/{key[1:]}", data)
    return stream.getvalue()


def legacy(program: bytes, keys: bytes = b"]") -> bytes:
    """A file in PyTorch's legacy format."""
    magic = b"\x80\x02\x8a\x0a" + MAGIC.to_bytes(10, "little") + b"."
    facts = b"\x80\x02}" + text("little_endian") + b"\x88s."
    return magic + b"\x80\x02M\xe9\x03." + facts + b"\x80\x02" + program + b".\x80\x02" + keys + b"."


def _keys(keys: Callable[[int], int], n: int) -> bytes:
    pairs = b"".join(number(keys(k)) + b"N" for k in range(n // 10))
    return zipped(b"}(" + pairs + b"u")


def _call(arguments: bytes, calls: bytes, n: int) -> bytes:
    """A long tuple in the memo, and repeated calls with it."""
    long = b"(" + arguments * (n // 2 // len(arguments)) + b"tq\x00"
    return zipped(long + calls * (n // 2 // len(calls)))


REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\nq\x01"
PARAMETER = b"ctorch._utils\n_rebuild_parameter\nq\x01"


def equal_keys(n: int) -> bytes:
    """Two equal long texts, one the key of a dict, the other set repeatedly."""
    long = text("k" * (n // 3))
    return zipped(b"}" + long + b"Ns" + long + b"q\x00" + b"0" + b"h\x00Ns" * (n // 12))


def equal_storages(n: int) -> bytes:
    """Storages whose long keys are equal but distinct texts."""
    long = text("1" * (n // 3))
    begin = long + b"q\x00" + long + b"q\x01"
    one = b"(" + text("storage") + b"ctorch\nFloatStorage\nh\x01" + text("cpu") + b"K\x00tQ0"
    return legacy(b"}" + begin + b"00" + one * (n // 3 // len(one)))


def equal_listed(n: int) -> bytes:
    """A list of storages that contains one long text many times."""
    keys = b"](" + text("1" * (n // 2)) + b"q\x00" + b"h\x00" * (n // 4) + b"e"
    return legacy(b"}", keys)


def shared_dicts(n: int) -> bytes:
    """One dict of many tensors under many names."""
    tensor = REBUILD + b"(" + storage(text("0"), 1) + b"K\x00K\x01\x85K\x01\x85\x89NtRq\x02"
    inner = b"}(" + b"".join(text(f"a{i}") + b"h\x02" for i in range(n // 22)) + b"uq\x03"
    names = b"".join(text(f"b{i}") + b"h\x03s" for i in range(n // 24))
    return zipped(tensor + b"0" + inner + b"0" + b"}" + names, _0=bytes(4))


def views(n: int) -> bytes:
    """Many tensors over one storage."""
    data = storage(text("0"), n // 8) + b"q\x02"
    one = b"h\x01(h\x02K\x00K\x01\x85K\x01\x85\x89NtR"
    items = b"".join(text(f"a{i}") + one + b"s" for i in range(n // 60))
    return zipped(REBUILD + data + b"00}" + items, _0=bytes(n // 8 * 4))


def broadcast(n: int) -> bytes:
    """Tensors that repeat one number as often as their storage is long."""
    count = n // 8
    one = b"h\x01(h\x02K\x00" + number(count) + b"\x85K\x00\x85\x89NtR"
    items = b"".join(text(f"a{i}") + one + b"s" for i in range(n // 60))
    return zipped(REBUILD + storage(text("0"), count) + b"q\x0200}" + items, _0=bytes(count * 4))


def members(n: int) -> bytes:
    """An archive of many empty members."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
        for i in range(min(n // 110, 60_000)):
            archive.writestr(f"archive/data/{i}", b"")
    return stream.getvalue()


def extra_fields(n: int) -> bytes:
    """Members with long extra fields of many parts."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
        for i in range(max(1, n // 131_000)):
            info = zipfile.ZipInfo(f"archive/data/{i}")
            info.extra = b"\x99\x99\x00\x00" * 16_000
            archive.writestr(info, b"")
    return stream.getvalue()


def long_names(n: int) -> bytes:
    """Members in a folder with a long name."""
    stream, root = BytesIO(), "r" * 900
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(f"{root}/data.pkl", b"\x80\x02}.")
        for i in range(n // 1900):
            archive.writestr(f"{root}{i}", b"")
    return stream.getvalue()


def safetensors(header: str | bytes, body: bytes = b"") -> bytes:
    """A safetensors file."""
    coded = header.encode() if isinstance(header, str) else header
    return len(coded).to_bytes(8, "little") + coded + body


def many_tensors(n: int) -> bytes:
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    return safetensors(json.dumps({f"t{i}": entry for i in range(n // 70)}))


PROGRAMS: dict[str, Callable[[int], bytes]] = {
    "keys, multiples of the prime": lambda n: _keys(lambda k: k * PRIME + 1, n),
    "keys, multiples of 2**40": lambda n: _keys(lambda k: k << 40, n),
    "keys, all small": lambda n: _keys(lambda k: k, n),
    "keys, texts": lambda n: zipped(b"}(" + b"".join(text(f"{i}") + b"N" for i in range(n // 11)) + b"u"),
    "memo, places far apart": lambda n: zipped(
        b"N" + b"".join(f"p{k * PRIME + 1}\n".encode() for k in range(n // 22))
    ),
    "memo, places of a prime": lambda n: zipped(
        b"N" + b"".join(f"p{k << 20}\n".encode() for k in range(n // 12))
    ),
    "memo, in order": lambda n: zipped(
        b"N" + b"".join(b"r" + struct.pack("<I", k) for k in range(n // 6)) + b"0}"
    ),
    "calls with many arguments": lambda n: _call(b"N", PARAMETER + b"h\x00R0", n),
    "tensors of many axes": lambda n: _call(
        b"K\x01", REBUILD + b"(" + storage(text("0"), 1) + b"K\x00h\x00h\x00tR0", n
    ),
    "sizes of many axes": lambda n: _call(b"K\x01", b"ctorch\nSize\n(h\x00tR0", n),
    "storages of long tuples": lambda n: _call(b"N", b"h\x00Q0", n),
    "equal keys": equal_keys,
    "equal storages": equal_storages,
    "equal listed": equal_listed,
    "shared dicts": shared_dicts,
    "views": views,
    "broadcast": broadcast,
    "deep tuples": lambda n: zipped(b")" + b"\x85" * n),
    "deep lists": lambda n: zipped(b"]" * (n // 2) + b"a" * (n // 2 - 1)),
    "deep dicts": lambda n: zipped(b"}" + (text("a") + b"}") * (n // 10) + b"s" * (n // 10)),
    "copies of a reference": lambda n: zipped(b"]" + b"2" * (n // 2) + b"a" * (n // 2)),
    "marks": lambda n: zipped(b"(" * (n // 2) + b"1" * (n // 2) + b"}"),
    "a mark far below": lambda n: zipped(b"(" + b"N" * (n // 2) + b"0" * (n // 2) + b"t0}"),
    "one list, filled in turns": lambda n: zipped(b"]" + b"(NNe" * (n // 4)),
    "one list, put into lists": lambda n: zipped(
        b"](" + b"N" * (n // 2) + b"eq\x00" + b"]h\x00a0" * (n // 10)
    ),
    "tuples of a long tuple": lambda n: _call(b"N", b"h\x00\x850", n),
    "one long number": lambda n: zipped(b"\x8b" + struct.pack("<i", n) + b"\x7f" * n),
    "long numbers as keys": lambda n: zipped(
        b"}" + (b"\x8b" + struct.pack("<i", 2000) + b"\x7f" * 2000 + b"Ns") * (n // 2010)
    ),
    "digits": lambda n: zipped((b"I" + b"9" * 4000 + b"\n0") * (n // 4003) + b"}"),
    "a float of many digits": lambda n: zipped(b"F" + b"1" * n + b"\n0}"),
    "a text as escapes": lambda n: zipped(b"S'" + b"\\x41" * (n // 4) + b"'\n0}"),
    "a text as unicode escapes": lambda n: zipped(b"V" + b"\\u4141" * (n // 6) + b"\n0}"),
    "a long name": lambda n: zipped(b"c" + b"a" * n + b"\nb\n"),
    "a long stacked name": lambda n: zipped(text("a" * n) + b"q\x00" + b"h\x00\x93"),
    "a long persistent id": lambda n: zipped(b"P" + b"a" * n + b"\n"),
    "bytes, not used": lambda n: zipped((b"C\xff" + b"a" * 255 + b"0") * (n // 258) + b"}"),
    "states of dicts": lambda n: zipped(b"}" + b"}b" * (n // 2)),
    "pickles, one after the other": lambda n: legacy(b"}") + b"\x80\x02}." * (n // 4),
    "members": members,
    "extra fields": extra_fields,
    "long names of members": long_names,
    "no end of the directory": lambda n: b"PK\x03\x04" + b"PK\x05\x06" * (n // 4),
    "header: many tensors": many_tensors,
    "header: one long key above numbers": lambda n: safetensors(json.dumps({"k" * (n // 2): [0] * (n // 6)})),
    "header: a key in a key": lambda n: safetensors(
        '{"' + "k" * 1000 + '":' + '{"a":' * 60 + "[" + "0," * (n // 2) + "0]" + "}" * 61
    ),
    "header: one name twice": lambda n: safetensors('{"a":0' + ',"a":0' * (n // 6) + "}"),
    "header: brackets": lambda n: safetensors("[" * n),
    "header: digits": lambda n: safetensors('{"a":' + "9" * n + "}"),
    "header: a float of many digits": lambda n: safetensors('{"a":0.' + "9" * n + "}"),
    "header: many numbers of digits": lambda n: safetensors(
        '{"a":[' + ",".join(["9" * 4000] * (n // 4001)) + "]}"
    ),
    "header: escapes": lambda n: safetensors('{"' + "\\u0041" * (n // 6) + '":0}'),
    "header: a shape of many axes": lambda n: safetensors(
        json.dumps({"a": {"dtype": "F32", "shape": [2**40] * (n // 15), "data_offsets": [0, 4]}})
    ),
    "header: spaces": lambda n: safetensors(" " * n + "{}"),
}

PIECES = (
    b"(",
    b")",
    b"}",
    b"]",
    b"N",
    b"K\x01",
    b"t",
    b"\x85",
    b"\x86",
    b"\x87",
    b"s",
    b"u",
    b"e",
    b"a",
    b"l",
    b"d",
    b"0",
    b"1",
    b"2",
    b"h\x00",
    b"h\x01",
    b"h\x02",
    b"h\x03",
    b"q\x04",
    b"h\x04",
    b"\x94",
    b"R",
    b"Q",
    b"b",
    text("a"),
    text("k" * 50),
    number(PRIME),
    b"ccollections\nOrderedDict\n",
    b"ctorch\nSize\n",
    b"ctorch._utils\n_rebuild_parameter\n",
    b"ctorch\nFloatStorage\n",
)


def mixed(seed: int) -> Callable[[int], bytes]:
    """A sequence of a few operations, repeated until the file has its size, after values of half the size.

    Most sequences are refused at once, so sequences are sampled until one is accepted when it is repeated.
    """
    draw = random.Random(seed)
    large = draw.choice([b"(" + b"N" * 1000 + b"t", b"(" + b"K\x01" * 500 + b"l", b""])

    def repeated(phrase: bytes, n: int) -> bytes:
        values = large * (n // 2 // len(large)) if large else text("k" * (n // 2))
        begin = b"]q\x00}q\x01(" + values + b"tq\x02" + text("name") + b"q\x03"
        return begin + phrase * (n // 2 // len(phrase))

    for _ in range(2000):
        phrase = b"".join(draw.choice(PIECES) for _ in range(draw.randint(2, 9)))
        if _is_obeyed(repeated(phrase, 4000)):
            return lambda n: zipped(repeated(phrase, n))
    return lambda n: zipped(repeated(b"N", n))


def _is_obeyed(program: bytes) -> bool:
    """Whether the reader processes a program to its end, where several values are left."""
    try:
        run(BytesIO(program + b"."), "mix")
    except ChainruleError as error:
        return "values at its end" in str(error.received)
    return True
