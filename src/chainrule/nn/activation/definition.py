"""The definition of an activation: one row of the table ``ACTIVATIONS``.

Most activations are one formula of one number. For these the text *is* the program, as in the cards of
``chainrule.ops``: ``"where(x > 0, x, slope * x)"`` is parsed, its settings are inserted as numbers, factors
of 1 are removed, and the rest is converted to nodes. So the formula that is printed cannot differ from what
is computed, and the gradient, of any order, is that of the formula. A formula defines the slope at a corner:
``where`` gives one side's slope where ``max`` and ``min`` would share it, and the side chosen is the one the
other libraries choose.

A few need more than one number: softmax needs an axis, prelu a parameter, rrelu random numbers. They have a
``build``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field

from chainrule import notation
from chainrule.errors import Message, UsageError, fact, join_facts
from chainrule.graph import Node
from chainrule.nn.initializer import XAVIER, Initializer
from chainrule.nn.scope import Scope
from chainrule.notation import Number, Product, Quotient, Symbol, Tree, parse, substitute
from chainrule.ops import CARDS
from chainrule.ops.functions_by_name import nodes_of
from chainrule.records import frozen
from chainrule.validation import is_number, out_of_range, unknown


@frozen
class Setting:
    """A setting of an activation: its usual value and the values it may have.

    Args:
        usual: the default.
        above: the value must be larger than this.
        minimum: the value must be this or larger.
        integer: whether only integers make sense, as for an axis.
        over: another setting, which must not be larger than this one.
    """

    usual: float
    above: float | None = None
    minimum: float | None = None
    integer: bool = False
    over: str = ""

    def allows(self, value: object) -> bool:
        """Return whether the setting may have this value, whatever the others are."""
        if not is_number(value) or not isinstance(value, int | float):
            return False
        high_enough = (self.above is None or value > self.above) and (
            self.minimum is None or value >= self.minimum
        )
        return high_enough and (not self.integer or isinstance(value, int))

    @property
    def range(self) -> Message:
        """The values that the setting may have."""
        kind = fact("an integer") if self.integer else fact("a finite number")
        limits = [f"> {self.above:g}"] if self.above is not None else []
        limits += [f">= {self.minimum:g}"] if self.minimum is not None else []
        limits += [f">= {self.over}"] if self.over else []
        return join_facts(", ", [kind, *limits])

    def __str__(self) -> str:
        return str(self.range)


@frozen(kw_only=True)
class Curve:
    """An activation function.

    Args:
        name: what it is called in ``Dense(..., activation=...)``.
        formula: its value, a formula of ``x`` and its settings.
        says: its effect, one sentence in English and one in Chinese.
        chinese: its Chinese name.
        settings: its settings by name.
        initializer: the initial weights that keep a signal level through it.
        pytorch, keras: the names in the two libraries; ``""`` if it is missing.
        reference: who proposed it.
        build: for those that are no formula of one number: nodes from ``x``, a scope (or none) and settings.
        scoped: whether it takes parameters or random numbers from the scope.

    Example:
        >>> from chainrule.nn.activation import ACTIVATIONS
        >>> ACTIVATIONS["leaky_relu"].text(slope=0.2)
        'where(x > 0, x, 0.2 * x)'
    """

    name: str
    formula: str
    says: tuple[str, str]
    chinese: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    initializer: Initializer = XAVIER
    pytorch: str = ""
    keras: str = ""
    reference: str = ""
    build: Callable[..., Node] | None = None
    scoped: bool = False

    def __call__(self, x: Node, scope: Scope | None = None, **settings: float) -> Node:
        """Return the activation of every number of ``x``.

        Args:
            x: any floating-point node.
            scope: the source of parameters and random numbers; without one, a trained slope is the
                number it would start from, and a random one its mean.
            settings: as in ``settings``.

        Raises:
            UsageError E101, E102: no such setting, or a value it cannot have.
        """
        chosen = self.complete(settings)
        if self.build is not None:
            return self.build(x, scope, **chosen)
        return nodes_of(self.text(**settings), {"x": x}, x)

    def complete(self, settings: Mapping[str, float]) -> dict[str, float]:
        """Return every setting with its value, given or usual.

        Raises:
            UsageError E101, E102: no such setting, or a value it cannot have.
        """
        where = f'Activation("{self.name}")'
        for name, value in settings.items():
            if name not in self.settings:
                known: list[str] = list(self.settings) or [fact("no settings")]
                raise unknown(where, name, known, f'cr.Activation("{self.name}", {{}}=...)')
            if not self.settings[name].allows(value):
                raise self._out_of_range(name, value)
        full = {name: settings.get(name, setting.usual) for name, setting in self.settings.items()}
        for name, setting in self.settings.items():
            if setting.over and full[name] < full[setting.over]:
                raise self._out_of_range(name, full[name])
        return full

    def _out_of_range(self, name: str, value: object) -> UsageError:
        setting = self.settings[name]
        return out_of_range(
            value,
            name,
            f'Activation("{self.name}")',
            setting.range,
            fix=f'cr.Activation("{self.name}", {name}={setting.usual:g})',
        )

    def text(self, **settings: float) -> str:
        """Return the formula with the settings put in as numbers."""
        numbers = self.complete(settings)

        def replace(tree: Tree) -> Tree | None:
            if isinstance(tree, Symbol) and tree.name in numbers:
                return Number(numbers[tree.name])
            return _without_ones(tree)

        return notation.to_ascii(substitute(parse(self.formula), replace), digits=None)

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """The names in other libraries."""
        return tuple(word for word in (self.pytorch, self.keras) if word)

    @property
    def display_formula(self) -> str:
        """The formula for a reader: if the activation has a card, the card's formula."""
        cards = {f"{card.name}({', '.join(card.arguments)})": card.formula for card in CARDS}
        return cards.get(self.formula, self.formula)


def _without_ones(tree: Tree) -> Tree | None:
    """Return the product or quotient without factors of 1, if it has any, so that no loop multiplies by 1."""
    if isinstance(tree, Quotient) and tree.below == Number(1):
        return tree.above
    if isinstance(tree, Product) and Number(1) in tree.factors:
        rest = tuple(factor for factor in tree.factors if factor != Number(1))
        return rest[0] if len(rest) == 1 else Product(rest) if rest else Number(1)
    return None
