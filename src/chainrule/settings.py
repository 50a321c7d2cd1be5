"""Global settings of a process: typed, printable, validated on assignment."""

from __future__ import annotations

import locale
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, TypeAlias

from chainrule.errors import ChainruleError, UsageError, fact
from chainrule.thread_count import default_threads, processors, read_lines
from chainrule.validation import boolean, choice, integer, out_of_range, unknown

Language: TypeAlias = Literal["en", "zh"]
EngineName: TypeAlias = Literal["native", "reference", "xla"]
FloatName: TypeAlias = Literal["float32", "float64"]
MatmulName: TypeAlias = Literal["highest", "high", "default"]
PrecisionName: TypeAlias = Literal["float32", "bfloat16"]
ParallelName: TypeAlias = Literal["deterministic", "fast"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "dtype": ("float32", "float64"),
    "engine": ("reference", "native", "xla"),
    "lang": ("en", "zh"),
    "matmul_precision": ("highest", "high", "default"),
    "parallel": ("deterministic", "fast"),
    "precision": ("float32", "bfloat16"),
}

_OTHER_PRECISIONS: dict[str, str] = dict.fromkeys(
    ("bf16", "float16", "fp16", "half", "mixed", "mixed_bfloat16", "mixed_float16"), "bfloat16"
)
"""Names of 16-bit precisions in other libraries: float16 loses small gradients, so bfloat16 is proposed."""

LANGUAGE_VARIABLE = "CHAINRULE_LANG"
LANGUAGES: tuple[Language, ...] = ("en", "zh")
_MAX_CHARACTERS = 10_000  # of a settings file


def language_of(variables: Mapping[str, str]) -> Language:
    """Return the language that environment variables ask for, Chinese or English.

    They are read as text, because the locale that they name need not be installed, as in most containers.
    ``CHAINRULE_LANG`` comes first. Then the rules of gettext hold: the locale is the first of ``LC_ALL``,
    ``LC_MESSAGES`` and ``LANG`` that is set; unless it is C or POSIX, the languages in ``LANGUAGE`` come
    before it.

    Example:
        >>> language_of({"LANG": "zh_CN.UTF-8"}), language_of({"LANG": "zh_CN", "LC_ALL": "C.UTF-8"})
        ('zh', 'en')
        >>> language_of({"LANG": "en_US", "LANGUAGE": "zh_TW:en"}), language_of({"CHAINRULE_LANG": "zh"})
        ('zh', 'zh')
    """
    own = _known_language(variables.get(LANGUAGE_VARIABLE, ""))
    if own is not None:
        return own
    locale_name = next(filter(None, map(variables.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    is_plain = locale_name.partition(".")[0].casefold() in ("c", "posix")
    preferred = [] if is_plain else variables.get("LANGUAGE", "").split(":")
    for name in (*preferred, locale_name):
        language = _known_language(name)
        if language is not None:
            return language
    return "en"


def _known_language(name: str) -> Language | None:
    """Return the language of a locale, such as ``zh_CN.UTF-8``; ``None`` if it is another one."""
    if name.casefold().startswith(("zh", "chinese")):
        return "zh"
    return "en" if name.casefold().startswith(("en", "english")) else None


def settings_file() -> Path:
    """Return the path of the user's settings file, which need not exist.

    It is ``chainrule/settings.toml`` in ``$XDG_CONFIG_HOME`` or ``~/.config``; a relative ``XDG_CONFIG_HOME``
    is ignored, as the XDG Base Directory Specification requires.
    """
    base = os.environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if os.path.isabs(base) else Path(os.path.expanduser("~"), ".config")
    return folder / "chainrule" / "settings.toml"


def language_in_file(file: Path) -> Language | None:
    """Return the language of a settings file: its line ``lang = "zh"`` or ``lang = "en"``.

    Returns:
        ``None`` if there is no file, or if it cannot be read; a warning then gives the reason.
    """
    if not file.is_file():
        return None
    try:
        with file.open(encoding="utf-8") as stream:
            text = stream.read(_MAX_CHARACTERS)
    except (OSError, ValueError) as error:
        return _without_settings(file, str(error))
    import tomllib  # noqa: PLC0415 most users have no settings file

    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return _without_settings(file, str(error))
    lang = values.pop("lang", None)
    if values or lang not in LANGUAGES:
        received = repr(lang) if not values else ", ".join(values)
        return _without_settings(
            file, f'expected one line, lang = "zh" or lang = "en"; received {received:.60}'
        )
    return lang


def _without_settings(file: Path, reason: str) -> None:
    """Warn that a settings file is ignored."""
    warnings.warn(f"the settings file {file} is ignored: {reason}", stacklevel=2)


def _language() -> Language:
    """Return the user's language.

    It is that of ``CHAINRULE_LANG``, of the settings file, of the environment or of the system's locale
    (macOS, Windows).
    """
    own = _known_language(os.environ.get(LANGUAGE_VARIABLE, "")) or language_in_file(settings_file())
    if own is not None:
        return own
    if any(os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE")):
        return language_of(os.environ)
    return _known_language(locale.getlocale()[0] or "") or "en"


def free_memory(root: Path = Path("/")) -> int:
    """Return the bytes that this process may still allocate, as limited by the system, its container and
    ``settings``.

    Args:
        root: the folder that contains ``proc`` and ``sys``. Without them, only ``settings.memory`` counts.
    """
    free = _number(f"{root}/proc/meminfo", "MemAvailable:", sys.maxsize // 1024) * 1024
    for line in read_lines(f"{root}/proc/self/cgroup"):
        _, kinds, path = line.split(":", 2)
        kind, limit, usage = ("", "memory.max", "memory.current")
        if "memory" in kinds.split(","):
            kind, limit, usage = ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
        elif kinds:
            continue
        folder = f"{root}/sys/fs/cgroup/{kind}"
        free = min(free, _available_in_group(folder, limit, usage))
        for part in filter(None, path.split("/")):
            folder = f"{folder}/{part}"
            free = min(free, _available_in_group(folder, limit, usage))
    return min(free, settings.memory or free)


def _available_in_group(folder: str, limit: str, usage: str) -> int:
    """Return the bytes that a control group may still allocate; droppable file caches count as free."""
    limit_text = "".join(read_lines(f"{folder}/{limit}"))
    used_text = "".join(read_lines(f"{folder}/{usage}")) if limit_text.isdigit() else ""
    if not used_text.isdigit():
        return sys.maxsize
    return max(0, int(limit_text) - int(used_text) + _number(f"{folder}/memory.stat", "inactive_file", 0))


def _number(file: str, name: str, default: int) -> int:
    """Return the number in the line ``name number`` of a file; ``default`` if there is none."""
    words = next((line.split() for line in read_lines(file) if line.startswith(f"{name} ")), [])
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else default


def _memory(value: object) -> int:
    """Validate a memory limit in bytes; 0 means all free memory."""
    return integer(value, "cr.settings.memory", "cr.settings", minimum=0, maximum=2**63, example=2 * 10**9)


def _threads(value: object) -> int:
    """Validate a number of threads; 0 means the default of this process."""
    threads = integer(value, "cr.settings.threads", "cr.settings", minimum=0, maximum=1024, example=2)
    return threads or default_threads()


def _cores(value: object) -> int:
    """Validate a number of cores for planning; 0 means all processors."""
    return integer(value, "cr.settings.cores", "cr.settings", minimum=0, maximum=1024, example=2)


def _devices(value: object) -> int:
    """Validate a number of devices; 0 means one, or all of a training of several processes."""
    return integer(value, "cr.settings.devices", "cr.settings", minimum=0, maximum=4096, example=2)


def _vector_bytes(value: object) -> int:
    """Validate a vector width in bytes; 0 means the widest of the machine."""
    if isinstance(value, bool) or value not in (0, 16, 32, 64):
        expected = fact("16, 32, 64, or 0 for this machine's")
        raise out_of_range(value, "cr.settings.vector_bytes", "cr.settings", expected, 32)
    return int(value)  # pyright: ignore[reportArgumentType]


def _decode_limit(value: object) -> int:
    """Validate the number of bytes that a file may take when it is decoded."""
    limits = {"minimum": 1_000_000, "maximum": 2**50}
    return integer(value, "cr.settings.decode_limit", "cr.settings", **limits, example=4_000_000_000)


_MESH = re.compile(r"\s*([a-z_]\w*)\s*=\s*([1-9]\d{0,3})\s*")
_RULE = re.compile(r"\s*([\w.*?]+)\s*=\s*([a-z_]\w*)\s*")
SHARDINGS = ("copies", "parameters")


def mesh_of(text: str) -> dict[str, int]:
    """Return the length of each axis of a mesh of devices, by name.

    Raises:
        UsageError E102: another form.

    Example:
        >>> mesh_of("data=2, model=4")
        {'data': 2, 'model': 4}
    """
    axes = [_MESH.fullmatch(part) for part in text.split(",")] if text else []
    names = [axis[1] for axis in axes if axis]
    if len(set(names)) < len(axes):
        expected = fact('axes with their lengths, such as "data=2, model=4"')
        example = f"data={settings.devices or 1}"
        raise out_of_range(text, "cr.settings.mesh", "cr.settings", expected, example)
    return {axis[1]: int(axis[2]) for axis in axes if axis}


def sharding_rules(text: str) -> tuple[tuple[str, str], ...]:
    """Return the axis along which the parameters at some paths are divided, as pairs of pattern and axis.

    Args:
        text: a value of ``settings.sharding``; ``SHARDINGS`` contain no rules.

    Raises:
        UsageError E102: another form.

    Example:
        >>> sharding_rules("blocks.*=model, output=model")
        (('blocks.*', 'model'), ('output', 'model'))
    """
    rules = [] if text in SHARDINGS else [_RULE.fullmatch(part) for part in text.split(",")]
    if None in rules:
        expected = fact('"copies", "parameters", or layers with axes of the mesh, such as "blocks.*=model"')
        raise out_of_range(text, "cr.settings.sharding", "cr.settings", expected, "parameters")
    return tuple((rule[1], rule[2]) for rule in rules if rule)


def require_fast_layout() -> None:
    """Refuse a mesh or a sharding where ``settings.parallel`` is not ``"fast"``.

    Raises:
        UsageError E102: it is ``"deterministic"``, which has copies of all parameters on one axis of devices.
    """
    if settings.parallel == "deterministic" and (settings.mesh or settings.sharding != "copies"):
        name = "mesh" if settings.mesh else "sharding"
        expected = fact('"fast", which the setting {name} needs', name=name)
        raise refused_setting("parallel", settings.parallel, expected, "fast")


def refused_setting(name: str, received: object, expected: object, example: object) -> UsageError:
    """Return the error for the value of a setting, with an assignment as its fix."""
    where = f"cr.settings.{name}"
    fix = f"{where} = {example!r}".replace("'", '"')
    return UsageError("E102", where=where, name=name, expected=expected, received=received, fix=fix)


def _mesh(value: object) -> str:
    """Validate the axes of a mesh; empty: one axis of all devices."""
    text = value if isinstance(value, str) else repr(value)
    mesh_of(text)
    return text


def _sharding(value: object) -> str:
    """Validate how parameters are divided."""
    text = value if isinstance(value, str) else repr(value)
    sharding_rules(text)
    return text


_FLAGS = ("batch_invariant", "portable_bits", "isolated_decoding")
_CHECKED = {
    "threads": _threads,
    "memory": _memory,
    "cores": _cores,
    "devices": _devices,
    "vector_bytes": _vector_bytes,
    "decode_limit": _decode_limit,
    "mesh": _mesh,
    "sharding": _sharding,
}


def known_precision(value: object, where: str) -> PrecisionName:
    """Return a precision after checking it.

    Raises:
        UsageError E101: another one; for float16, the fix is bfloat16.
    """
    known, others = _CHOICES["precision"], _OTHER_PRECISIONS
    return choice(value, known, "precision", where, aliases=others)  # pyright: ignore[reportReturnType]


def planning_cores() -> int:
    """Return the number of cores that plans are computed for, ``settings.cores`` or those of this machine.

    The split of a batch, and with it the order of sums and the last bits of a training, depends on this
    number, never on the number of threads. A run folder records it; resume and replay use the recorded
    number.
    """
    return settings.cores or processors()


@dataclass
class Settings:
    """The settings in ``cr.settings``.

    Args:
        dtype: dtype of parameters and inputs, ``"float32"`` or ``"float64"``.
        engine: the engine that runs graphs: ``"native"`` (CPUs), ``"reference"`` (NumPy), or ``"xla"`` (JAX:
            GPUs, TPUs and CPUs).
        lang: language of messages, ``"en"`` or ``"zh"``; by default that of ``CHAINRULE_LANG``, of a line
            ``lang = "zh"`` in ``~/.config/chainrule/settings.toml``, or of the locale.
        threads: number of worker threads; by default ``CHAINRULE_THREADS``, else ``OMP_NUM_THREADS``, else
            the processors of the process, limited by the CPU quota of its container. Results do not depend on
            it.
        memory: bytes that a training step or a prediction may allocate; 0, the default, means all free
            memory.
        cores: number of cores that trainings are planned for; 0, the default, means the number of processors.
            The last bits of results depend on it; set it to repeat a training of another machine.
        vector_bytes: the widest vectors that compiled code uses: 16, 32 or 64 bytes; 0, the default, means
            the widest of the machine. With ``portable_bits`` results do not depend on it. Affects code
            compiled after the change.
        portable_bits: whether float32 results have the same bits on processors with vectors of 16, 32 and 64
            bytes. Costs nothing where vectors have 64 bytes; off by default, because with 32 bytes some
            products take longer (docs/reproducibility.md). Affects code compiled after the change.
        batch_invariant: whether the prediction of a row has the same bits regardless of the other rows of the
            call. Off by default, because single rows then take several times as long (docs/decisions/0038).
        matmul_precision: precision of float32 matrix products and convolutions on GPUs and TPUs with the
            engine ``"xla"``: ``"highest"`` (float32), ``"high"`` or ``"default"``, which are faster and round
            the factors to fewer bits.
        precision: of the products of models that do not set it. ``"bfloat16"``: the factors of float32 matrix
            products and convolutions are rounded to it in trainings and predictions; sums, parameters and all
            other operations stay in float32 (docs/precision.md).
        devices: number of devices, of each process, that share the batches of a training with the engine
            ``"xla"``; 0, the default, means one, or all where several processes train.
        parallel: how devices share a batch: ``"deterministic"``, the default, in eight shards, so that the
            bits of a training do not depend on the number of devices; ``"fast"``, as XLA divides it.
        sharding: whether each device has ``"copies"`` of the parameters and of the optimizer's slots, or,
            with ``parallel="fast"``, they are divided among the devices: all ``"parameters"``, or those of
            some layers along axes of the mesh, ``"blocks.*=model, output=model"``.
        mesh: the axes of the mesh of devices with their lengths, ``"data=2, model=4"``; batches are divided
            along the first one. Empty, the default, means one axis of all devices.
        decode_limit: bytes that a Parquet, Arrow, ``.npz`` or database file may take when it is decoded; a
            file may always take 100 times its size, and never more than the free memory.
        isolated_decoding: whether Parquet, Arrow and databases are decoded in another process, so that a
            damaged file cannot abort this one. Turn it off only where no process can be started, and for
            files that you trust (docs/decisions/0069).

    Raises:
        UsageError E101: an unknown setting or an invalid choice.
        UsageError E102: a number of threads or cores, a memory limit or a vector width that is out of range;
            a mesh or a sharding of another form.

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
        matmul_precision = "highest"
        precision = "float32"
        devices = 0
        parallel = "deterministic"
        sharding = "copies"
        mesh = ""
        decode_limit = 1000000000
        isolated_decoding = True
    """

    dtype: FloatName = "float32"
    engine: EngineName = "native"
    lang: Language = field(default_factory=_language)
    threads: int = 0
    memory: int = 0
    cores: int = 0
    vector_bytes: int = 0
    batch_invariant: bool = False
    portable_bits: bool = False
    matmul_precision: MatmulName = "highest"
    precision: PrecisionName = "float32"
    devices: int = 0
    parallel: ParallelName = "deterministic"
    sharding: str = "copies"
    mesh: str = ""
    decode_limit: int = 1_000_000_000
    isolated_decoding: bool = True

    def __setattr__(self, name: str, value: object) -> None:
        known = [f.name for f in fields(self)]
        if name not in known:
            raise unknown("cr.settings", name, known, "cr.settings.{} = ...", example=known[0])
        if name in _CHECKED:
            object.__setattr__(self, name, _CHECKED[name](value))
            return
        if name in _FLAGS:
            object.__setattr__(self, name, boolean(value, f"cr.settings.{name}", "cr.settings"))
            return
        if name == "precision":
            known_precision(value, "cr.settings")
        if name == "lang" and value == "":
            value = _language()
        choice(value, _CHOICES[name], f"cr.settings.{name}")
        object.__setattr__(self, name, value)

    def __str__(self) -> str:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return "\n".join(f'{k} = "{v}"' if isinstance(v, str) else f"{k} = {v}" for k, v in values.items())

    @contextmanager
    def using(self, **changes: str | int) -> Iterator[Settings]:
        """Apply changes inside a ``with`` block and restore the previous values after it."""
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
