"""The errors for refused weights files."""

from __future__ import annotations

from collections.abc import Iterable

from chainrule.errors import FileError, Message, fact

SAFE = fact('in PyTorch, where you trust the file: torch.save(model.state_dict(), "weights.pt")')


def not_weights(
    where: str, received: str, fix: str = fact("give a .safetensors, .pt, .pth or .bin file")
) -> FileError:
    """Return the error E450: not a weights file."""
    return FileError(
        "E450", where=where, expected=fact("a safetensors or PyTorch file"), received=received, fix=fix
    )


def broken(where: str, expected: str, received: str) -> FileError:
    """Return the error E451: truncated, damaged, or not valid for the format."""
    fix = fact("fetch the file again and compare its size or checksum with the publisher's")
    return FileError("E451", where=where, expected=expected, received=received, fix=fix)


def unsafe(where: str, request: str) -> FileError:
    """Return the error E452: a pickle that requests more than values; the request was not executed."""
    expected = fact("tensors, and dicts, lists, texts and numbers around them")
    return FileError(
        "E452", where=where, name=clipped(request), expected=expected, received=clipped(request), fix=SAFE
    )


def pickled_model(where: str, received: str) -> FileError:
    """Return the error E453: a pickled object instead of its weights."""
    return FileError(
        "E453",
        where=where,
        expected=fact("a state_dict: tensors by name"),
        received=clipped(received),
        fix=SAFE,
    )


def other_kind(where: str, name: str, kind: str, known: Iterable[str]) -> FileError:
    """Return the error E456: unsupported dtypes, such as complex or quantized ones."""
    received = f"{clipped(kind)} for {clipped(name)}"
    fix = fact("model.float() in PyTorch before the weights are saved")
    return FileError("E456", where=where, expected=", ".join(known), received=received, fix=fix)


def clipped(text: str, length: int = 80) -> str:
    """Return a text of a file, shortened for messages and without control characters; short records stay."""
    if isinstance(text, Message) and len(text) <= length:
        return text
    text_shown = "".join(sign if sign.isprintable() else "?" for sign in text[: length + 1])
    return text_shown if len(text_shown) <= length else f"{text_shown[:length]}..."
