"""The equivalents of all PyTorch and Keras names: ``python -m pages.names`` writes docs/names.md.

It also writes the inverse table, from blocks to the names in other libraries (``catalog/peers.toml``).

Entries of ``pages/peers/*.toml`` take precedence. Other names are looked up in the registries, without their
number of spatial axes (``Conv2d``). Every equivalent must exist when the command runs, so the table cannot
list missing blocks; a name without an entry and without a match is an error.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import chainrule
from chainrule.catalog import KINDS
from chainrule.catalog.kind import OTHERS
from chainrule.catalog.kind import TABLE as PEERS
from pages.block_page import table
from pages.page import plain
from pages.peers.keras import keras_names
from pages.peers.torch_names import VERSION, torch_names

HERE = Path(__file__).parent
TABLE = HERE.parent / "docs" / "names.md"
# The kinds of blocks in which the names of a namespace are looked up, in this order.
_KINDS = {
    "torch.nn": ("layer", "loss", "activation"),
    "torch.nn.functional": ("loss",),
    "torch.optim": ("optimizer",),
    "torch.optim.lr_scheduler": ("schedule",),
    "torch.nn.init": ("initializer",),
    "keras.layers": ("layer", "activation"),
    "keras.activations": ("activation",),
    "keras.losses": ("loss",),
    "keras.optimizers": ("optimizer",),
    "keras.optimizers.schedules": ("schedule",),
    "keras.initializers": ("initializer",),
    "keras.regularizers": ("penalty",),
    "keras.constraints": ("constraint",),
    "keras.metrics": ("metric",),
}
_VERBS = ("deserialize", "get", "legacy", "schedules", "serialize")  # functions, not blocks
_HEAD = """# PyTorch and Keras names

This page lists the chainrule equivalent of every layer, loss, optimizer, schedule, initializer, metric and
callback of PyTorch {torch} and Keras {keras}, and of the functions of tensors that networks are written with.
`chainrule show layer Dense` describes the block `layer Dense`.
`python -m pages.names` generates the page from the installed PyTorch, the names in the Keras wheel and the
registries of chainrule.

{counts}
"""


@dataclass(frozen=True)
class Match:
    """The equivalent of a name.

    Args:
        status: ``"same"``, ``"other"`` (available under another name) or ``"out"`` (left out).
        equivalent: the equivalent in chainrule, as Markdown; ``""`` if the name is left out.
        remark: a note, or the reason why the name is left out.
    """

    status: str
    equivalent: str
    remark: str


def match(namespace: str, name: str, exceptions: dict[str, str]) -> Match | None:
    """The equivalent of a name; ``None`` if there is neither an exception nor a match in the registries.

    Args:
        namespace: such as ``"torch.nn"``.
        name: the name.
        exceptions: the entries of this namespace in ``pages/peers/*.toml``.
    """
    keys = {_bare(key): key for key in exceptions if not re.search(r"\d[dD]$", key)}
    text = exceptions.get(name) or exceptions.get(keys.get(_bare(name), ""), "")
    if text.startswith("- "):
        return Match("out", "", text.removeprefix("- "))
    if text:
        target, _, remark = text.partition("; ")
        return _present(name, target, remark)
    for kind in map(KINDS.__getitem__, _KINDS.get(namespace, ())):
        own = {_bare(entry): entry for entry in kind.entries}
        for word in (name, _bare(name), _bare(name).removesuffix("loss"), _bare(name).removesuffix("lr")):
            block = kind.own(word) or own.get(word)
            if block is not None:
                remark = "every layer infers the shape of its input" if name.startswith("Lazy") else ""
                return _present(name, f"{kind.name} {block}", remark)
    return None


def rows(namespace: str, names: Iterable[str], exceptions: dict[str, str]) -> dict[str, Match]:
    """The equivalent of each name of a namespace.

    Raises:
        ValueError: some names have neither an entry nor a match; the message lists all of them.
    """
    matches = {name: match(namespace, name, exceptions) for name in names}
    unknown = [name for name, result in matches.items() if result is None]
    if unknown:
        raise ValueError(f"no equivalent for these names of {namespace}: {', '.join(unknown)}")
    return {name: result for name, result in matches.items() if result is not None}


def all_names() -> dict[str, dict[str, Match]]:
    """The equivalent of every name, by namespace.

    Raises:
        ValueError: a name has neither an entry nor a match.
    """
    exceptions = {}
    for file in ("pytorch.toml", "keras.toml"):
        exceptions |= tomllib.loads((HERE / "peers" / file).read_text(encoding="utf-8"))
    names = {**torch_names(), **keras_names()[1]}
    return {space: rows(space, inside, exceptions.get(space, {})) for space, inside in names.items()}


def page() -> str:
    """The table as Markdown."""
    matches = all_names()
    parts = []
    for namespace, results in matches.items():
        cells = [
            (f"`{name}`", result.equivalent or "left out", plain(result.remark))
            for name, result in results.items()
        ]
        parts.append(f"## {namespace}\n\n" + table(("name", "chainrule", "note"), cells))
    counts = [
        (
            f"`{space}`",
            *(str(sum(r.status == status for r in results.values())) for status in ("same", "other", "out")),
        )
        for space, results in matches.items()
    ]
    head = table(("namespace", "same name", "other name", "left out"), counts)
    return (
        "\n\n".join([_HEAD.format(torch=VERSION, keras=keras_names()[0], counts=head).rstrip(), *parts])
        + "\n"
    )


def peers() -> str:
    """The names of each block in other libraries, and the notes on all other names, as TOML."""
    blocks: dict[str, dict[str, dict[str, list[str]]]] = {kind: {} for kind in KINDS}
    others: dict[str, str] = {}
    for namespace, results in all_names().items():
        peer = "PyTorch" if namespace.startswith("torch") else "Keras"
        for name, result in results.items():
            kind, _, block = result.equivalent.strip("`").partition(" ")
            if kind in KINDS:
                named = blocks[kind].setdefault(block, {}).setdefault(peer, [])
                named += [] if name in named else [name]
            elif name not in _VERBS:
                text = result.equivalent.strip("`") if result.equivalent else "left out"
                others.setdefault(name, f"{peer}: {text}" + (f", {result.remark}" if result.remark else ""))
    parts = [
        "# Written by python -m pages.names: names of the blocks in PyTorch and Keras; names without a block."
    ]
    for kind, inside in blocks.items():
        lines = {
            block: "; ".join(f"{peer}: {', '.join(names)}" for peer, names in peers.items())
            for block, peers in inside.items()
        }
        parts += _section(kind, lines)
    return "\n".join([*parts, *_section(OTHERS, others)]) + "\n"


def _section(title: str, lines: dict[str, str]) -> list[str]:
    """A section of a TOML file. No text contains a line break, so JSON strings are valid TOML."""
    return (
        ["", f"[{title}]", *(f"{key} = {json.dumps(text)}" for key, text in lines.items())] if lines else []
    )


def _present(name: str, target: str, remark: str) -> Match:
    """The match for a target; a target that does not exist is left out as "not built"."""
    kind, _, block = target.partition(" ")
    if kind in KINDS:
        if block not in KINDS[kind].entries:
            return Match("out", "", "not built")
        same = _bare(block) == _bare(name)
        return Match("same" if same else "other", f"`{kind} {block}`", remark)
    if not _exists(target):
        return Match("out", "", "not built")
    same = _bare(target.rpartition(".")[2]) == _bare(name)
    return Match("same" if same else "other", f"`{target}`", remark)


def _exists(path: str) -> bool:
    """Whether a public name exists: ``cr.input``, or the dotted path of a module attribute."""
    if path.startswith("cr."):
        return path.removeprefix("cr.") in dir(chainrule)
    module, _, name = path.rpartition(".")
    try:
        return hasattr(import_module(module), name)
    except ImportError:
        return False


def _bare(name: str) -> str:
    """A name in lower case without underscores, number of spatial axes and the prefix Lazy.

    Example:
        >>> _bare("LazyConv2d"), _bare("Conv1DTranspose"), _bare("kl_div"), _bare("ones_")
        ('conv', 'convtranspose', 'kldiv', 'ones')
    """
    return re.sub(r"[123]d(?![a-z]*loss)", "", name.removeprefix("Lazy").replace("_", "").casefold())


if __name__ == "__main__":
    for file, text in ((TABLE, page()), (PEERS, peers())):
        file.write_text(text, encoding="utf-8")
        print(f"written: {file}")
