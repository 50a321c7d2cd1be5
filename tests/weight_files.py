"""Files of weights as other libraries write them, and hand-made ones that contain hostile pickles."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file

from chainrule.interop.torch.pt_file import MAGIC

FORMS = {"zip": ".pt", "legacy": ".pth", "safetensors": ".safetensors"}
State = Mapping[str, torch.Tensor]


def saved(state: State, folder: Path, form: str = "zip") -> Path:
    """Write a file with these tensors, in a form of ``FORMS``."""
    path = folder / f"weights{FORMS[form]}"
    if form == "safetensors":
        save_file({name: tensor.contiguous().clone() for name, tensor in state.items()}, path)
    else:
        torch.save(dict(state), path, _use_new_zipfile_serialization=form == "zip")
    return path


def randomized(net: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """The network in inference mode with random parameters and buffers, also where they start at 0 or 1."""
    torch.manual_seed(seed)
    for name, tensor in net.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2.0)
        elif tensor.is_floating_point() and tensor.dim() < 2:
            tensor.normal_(1.0 if name.endswith("weight") else 0.0, 0.2)
        elif tensor.is_floating_point():
            tensor.normal_(0.0, tensor[0].numel() ** -0.5)
    return net.eval()


def zipped(members: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive of these members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def members_of(data: bytes) -> dict[str, bytes]:
    """The members of a zip archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def in_zip(program: bytes, storages: Mapping[str, bytes] | None = None) -> bytes:
    """A PyTorch file of the zip form around a pickle."""
    data = {f"archive/data/{key}": storage for key, storage in (storages or {}).items()}
    return zipped({"archive/data.pkl": program, **data})


def in_legacy(program: bytes) -> bytes:
    """A PyTorch file of the old form around a pickle, without storages."""
    magic = b"\x80\x02\x8a\x0a" + MAGIC.to_bytes(10, "little") + b"."
    facts = b"\x80\x02}" + text("little_endian") + b"\x88s."
    return magic + b"\x80\x02M\xe9\x03." + facts + program + b"\x80\x02]."


def text(word: str) -> bytes:
    """The pickle operation that pushes a text."""
    return b"X" + struct.pack("<I", len(word.encode())) + word.encode()


def call(module: str, name: str, arguments: bytes) -> bytes:
    """The pickle operations that call a function with the arguments that some operations push."""
    return f"c{module}\n{name}\n".encode() + b"(" + arguments + b"tR"


def integer(number: int) -> bytes:
    """The pickle operation that pushes an integer."""
    size = number.bit_length() // 8 + 1
    return b"\x8a" + bytes([size]) + number.to_bytes(size, "little", signed=True)


def tensor(shape: tuple[int, ...], count: int, key: str = "0", offset: int = 0, stride: int = 1) -> bytes:
    """The pickle operations that describe a tensor of float32 in a storage of ``count`` numbers."""
    storage = (
        b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + integer(count) + b"tQ"
    )
    sizes = b"(" + b"".join(map(integer, shape)) + b"t"
    strides = b"(" + integer(stride) * len(shape) + b"t"
    rest = b"\x89ccollections\nOrderedDict\n)R"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + integer(offset) + sizes + strides + rest + b"tR"
    )


def state(**tensors: bytes) -> bytes:
    """The pickle of a state_dict whose values are these operations."""
    items = b"".join(text(name) + operations + b"s" for name, operations in tensors.items())
    return b"\x80\x02}" + items + b"."
