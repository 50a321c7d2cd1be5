"""Name maps of model families: rules from our paths to the names of another library.

A rule has two patterns: a path of ours and the name of the same module in the other library. ``{i}`` matches
an integer, ``{i-1}`` is that integer minus one (most libraries count from 0), ``{name}`` matches a word. The
first matching rule is used. If a library has a module at different positions, a rule lists several, and the
first that exists in the file is used.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import field

from chainrule.interop.torch.layer_layout import Form
from chainrule.interop.torch.transforms import IDENTITY, Transform
from chainrule.memo import cached_property
from chainrule.records import frozen

_PLACEHOLDER = re.compile(r"\{(\w+?)([+-]\d+)?\}")
_NUMBERS = ("i", "j", "k")


@frozen
class Rule:
    """One line of a family's table.

    Args:
        ours: the path of a layer, or of one parameter, with placeholders.
        theirs: its name in the other library; alternatives are separated by ``|``.
        change: a transform after that of the layer kind, such as selecting one of three parts.

    Example:
        >>> rule = Rule("stage{i}.block{j}.conv{k}", "layer{i}.{j-1}.conv{k}")
        >>> rule.places("stage2.block1.conv3"), rule.places("head")
        (['layer2.0.conv3'], [])
    """

    ours: str
    theirs: str
    change: Transform = IDENTITY

    def places(self, path: str) -> list[str]:
        """The names of a path in the other library; empty if the rule does not match."""
        match = self._pattern.fullmatch(path)
        if match is None:
            return []
        words = match.groupdict()
        return [
            _PLACEHOLDER.sub(lambda placeholder: _filled(placeholder, words), place)
            for place in self.theirs.split("|")
        ]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        parts, start = [], 0
        for placeholder in _PLACEHOLDER.finditer(self.ours):
            name = placeholder[1]
            parts += [re.escape(self.ours[start : placeholder.start()])]
            parts += [f"(?P<{name}>{r'[0-9]+' if name in _NUMBERS else r'[A-Za-z_0-9]+'})"]
            start = placeholder.end()
        return re.compile("".join([*parts, re.escape(self.ours[start:])]))


def _filled(placeholder: re.Match[str], words: Mapping[str, str]) -> str:
    """The text of a placeholder in a name."""
    word = words.get(placeholder[1], placeholder[0])
    return str(int(word) + int(placeholder[2])) if placeholder[2] and word.isdigit() else word


@frozen
class Family:
    """A family of networks with the names of another library.

    Args:
        name: name of the family.
        library: the library that defines the names.
        rules: from our paths to theirs.
        ignored: patterns of names in the file that are irrelevant to the network, each with the reason.
        changes: for a layer kind the transform of its weight, if the library stores it differently from
            PyTorch's layers.
        is_own: whether arrays are stored exactly as in this library.
    """

    name: str
    library: str
    rules: tuple[Rule, ...]
    ignored: tuple[tuple[str, str], ...] = ()
    changes: tuple[tuple[str, Transform], ...] = field(default=())
    is_own: bool = False

    def sources(
        self, path: str, forms: Collection[Form]
    ) -> Iterator[tuple[tuple[str, ...], tuple[Transform, ...]]]:
        """The arrays in the file that may be one of ours, with the transforms to apply, likelier ones first.

        Args:
            path: path of our parameter or state.
            forms: its possible forms in PyTorch.
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

    def _change(self, form: Form) -> Transform:
        """The transform of the layer kind, unless this library stores its weight differently."""
        is_weight = form.names[-1].endswith("weight")
        return dict(self.changes).get(form.kind, form.change) if is_weight else form.change
