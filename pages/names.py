"""Every name of PyTorch and Keras, and what it is called here: ``python -m pages.names`` writes the table.

It also writes the names of each block the other way round, for the command (``catalog/peers.toml``).

What ``pages/peers/*.toml`` says of a name comes first; else it is looked for in the registries, without the
number of axes it carries (``Conv2d``). Whatever is found must exist at that moment: the table cannot promise
what is not there, and a name that nothing is said of ends the command.
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
from chainrule.catalog.peers import OTHERS
from chainrule.catalog.peers import TABLE as PEERS
from pages.block_page import table
from pages.page import plain
from pages.peers.keras import keras_names
from pages.peers.torch_names import VERSION, torch_names

HERE = Path(__file__).parent
TABLE = HERE.parent / "docs" / "names.md"
# Which kinds of blocks the names of a namespace are, in the order in which they are looked for.
_KINDS = {
    "torch.nn": ("layer", "loss", "activation"), "torch.nn.functional": ("loss",),
    "torch.optim": ("optimizer",), "torch.optim.lr_scheduler": ("schedule",),
    "torch.nn.init": ("initialiser",), "keras.layers": ("layer", "activation"),
    "keras.activations": ("activation",), "keras.losses": ("loss",), "keras.optimizers": ("optimizer",),
    "keras.optimizers.schedules": ("schedule",), "keras.initializers": ("initialiser",),
    "keras.regularizers": ("penalty",), "keras.constraints": ("constraint",), "keras.metrics": ("metric",),
}  # fmt: skip
_VERBS = ("deserialize", "get", "legacy", "schedules", "serialize")  # of whole namespaces, no block's names
_HEAD = """# PyTorch and Keras: every name

What the names of PyTorch {torch} and Keras {keras} are called here. `python -m pages.names` writes this page:
it asks the installed PyTorch and the list read from Keras's wheel for their names, and chainrule's registries
for what is there; `chainrule show layer Dense` shows what stands behind `layer Dense`.
中文：PyTorch 与 Keras 的每个名称在此处的对应；由命令生成。

{counts}
"""


@dataclass(frozen=True)
class Found:
    """What became of a name.

    Args:
        status: ``"same"``, ``"other"`` (present under another name) or ``"out"`` (left out).
        here: what it is called here, as Markdown; ``""`` where it is left out.
        remark: what is to be said, or why it is left out.
    """

    status: str
    here: str
    remark: str


def found(namespace: str, name: str, said: dict[str, str]) -> Found | None:
    """What a name is called here; ``None`` where nothing is said of it and nothing is found.

    Args:
        namespace: such as ``"torch.nn"``.
        name: the name.
        said: what the table of exceptions says of this namespace.
    """
    keys = {_bare(key): key for key in said if not re.search(r"\d[dD]$", key)}
    text = said.get(name) or said.get(keys.get(_bare(name), ""), "")
    if text.startswith("- "):
        return Found("out", "", text.removeprefix("- "))
    if text:
        target, _, remark = text.partition("; ")
        return _present(name, target, remark)
    for kind in map(KINDS.__getitem__, _KINDS.get(namespace, ())):
        own = {_bare(entry): entry for entry in kind.entries}
        for word in (name, _bare(name), _bare(name).removesuffix("loss"), _bare(name).removesuffix("lr")):
            block = kind.own(word) or own.get(word)
            if block is not None:
                remark = "every layer waits for the shape of its input" if name.startswith("Lazy") else ""
                return _present(name, f"{kind.name} {block}", remark)
    return None


def rows(namespace: str, names: Iterable[str], said: dict[str, str]) -> dict[str, Found]:
    """What became of each name of a namespace.

    Fails:
        ValueError: nothing is said of some of them; all are listed.
    """
    made = {name: found(namespace, name, said) for name in names}
    unknown = [name for name, result in made.items() if result is None]
    if unknown:
        raise ValueError(f"nothing is said of these names of {namespace}: {', '.join(unknown)}")
    return {name: result for name, result in made.items() if result is not None}


def all_names() -> dict[str, dict[str, Found]]:
    """What became of every name, by namespace.

    Fails:
        ValueError: nothing is said of a name.
    """
    exceptions = {}
    for file in ("pytorch.toml", "keras.toml"):
        exceptions |= tomllib.loads((HERE / "peers" / file).read_text(encoding="utf-8"))
    names = {**torch_names(), **keras_names()[1]}
    return {space: rows(space, inside, exceptions.get(space, {})) for space, inside in names.items()}


def page() -> str:
    """The table as Markdown."""
    made = all_names()
    parts = []
    for namespace, results in made.items():
        cells = [
            (f"`{name}`", result.here or "left out", plain(result.remark)) for name, result in results.items()
        ]
        parts.append(f"## {namespace}\n\n" + table(("name", "here", ""), cells))
    counts = [
        (
            f"`{space}`",
            *(str(sum(r.status == status for r in results.values())) for status in ("same", "other", "out")),
        )
        for space, results in made.items()
    ]
    head = table(("namespace", "present", "under another name", "left out"), counts)
    return (
        "\n\n".join([_HEAD.format(torch=VERSION, keras=keras_names()[0], counts=head).rstrip(), *parts])
        + "\n"
    )


def peers() -> str:
    """The names that each block has elsewhere, and what is said of all others, as TOML."""
    blocks: dict[str, dict[str, dict[str, list[str]]]] = {kind: {} for kind in KINDS}
    others: dict[str, str] = {}
    for namespace, results in all_names().items():
        peer = "PyTorch" if namespace.startswith("torch") else "Keras"
        for name, result in results.items():
            kind, _, block = result.here.strip("`").partition(" ")
            if kind in KINDS:
                named = blocks[kind].setdefault(block, {}).setdefault(peer, [])
                named += [] if name in named else [name]
            elif name not in _VERBS:
                says = result.here.strip("`") if result.here else "left out"
                others.setdefault(name, f"{peer}: {says}" + (f", {result.remark}" if result.remark else ""))
    parts = ["# Written by python -m pages.names: what PyTorch and Keras call the blocks, and what is none."]
    for kind, inside in blocks.items():
        lines = {
            block: "; ".join(f"{peer}: {', '.join(names)}" for peer, names in found.items())
            for block, found in inside.items()
        }
        parts += _section(kind, lines)
    return "\n".join([*parts, *_section(OTHERS, others)]) + "\n"


def _section(title: str, lines: dict[str, str]) -> list[str]:
    """A section of a TOML file; texts hold neither line ends nor what JSON would write otherwise."""
    return (
        ["", f"[{title}]", *(f"{key} = {json.dumps(text)}" for key, text in lines.items())] if lines else []
    )


def _present(name: str, target: str, remark: str) -> Found:
    """A target that exists; one that does not is left out, with that as the reason."""
    kind, _, block = target.partition(" ")
    if kind in KINDS:
        if block not in KINDS[kind].entries:
            return Found("out", "", "not built")
        same = _bare(block) == _bare(name)
        return Found("same" if same else "other", f"`{kind} {block}`", remark)
    if not _exists(target):
        return Found("out", "", "not built")
    same = _bare(target.rpartition(".")[2]) == _bare(name)
    return Found("same" if same else "other", f"`{target}`", remark)


def _exists(path: str) -> bool:
    """Whether a public name exists: ``cr.input``, or a dotted path to something of a module."""
    if path.startswith("cr."):
        return path.removeprefix("cr.") in dir(chainrule)
    module, _, name = path.rpartition(".")
    try:
        return hasattr(import_module(module), name)
    except ImportError:
        return False


def _bare(name: str) -> str:
    """A name without case, underscores, number of axes and the word Lazy.

    Example:
        >>> _bare("LazyConv2d"), _bare("Conv1DTranspose"), _bare("kl_div"), _bare("ones_")
        ('conv', 'convtranspose', 'kldiv', 'ones')
    """
    return re.sub(r"[123]d(?![a-z]*loss)", "", name.removeprefix("Lazy").replace("_", "").casefold())


if __name__ == "__main__":
    for file, text in ((TABLE, page()), (PEERS, peers())):
        file.write_text(text, encoding="utf-8")
        print(f"written: {file}")
