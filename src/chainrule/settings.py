"""The few things that hold for a whole session: typed, printable, checked when set."""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from chainrule.errors import ChainruleError, UsageError, nearest

_CHOICES: dict[str, tuple[str, ...]] = {
    "dtype": ("float32", "float64"),
    "engine": ("reference", "native"),
    "lang": ("en", "zh"),
}


def _language() -> str:
    """The user's language from the locale: Chinese or English."""
    name = locale.getlocale()[0] or os.environ.get("LANG", "")
    return "zh" if name.casefold().startswith(("zh", "chinese")) else "en"


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory(root: Path = Path("/")) -> int:
    """How many bytes this process may still take: what the system has, a container allows, a setting grants.

    Args:
        root: where ``proc`` and ``sys`` are found. Where they are not, only the setting counts.
    """
    free = _numbers(root / "proc/meminfo").get("MemAvailable:", sys.maxsize // 1024) * 1024
    for line in _lines(root / "proc/self/cgroup"):
        _, kinds, path = line.split(":", 2)
        kind, limit, usage = ("", "memory.max", "memory.current")
        if "memory" in kinds.split(","):
            kind, limit, usage = ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
        elif kinds:
            continue
        top = root / "sys/fs/cgroup" / kind
        inside = top / path.lstrip("/")
        for folder in (inside, *inside.parents):
            free = min(free, _left_in(folder, limit, usage))
            if folder == top:
                break
    return min(free, settings.memory or free)


def _left_in(folder: Path, limit: str, usage: str) -> int:
    """What a control group may still take; files that the system could drop at once do not count as taken."""
    most, taken = ("".join(_lines(folder / name)) for name in (limit, usage))
    if not (most.isdigit() and taken.isdigit()):
        return sys.maxsize
    return max(0, int(most) - int(taken) + _numbers(folder / "memory.stat").get("inactive_file", 0))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []


def _numbers(file: Path) -> dict[str, int]:
    """The lines of a file that begin with a name and a number."""
    words = (line.split() for line in _lines(file))
    return {w[0]: int(w[1]) for w in words if len(w) > 1 and w[1].isdigit()}


def _memory(value: object) -> int:
    """The bytes that may be taken, once it is known that they are some; 0 means all that are free."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UsageError(
            "E102", where="cr.settings", name="memory", expected="bytes, or 0 for all that are free",
            received=value, fix="cr.settings.memory = 2 * 10**9",
        )  # fmt: skip
    return value


def _threads(value: object) -> int:
    """The number of threads, once it is known to be one; 0 means all processors."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1024:
        raise UsageError(
            "E102",
            where="cr.settings",
            name="threads",
            expected="1 to 1024",
            received=value,
            fix="cr.settings.threads = 2",
        )
    return value or processors()


def _cores(value: object) -> int:
    """The number of cores that plans are made for, once it is known to be one; 0 means all processors."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1024:
        raise UsageError(
            "E102", where="cr.settings", name="cores", expected="1 to 1024, or 0 for this machine's",
            received=value, fix="cr.settings.cores = 2",
        )  # fmt: skip
    return value


def _vector_bytes(value: object) -> int:
    """The width of vectors, once it is known to be one; 0 means the machine's widest."""
    if isinstance(value, bool) or value not in (0, 16, 32, 64):
        raise UsageError(
            "E102", where="cr.settings", name="vector_bytes", expected="16, 32, 64, or 0 for this machine's",
            received=value, fix="cr.settings.vector_bytes = 32",
        )  # fmt: skip
    return int(value)  # pyright: ignore[reportArgumentType]


def _truth(name: str, value: object) -> bool:
    """The value of a switch, once it is known to be true or false."""
    if not isinstance(value, bool):
        raise UsageError(
            "E102", where="cr.settings", name=name, expected="True or False", received=value,
            fix=f"cr.settings.{name} = True",
        )  # fmt: skip
    return value


_COUNTS = {"threads": _threads, "memory": _memory, "cores": _cores, "vector_bytes": _vector_bytes}


def planning_cores() -> int:
    """How many cores plans are made for: ``settings.cores``, or this machine's processors.

    The split of a batch, and with it the order of sums and the last bits of a training, depends on this
    number, never on how many threads do the work. A RUN records it, and resume and replay use the recorded
    number.
    """
    return settings.cores or processors()


@dataclass
class Settings:
    """What ``cr.settings`` holds.

    Args:
        dtype: number kind of parameters and inputs, ``"float32"`` or ``"float64"``.
        engine: what runs graphs.
        lang: language of messages, ``"en"`` or ``"zh"``; the locale's by default.
        threads: how many threads compute; as many as there are processors by default. Results do not depend
            on it.
        memory: how many bytes a training step or a prediction may take; 0, the default, is all that are free.
        cores: how many cores trainings are planned for; 0, the default, is as many as there are processors.
            Results depend on it in the last bits; set it to repeat a training of another machine.
        vector_bytes: the widest vectors that compiled code uses: 16, 32 or 64 bytes; 0, the default, is the
            widest of the machine. With ``portable_bits`` results do not depend on it. It counts for what is
            compiled afterwards.
        portable_bits: whether float32 results have the same bits on processors with vectors of 16, 32 and 64
        bytes. It
            costs nothing where vectors have 64 bytes; off by default, because with 32 bytes some products
            take longer (docs/reproducibility.md). It counts for what is compiled afterwards.
        batch_invariant: whether a row's prediction has the same bits whatever rows are predicted with it.
        Off by
            default, because single rows then take several times as long (docs/decisions/0038).

    Fails:
        UsageError E101: a setting or a value of one that does not exist.
        UsageError E102: fewer than one thread, less than no memory, or a width that there is not.

    Example:
        >>> print(Settings(dtype="float64", lang="en", threads=2))
        dtype = "float64"
        engine = "native"
        lang = "en"
        threads = 2
        memory = 0
        cores = 0
        vector_bytes = 0
        batch_invariant = False
        portable_bits = False
    """

    dtype: str = "float32"
    engine: str = "native"
    lang: str = ""
    threads: int = 0
    memory: int = 0
    cores: int = 0
    vector_bytes: int = 0
    batch_invariant: bool = False
    portable_bits: bool = False

    def __setattr__(self, name: str, value: object) -> None:
        known = [f.name for f in fields(self)]
        if name not in known:
            raise UsageError(
                "E101", where="cr.settings", name=name, expected=", ".join(known), received=name,
                fix=f"cr.settings.{nearest(name, known) or known[0]} = ...",
            )  # fmt: skip
        if name in _COUNTS:
            object.__setattr__(self, name, _COUNTS[name](value))
            return
        if name in ("batch_invariant", "portable_bits"):
            object.__setattr__(self, name, _truth(name, value))
            return
        if name == "lang" and value == "":
            value = _language()
        if value not in _CHOICES[name]:
            close = nearest(str(value), _CHOICES[name]) or _CHOICES[name][0]
            raise UsageError(
                "E101", where=f"cr.settings.{name}", name=value, expected=", ".join(_CHOICES[name]),
                received=value, fix=f'cr.settings.{name} = "{close}"',
            )  # fmt: skip
        object.__setattr__(self, name, value)

    def __str__(self) -> str:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return "\n".join(f'{k} = "{v}"' if isinstance(v, str) else f"{k} = {v}" for k, v in values.items())

    @contextmanager
    def using(self, **changes: str | int) -> Iterator[Settings]:
        """These settings with changes, inside a ``with`` block only."""
        before = {name: getattr(self, name) for name in changes}
        try:
            for name, value in changes.items():
                setattr(self, name, value)
            yield self
        finally:
            for name, value in before.items():
                setattr(self, name, value)


settings = Settings()
ChainruleError.language = staticmethod(lambda: settings.lang)
