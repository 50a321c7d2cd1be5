"""Small valid files of every format with one changed byte: every byte, five values each.

The files are those of ``campaigns/corpus/``. A changed file is read completely; the result is its rows or an
error with a code. An event is anything else: a traceback, the end of the process, more than ``SECONDS`` or
``MEGABYTES``, in this process or in its decoder.
"""

from __future__ import annotations

import hashlib
import re
import resource
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from campaigns.corpus_files import CORPUS, REGRESSIONS
from campaigns.hostile_cases import forked
from campaigns.hostile_cases.section import Section

from chainrule.data import read_table
from chainrule.data.readers.audio import read_sound
from chainrule.data.readers.audio_folder import SUFFIXES as SOUNDS
from chainrule.data.readers.images import SUFFIXES, read_images
from chainrule.data.readers.isolated import decoding
from chainrule.data.readers.streaming import map_array
from chainrule.errors import ChainruleError
from chainrule.interop.file_reader import read_weights
from chainrule.interop.onnx import read_onnx
from chainrule.interop.vnnlib import read_vnnlib

SECONDS, MEGABYTES = 10.0, 600.0  # of one case, in the process that reads it
DECODER_MEGABYTES = (
    1500.0  # of a decoder process: it may take 1 GB, the default of decode_limit, and more beside it
)


Observer = Callable[["Change", str, bool], None]


class Change(NamedTuple):
    """A seed file with changed bytes.

    Args:
        name: of the seed.
        title: what was changed.
        content: the bytes.
    """

    name: str
    title: str
    content: bytes


def single_bytes(name: str, content: bytes) -> Iterator[Change]:
    """Every byte set to 0, 1, 127, 255, and with its highest bit changed."""
    for place, byte in enumerate(content):
        for value in sorted({0, 1, 127, 255, byte ^ 0x80} - {byte}):
            changed = content[:place] + bytes([value]) + content[place + 1 :]
            yield Change(name, f"byte {place} = {value}", changed)


def shortened(name: str, content: bytes) -> Iterator[Change]:
    """Every beginning of the file."""
    for length in range(len(content)):
        yield Change(name, f"{length} bytes", content[:length])


def seed_files() -> list[Path]:
    """The seeds, sorted by name."""
    return sorted(path for path in CORPUS.iterdir() if path.is_file())


def all_changes(count: int = 0) -> list[Change]:
    """Every changed byte and every beginning of every seed.

    Args:
        count: of changes of each seed, spread over the file; 0: all.
    """
    changes = []
    for path in seed_files():
        content = path.read_bytes()
        of_seed = [*single_bytes(path.name, content), *shortened(path.name, content)]
        changes += of_seed[1 :: max(1, len(of_seed) // count)] if count else of_seed
    return changes


def regressions() -> list[Change]:
    """Files that once led to an event."""
    return [Change(path.name, "", path.read_bytes()) for path in sorted(REGRESSIONS.iterdir())]


def read(change: Change) -> str:
    """Read a file; return "read", its error with code and fact, or any other exception as text."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "pets", "cat")
        folder.mkdir(parents=True)
        path = folder / change.name
        path.write_bytes(change.content)
        try:
            reader(change.name)(path)
        except ChainruleError as error:
            str(error).encode()
            return f"{error.code} {error.received}"
        except BaseException as error:  # a panic of a library is no Exception
            return f"{type(error).__name__}: {error}"[:300]
    return "read"


def reader(name: str) -> Callable[[Path], object]:
    """The function that reads files of a name completely."""
    suffix = Path(name).suffix
    if suffix in SUFFIXES:
        return lambda path: read_images(path.parents[1], size=(8, 8))
    if suffix in SOUNDS:
        return read_sound
    if suffix in (".safetensors", ".pt"):
        return read_weights
    if suffix == ".onnx":
        return read_onnx
    if suffix == ".vnnlib":
        return lambda path: read_vnnlib(path, 2, 2)
    if suffix == ".npy":
        return lambda path: np.array(map_array(path))
    return lambda path: read_table(path).frame.rows()


def is_handled(result: object) -> bool:
    """Whether a case ended with a table or a coded error."""
    return result == "read" or (isinstance(result, str) and re.match(r"E[0-9]{3} ", result) is not None)


def tried(
    title: str, changes: Sequence[Change], children: int = 2, observe: Observer | None = None
) -> Section:
    """A section of changed files.

    Args:
        title: of the section.
        changes: the files.
        children: how many processes read them at once.
        observe: is called with each file, its detailed result and whether it is an event.
    """
    section = Section(title, remark="rows or an error with a code")
    for outcome in forked.run(measured, changes, SECONDS, children):
        change = changes[outcome.case]
        result, decoder = outcome.result if isinstance(outcome.result, tuple) else (outcome.result, 0.0)
        section.cases += 1
        section.worst_seconds = max(section.worst_seconds, outcome.seconds)
        section.worst_megabytes = max(section.worst_megabytes, outcome.megabytes, decoder)
        is_large = outcome.megabytes > MEGABYTES or decoder > DECODER_MEGABYTES
        is_event = is_large or not is_handled(result)
        if observe is not None:
            observe(change, str(result), is_event)
        if is_event:
            took = f"{outcome.seconds:.1f} s, {outcome.megabytes:.0f} MB, decoder {decoder:.0f} MB"
            section.events.append(f"{change.name}, {change.title}: {result} ({took})")
    return section


def measured(change: Change) -> tuple[str, float]:
    """The result of a file, and the most memory in megabytes that a decoder process took until now."""
    result = read(change)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
    return result, max([ended, *(_peak(decoder.child.pid) for decoder in decoding._idle)])


def _peak(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM:")), 0.0)


def keep(change: Change) -> Path:
    """Save a file that led to an event beside the others of its kind."""
    name = (
        f"{Path(change.name).stem}-{hashlib.sha256(change.content).hexdigest()[:8]}{Path(change.name).suffix}"
    )
    path = REGRESSIONS / name
    path.write_bytes(change.content)
    return path


def run(quick: bool, seed: int) -> list[Section]:
    """Every change of every seed, or a tenth of them; ``seed`` selects which."""
    changes = all_changes()
    return [
        tried("files that once led to an event", regressions()),
        tried("files with one changed byte, and cut off", changes[seed % 10 :: 10] if quick else changes),
    ]
