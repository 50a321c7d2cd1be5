"""How a family of nets is called elsewhere: a few rules from our paths to foreign names.

A rule has two patterns: a path of ours and what the same module is called there. ``{i}`` is a whole number,
``{i-1}`` that number less one (most libraries count from 0), ``{name}`` a word. The first rule that fits a
path counts. Where libraries place a module here or there, a rule names several places, and the first that a
file has is meant.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import field
from functools import cached_property

from chainrule.interop.torch.layer_layout import Form
from chainrule.interop.torch.transforms import AS_IT_IS, Change
from chainrule.records import frozen

_HOLE = re.compile(r"\{(\w+?)([+-]\d+)?\}")
_NUMBERS = ("i", "j", "k")


@frozen
class Rule:
    """One line of a family's table.

    Args:
        ours: the path of a layer, or of one parameter, with holes.
        theirs: what it is called there; several places are parted by ``|``.
        change: what is done after what the kind of layer asks for, such as to take one of three parts.

    Example:
        >>> rule = Rule("stage{i}.block{j}.conv{k}", "layer{i}.{j-1}.conv{k}")
        >>> rule.places("stage2.block1.conv3"), rule.places("head")
        (['layer2.0.conv3'], [])
    """

    ours: str
    theirs: str
    change: Change = AS_IT_IS

    def places(self, path: str) -> list[str]:
        """What a path is called there; nothing if the rule is not about it."""
        found = self._pattern.fullmatch(path)
        if found is None:
            return []
        words = found.groupdict()
        return [_HOLE.sub(lambda hole: _filled(hole, words), place) for place in self.theirs.split("|")]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        parts, place = [], 0
        for hole in _HOLE.finditer(self.ours):
            name = hole[1]
            parts += [re.escape(self.ours[place : hole.start()])]
            parts += [f"(?P<{name}>{r'[0-9]+' if name in _NUMBERS else r'[A-Za-z_0-9]+'})"]
            place = hole.end()
        return re.compile("".join([*parts, re.escape(self.ours[place:])]))


def _filled(hole: re.Match[str], words: Mapping[str, str]) -> str:
    """What stands in a hole of a foreign name."""
    word = words.get(hole[1], hole[0])
    return str(int(word) + int(hole[2])) if hole[2] and word.isdigit() else word


@frozen
class Family:
    """A family of nets, as another library calls its parts.

    Args:
        name: what it is called.
        library: whose names these are.
        rules: from our paths to theirs.
        ignored: patterns of foreign names that may stand in a file and say nothing to the net, each with why,
            in English and Chinese.
        changes: for a kind of layer what is done to its weight, where the library keeps it otherwise than
            PyTorch's own layers do.
        is_own: whether arrays are kept exactly as we keep them.
    """

    name: str
    library: str
    rules: tuple[Rule, ...]
    ignored: tuple[tuple[str, tuple[str, str]], ...] = ()
    changes: tuple[tuple[str, Change], ...] = field(default=())
    is_own: bool = False

    def sources(
        self, path: str, forms: Collection[Form]
    ) -> Iterator[tuple[tuple[str, ...], tuple[Change, ...]]]:
        """The foreign arrays that may be one of ours, with what is done to them, likelier ones first.

        Args:
            path: of our parameter or state.
            forms: how PyTorch may keep it.
        """
        if self.is_own:
            yield from (((f"{place}{path}",), ()) for place in ("parameter/", "state/", ""))
        for rule in self.rules:
            for place in rule.places(path):
                yield (place,), (rule.change,)
            for form in forms:
                for place in rule.places(form.module):
                    names = tuple(f"{place}.{name}" if place else name for name in form.names)
                    yield names, (self._change(form), rule.change)

    def _change(self, form: Form) -> Change:
        """What the kind of layer asks for, unless this library keeps its weight in a way of its own."""
        is_weight = form.names[-1].endswith("weight")
        return dict(self.changes).get(form.kind, form.change) if is_weight else form.change
