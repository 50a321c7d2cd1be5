"""The ways in which a file of weights is refused, each made in one place."""

from __future__ import annotations

from collections.abc import Iterable

from chainrule.errors import FileError

SAFE = 'in PyTorch, where you trust the file: torch.save(model.state_dict(), "weights.pt")'


def not_weights(
    where: str, received: str, fix: str = "give a .safetensors, .pt, .pth or .bin file"
) -> FileError:
    """E450: something else than weights."""
    return FileError(
        "E450", where=where, expected="a safetensors or PyTorch file", received=received, fix=fix
    )


def broken(where: str, expected: str, received: str) -> FileError:
    """E451: weights that are cut off, damaged, or not what the format allows."""
    fix = "fetch the file again and compare its size or checksum with the publisher's"
    return FileError("E451", where=where, expected=expected, received=received, fix=fix)


def unsafe(where: str, asked: str) -> FileError:
    """E452: a pickle that asks for more than numbers; what it asks for was not done."""
    expected = "tensors, and dicts, lists, texts and numbers around them"
    return FileError(
        "E452", where=where, name=clipped(asked), expected=expected, received=clipped(asked), fix=SAFE
    )


def whole_model(where: str, received: str) -> FileError:
    """E453: a pickled object, where its weights are wanted."""
    return FileError(
        "E453", where=where, expected="a state_dict: tensors by name", received=clipped(received), fix=SAFE
    )


def other_kind(where: str, name: str, kind: str, known: Iterable[str]) -> FileError:
    """E456: numbers that are read nowhere here, such as complex or quantised ones."""
    return FileError(
        "E456", where=where, expected=", ".join(known), received=f"{clipped(kind)} for {clipped(name)}",
        fix="model.float() in PyTorch before the weights are saved",
    )  # fmt: skip


def clipped(text: str, length: int = 80) -> str:
    """A text of a file, short enough to be shown, with nothing in it that a terminal would obey."""
    shown = "".join(sign if sign.isprintable() else "?" for sign in text[: length + 1])
    return shown if len(shown) <= length else f"{shown[:length]}..."
