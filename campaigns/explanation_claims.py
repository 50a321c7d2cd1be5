"""Check every sentence of an explanation against the graph that its numbers come from.

A sentence of an explanation is a ``Sentence``: a text with the key of its template, the printed facts, and
the nodes, elements and layers that it is about. The checker evaluates the same record: it recomputes the
number from the values of the trace or by changing a parameter, and compares it with the printed digits; it
looks up the layer in the graph and compares it with the printed number. Both languages are rendered from
the same records, so a record that holds is true in both. A text without a record, and a record of an
unknown key, are faults, so that no sentence escapes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from campaigns.explanation_matrices import evaluated, matrix_equation_holds

from chainrule.gradient import cotangents
from chainrule.graph import Constant, Input, Node, input_node, order
from chainrule.notation import Derivative, Link, Number, Symbol, Tree, children, substitute, to_unicode, value
from chainrule.ops import functional as F
from chainrule.page.page import Equation, Items, Lines, Page, Section, Table
from chainrule.page.spoken_formula import DerivativeFactors, Error, named_factors, spoken_equation
from chainrule.step_explanation.sections.update import SignalTransfer
from chainrule.step_explanation.sections.weight_derivation import expanded
from chainrule.step_explanation.writer import Writer
from chainrule.texts import render
from chainrule.texts.sentence import Sentence
from chainrule.trace import NamedLayer, Scalar, Trace, scalars

DOTS = Symbol("…")
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
NUMBER = re.compile(r"([+−-]?)([\d,]+(?:\.(\d+))?)(?:×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?")
TINY_STEP = 1e-5  # of a parameter, to find out whether raising it raises the loss
# Bounds that the clause of an operation states, in both languages.
BOUNDS = {"at most a quarter": 0.25, "不超过四分之一": 0.25, "at most 1": 1.0, "最多不变": 1.0}
# Sentences that define a term or announce what follows; they state nothing about this network.
GENERAL = {
    "title_weight",
    "letters",
    "letters_time",
    "letters_calls",
    "letters_lstm",
    "letters_gru",
    "letters_attention",
    "letters_norm",
    "letters_scale",
    "letters_rate",
    "features",
    "forward_intro",
    "backward_intro",
    "saliency",
    "letters_intro",
    "full_intro",
    "shrinking_intro",
    "ladder_intro",
    "matrices_intro",
    "matrices_penalty",
    "numbered",
    "chain_intro",
    "chain_intro_short",
    "paths_intro",
    "paths_cut",
    "paths_nothing",
    "memory_given",
    "checked",
    "one_line",
    "notation",
    "forward",
    "backward",
    "chain_letters",
    "full",
    "update",
    "effect",
    "pitfalls",
    "matrices",
    "cautions",
    "not_finite",
    "chain",
    "product",
    "paths",
    "path_penalty",
    "if_title",
    "if_edits",
    "if_effect",
    "if_downstream",
    "if_nothing",
    *"FBUC",
}


def parse_number(text: str) -> tuple[float, float]:
    """Return the number that a text shows and the unit of its last digit.

    Example:
        >>> parse_number("−0.25"), parse_number("3.2×10⁻⁷")[0]
        ((-0.25, 0.01), 3.2e-07)
    """
    match = NUMBER.search(text)
    if match is None:
        return float("nan"), 0.0
    sign = -1.0 if match[1] in ("−", "-") else 1.0
    power = 10.0 ** int((match[4] or "0").translate(SUPERSCRIPTS))
    return sign * float(match[2].replace(",", "")) * power, 10.0 ** -len(match[3] or "") * power


def shows(text: object, actual: Any) -> bool:
    """Whether a printed number is the actual one, rounded to the printed digits."""
    printed, unit = parse_number(str(text))
    return abs(printed - actual) <= 0.5001 * unit + 1e-9 * abs(actual)


def shows_sum(text: object, values: Sequence[float]) -> bool:
    """Whether a printed number is the sum, or 0 where the sum is a rounding error of its terms."""
    total = sum(values)
    if parse_number(str(text))[0] == 0:
        return abs(total) <= 1e-12 * sum(map(abs, values))
    return shows(text, total)


class Checker:
    """Checks the pages of one trace.

    Args:
        trace: the trace that they explain.
        labels: the class labels.
    """

    def __init__(self, trace: Trace, labels: Sequence[object] = ()) -> None:
        self.trace, self.labels, self.faults = trace, labels, list[str]()
        self.count = 0
        self.sample = 0
        self.writer = Writer(trace, "en", labels=labels)
        self._layers = {str(layer.number): layer for layer in trace.layers}
        self._parameters = {p.node: path for path, p in trace.derivation.built.parameters.items()}

    def check(self, page: Page) -> list[str]:
        """Return the faults of a page, in its order."""
        self.faults = []
        self.text(page.title)
        for section in page.sections:
            self._section(section)
        return self.faults

    def expect(self, holds: bool, claim: object) -> None:
        """Record a claim that does not hold."""
        self.count += 1
        if not holds:
            self.faults.append(str(claim))

    def _section(self, section: Section) -> None:
        if section.heading:
            self.text(section.heading)
        for part in section.parts:
            match part:
                case str():
                    self.text(part)
                case Items(texts):
                    for text in texts:
                        self.text(text)
                case Lines():
                    for equation in part.equations:
                        self.equation(equation)
                case Table():
                    self._table(part)

    # --- sentences

    def text(self, text: str) -> None:
        """Check a sentence, and the sentences that its facts are."""
        if not isinstance(text, Sentence):
            self.expect(False, f"a text without a record: {text}")
            return
        rendered = render(text.key, text.lang, **text.facts)
        start = text.removesuffix("…")
        self.expect(rendered.startswith(start), f"not the text of its record: {text}")
        if text.key in GENERAL:
            return
        check = CHECKS.get(text.key)
        if check is None:
            self.expect(False, f"no check for {text.key}: {text}")
            return
        for holds in check(self, text):
            self.expect(bool(holds), f"{text.key}: {text}")

    # --- formulas

    def equation(self, equation: Equation) -> None:
        """Check symbol, formula, numbers, result, remark and wording of an equation."""
        target = equation.left.target if isinstance(equation.left, Link) else None
        for tree in (equation.left, *equation.steps):
            if tree is not None:
                self._symbols(tree)
        if equation.value is None:  # the chain rule in letters
            self.expect(_telescopes(equation), f"not a chain: {to_unicode(equation.steps[0])}")
            return
        if isinstance(target, Scalar):
            stored = float(self.trace.values[target.node][target.index])
            path = self._parameters.get(target.node)
            if equation.sign == "←" and path is not None:
                stored = float(self.trace.new_parameters[path][target.index])
            self.expect(_close(equation.value, stored), f"{to_unicode(equation.left)} is {stored}")
        for tree in equation.steps:
            if DOTS not in _leaves(tree):
                self.expect(
                    _close(self._value(tree), equation.value, 1e-6), f"{to_unicode(tree)} = {equation.value}"
                )
        if equation.note:
            self.text(equation.note)
        if equation.steps and DOTS not in _leaves(equation.steps[0]):
            self._wording(equation)

    def _value(self, tree: Tree) -> float:
        return float(value(self.trace.formulas.numeric(tree), _unknown))

    def _wording(self, equation: Equation) -> None:
        """Check derivatives in words: that of the function at the named argument is the replaced factor."""
        tree = named_factors(equation.steps[0], equation.arguments)
        spoken = [spoken_equation(equation, lang) for lang in ("en", "zh")]
        for link in _links(tree):
            if isinstance(link.target, DerivativeFactors):
                named = link.target
                function = _target(named.value).node
                place = named.value if named.at is None else named.at
                self.expect(
                    all(to_unicode(place) in text for text in spoken if text),
                    f"not worded: {to_unicode(place)}",
                )
                at = self._value(named.at) if named.at is not None else self._argument(_target(named.value))
                slope = self._slope(function, at)
                self.expect(
                    _close(self._value(link.inner), slope, 1e-4),
                    f"derivative of {named.function} at {to_unicode(place)} is {slope}: {spoken[0]}",
                )
            elif isinstance(link.target, Error):
                prediction, target = scalars(link.inner)
                self.expect(prediction.node in self._predictions and target.node in self._targets, "an error")

    @property
    def _predictions(self) -> list[Node]:
        return [n for n, name in self.trace.names.items() if name.role == "prediction"]

    @property
    def _targets(self) -> list[Node]:
        return list(self.trace.derivation.network.targets.values())

    def _argument(self, at: Scalar) -> float:
        return float(self.trace.values[at.node.inputs[0]][at.index])

    def _slope(self, function: Node, at: float) -> float:
        """The derivative of an elementwise function by a central difference."""
        step = 1e-5 * max(1.0, abs(at))
        card: Any = self.trace.cards[function]
        high, low = (float(card.evaluate(np.array([at + sign * step]))[0]) for sign in (1, -1))
        return (high - low) / (2 * step)

    def _symbols(self, tree: Tree) -> None:
        for link in _links(tree):
            if isinstance(link.target, Scalar):
                self._symbol(link.target, link.inner)

    def _symbol(self, at: Scalar, symbol: Tree) -> None:
        """Check the layer and the subscripts of a symbol."""
        name = self.trace.names.get(at.node)
        if isinstance(symbol, Derivative):
            if isinstance(symbol.of, Symbol) and symbol.of.name == "J":
                self.expect(self._is_derivative_of_loss(at, symbol), f"{to_unicode(symbol)}: other variable")
            return
        if not isinstance(symbol, Symbol) or name is None:
            return
        skipped = len(at.index) - (1 if name.batched else 0) - len(symbol.sub)
        inside = at.index[1:] if name.batched else at.index
        self.expect(
            name.single or tuple(str(i + 1) for i in inside[max(skipped, 0) :]) == symbol.sub,
            f"{to_unicode(symbol)}: not the element {at.index}",
        )
        number_of_layer = symbol.sup.split(",")[0]
        if number_of_layer in self._layers and name.layer and name.role != "loss":
            layer = self._layers[number_of_layer]
            self.expect(
                self.belongs(at.node, layer, name.letter), f"{to_unicode(symbol)} is not of {layer.path}"
            )

    def _is_derivative_of_loss(self, at: Scalar, symbol: Derivative) -> bool:
        """Whether an element is the derivative of J with respect to the value that the symbol names."""
        d, names = self.trace.derivation, self.trace.names
        variables = [node for node, back in d.cotangents.items() if back is at.node]
        variables += [d.built.parameters[p].node for p, g in d.gradients.items() if g is at.node]
        by = to_unicode(symbol.by)
        samples = (1, self.trace.samples)
        return any(
            v in names and any(to_unicode(names[v].symbol(at.index, n)) == by for n in samples)
            for v in variables
        )

    def belongs(self, node: Node, layer: NamedLayer, letter: str) -> bool:
        """Whether, in the graph, a value is of a layer: its parameter, its result or its input."""
        d = self.trace.derivation
        if letter == "delta":
            return any(call.z is not None and d.cotangents.get(call.z) is node for call in layer.calls)
        sources = set(order([node]))
        own = set(layer.parameters.values())
        path = d.site_of(node).path
        if node in own or path == layer.path or path.startswith(f"{layer.path}."):
            return True
        if letter == "h":
            return any(call.z is not None and node in order([call.z]) for call in layer.calls) and not (
                sources & {call.z for call in layer.calls if call.z is not None}
            )
        if letter in ("s", "a") and self.trace.names[node].role == "hidden":  # of attention
            block, _, last = layer.path.rpartition(".")
            return last == "query" and path == block
        if letter == "a":
            return any(call.z in sources for call in layer.calls)
        roles = ("slot", "memory", "gradient", "state")
        return self.trace.names[node].role in roles or any(node is call.z for call in layer.calls)

    # --- tables

    def _table(self, table: Table) -> None:
        check = TABLE_CHECKS.get(table.subject)
        if check is None:
            self.expect(False, f"no check for a table of {table.subject or table.head}")
            return
        for row in table.rows:
            for cell in row:
                if not isinstance(cell, str):
                    self._symbols(cell)
            for holds in check(self, row):
                self.expect(
                    bool(holds),
                    f"{table.subject}: {[c if isinstance(c, str) else to_unicode(c) for c in row]}",
                )

    # --- values

    def gradient(self, weight: tuple[str, tuple[int, ...]]) -> float:
        """The stored gradient of a parameter element."""
        return float(self.trace.gradients[weight[0]][weight[1]])

    def raises(self, weight: tuple[str, tuple[int, ...]]) -> float:
        """The change of the loss for a small increase of a parameter element, divided by the increase."""
        path, index = weight
        losses = []
        for sign in (1, -1):
            changed = dict(self.trace.parameters)
            changed[path] = changed[path].copy()
            changed[path][index] += sign * TINY_STEP
            losses.append(self.trace.recompute(changed)[0])
        return (losses[0] - losses[1]) / (2 * TINY_STEP)

    def old_and_new(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The predictions of the shown sample before and after the update, and its target."""
        t = self.trace
        (name, prediction), *_ = t.predictions.items()
        target = t.values[t.derivation.network.targets[name]][self.sample]
        return prediction[self.sample].reshape(-1), t.new_predictions[name][self.sample].reshape(-1), target


Claim = Callable[[Checker, Sentence], Iterator[Any]]


def _line_value(c: Checker, s: Sentence) -> Iterator[Any]:
    old, new, target = c.old_and_new()
    yield shows(s.facts["output"], old[0])
    label = str(s.facts["target"])
    yield shows(label, float(target.reshape(-1)[0])) or label == str(c.labels[int(target)])
    yield _verb(s.facts["moves"]) == np.sign(new[0] - old[0])
    yield from _loss_change(c, s.facts["change"])


def _line_class(c: Checker, s: Sentence) -> Iterator[Any]:
    old, new, target = c.old_and_new()
    k = int(target)
    yield shows(s.facts["output"], old[k])
    yield str(s.facts["target"]) == str(c.labels[k] if k < len(c.labels) else k)
    yield _verb(s.facts["moves"]) == np.sign(new[k] - old[k])
    yield from _loss_change(c, s.facts["change"])


def _line_loss(c: Checker, s: Sentence) -> Iterator[Any]:
    yield shows(s.facts["old"], c.trace.loss)
    yield s.facts["n"] == c.trace.samples
    yield from _loss_change(c, s.facts["change"])


def _loss_change(c: Checker, change: Any) -> Iterator[Any]:
    t = c.trace
    verb = change if change.key in VERBS else change.facts["moves"]
    yield _verb(verb) == np.sign(t.new_loss - t.loss)
    if change.key in ("changes_from", "changes_to"):
        yield shows(change.facts["new"], t.new_loss)
        yield shows(change.facts["old"], t.loss)


VERBS = {"falls": -1, "rises": 1, "stays": 0}


def _verb(sentence: Any) -> int:
    return VERBS[sentence.key]


def _line_price(c: Checker, s: Sentence) -> Iterator[Any]:
    cost = float(c.trace.values[c.trace.derivation.penalty])  # type: ignore[index]
    yield shows(s.facts["cost"], cost)
    yield shows(s.facts["data"], c.trace.loss - cost)


def _letters_weight(c: Checker, s: Sentence) -> Iterator[Any]:
    """The weight is multiplied by that input in that unit of that layer, by a change of the weight."""
    weight, unit, source = (s.about[name] for name in ("weight", "unit", "input"))
    path = c._parameters[weight.node]
    changed = dict(c.trace.parameters)
    changed[path] = changed[path].copy()
    changed[path][weight.index] += 1.0
    (after,) = c.trace.recompute.values(changed, [unit.node])
    moved = after - c.trace.values[unit.node]
    yield _close(moved[unit.index], c.trace.values[source.node][source.index], 1e-9)
    others = np.abs(moved[c.sample]).sum() - abs(moved[unit.index])
    yield others <= 1e-9 * (1 + np.abs(after).max())
    layer = c._layers[str(s.facts["layer"]).strip("()")]
    yield unit.node is layer.z
    yield path in layer.parameters
    yield s.facts["unit"] == unit.index[-1] + 1
    yield s.facts["input"] == source.index[-1] + 1
    yield s.facts.get("member", 1) == (1 if len(weight.index) == 2 else unit.index[1] + 1)
    yield s.facts["weight"] == to_unicode(c.trace.names[weight.node].symbol(weight.index, 1))
    yield source.node in c.trace.derivation.built.inputs.values() or source.node in order([unit.node])


def _letters_between(c: Checker, s: Sentence) -> Iterator[Any]:
    for node in s.about["inputs"]:
        yield c.belongs(node, c._layers[c.trace.names[node].layer.split(",")[0]], "h")


def _letters_also_feeds(c: Checker, s: Sentence) -> Iterator[Any]:
    node = s.about["input"]
    for label in s.about["layers"]:
        yield c.belongs(node, c._layers[label.split(",")[0]], "h")
        yield f"({label})" in str(s.facts["layers"])


def _letters_role(c: Checker, s: Sentence) -> Iterator[Any]:
    """Values of these letters are what the sentence calls them."""
    d = c.trace.derivation
    kinds: dict[str, Callable[[Node], bool]] = {
        "letters_parameter": lambda n: n in c._parameters,
        "letters_state": lambda n: n in {state.node for state in d.built.states.values()},
        "letters_memory": lambda n: any(n in pair for slots in d.slots.values() for pair in slots.values()),
        "letters_input": lambda n: (
            isinstance(n.op, Input | Constant)
            and n not in c._parameters
            and n not in {state.node for state in d.built.states.values()}
        ),
        "letters_hidden": lambda n: bool(n.inputs),
    }
    for letter in s.about["letters"]:
        nodes = [n for n, name in c.trace.names.items() if name.letter and _letter(name) == letter]
        yield any(kinds[s.key](n) for n in nodes)


def _letter(name: Any) -> str:
    return to_unicode(Symbol(name.letter, accent=name.accent))


def _letters_noun(c: Checker, s: Sentence) -> Iterator[Any]:
    yield any(_letter(name) == s.facts["letter"] for name in c.trace.names.values() if name.letter)


def _layer_names(c: Checker, s: Sentence) -> Iterator[Any]:
    d = c.trace.derivation
    paths = list(dict.fromkeys(path.rpartition(".")[0] for path in d.built.parameters))
    for layer in s.about["layers"]:
        yield paths[layer.number - 1] == layer.path
        text = str(s.facts.get("names", "")) or f"({s.facts['number']}) {s.facts['path']}"
        yield f"({layer.number}) {layer.path or 'net'}" in text


def _counts(c: Checker, s: Sentence) -> Iterator[Any]:
    """Number of samples, sum of weights, and whether there are weights or a penalty."""
    d = c.trace.derivation
    yield s.facts.get("n", c.trace.samples) == c.trace.samples
    yield "sum" not in s.facts or shows(s.facts["sum"], d.divisor)
    if s.key in ("mean_many", "mean_weighted"):
        yield bool(d.weights) == (s.key == "mean_weighted")
    if s.key in ("mean_one", "mean_one_penalty"):
        yield c.trace.samples == 1
        yield (d.penalty is not None) == (s.key == "mean_one_penalty")
    if s.key == "mean_penalty":
        yield d.penalty is not None


def _rounding(c: Checker, s: Sentence) -> Iterator[Any]:
    d = c.trace.derivation
    yield (d.built is d.network.inference) == (s.key == "rounding")


def _feature(c: Checker, s: Sentence) -> Iterator[Any]:
    (node,) = c.trace.derivation.built.inputs.values()
    yield shows(s.facts["value"], float(c.trace.values[node].reshape(-1)[s.about["index"]]))
    yield str(s.about["index"] + 1) == str(s.facts["i"]).translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789"))


def _shown_sample(c: Checker, s: Sentence) -> Iterator[Any]:
    yield s.facts["i"] == c.sample + 1


def _losses(c: Checker, s: Sentence) -> Iterator[Any]:
    t, d = c.trace, c.trace.derivation
    cost = 0.0 if d.penalty is None else float(t.values[d.penalty])
    yield shows(s.facts["mean"], t.loss - cost)
    yield (s.facts["name"] != "") == (d.penalty is None)
    weights = t.values[next(iter(d.weights.values()))] if d.weights else np.ones(t.samples)
    losses = t.values[d.sample_losses]
    if s.key == "losses_of_samples" or len(d.weights) == 1:
        yield _close((weights * losses).sum() / d.divisor, t.loss - cost)
    for part in s.about["equal"]:
        yield from _equal(c, part)


def _equal(c: Checker, s: Sentence) -> Iterator[Any]:
    at = s.about["element"]
    yield shows(s.facts["value"], float(c.trace.values[at.node][at.index]))
    yield s.facts["name"] == to_unicode(c.trace.names[at.node].symbol(at.index, c.trace.samples))


def _penalty(c: Checker, s: Sentence) -> Iterator[Any]:
    yield from _line_price(c, s)
    yield shows(s.facts["loss"], c.trace.loss)


def _error_note(c: Checker, s: Sentence) -> Iterator[Any]:
    at = s.about["output"]
    error = c.trace.values[at.node][at.index] - c.trace.values[s.about["target"]][at.index]
    yield {"too_low": -1, "too_high": 1, "exact": 0}[s.key] == np.sign(error)
    yield s.key == "exact" or shows(s.facts["by"], abs(error))


def _clause(c: Checker, s: Sentence) -> Iterator[Any]:
    if "matrices" in s.about:
        for text in s.about["matrices"]:
            yield matrix_equation_holds(c.trace, text)
    if "function" in s.about:
        slope = c.trace.derivation.local_derivatives()[s.about["function"]]
        values = c.trace.values[slope]
        bound = next((limit for phrase, limit in BOUNDS.items() if phrase in s), np.inf)
        yield bool((np.abs(values) <= bound).all())
        source = c.trace.values[s.about["function"].inputs[0]]
        for index in list(np.ndindex(source.shape))[:3]:
            if abs(source[index]) > 1e-3:  # no kink near by
                yield _close(values[index], c._slope(s.about["function"], float(source[index])), 1e-4)
    if "stops" in s.about:
        symbols = [c.trace.names[at.node].symbol(at.index, c.trace.samples) for at in s.about["stops"]]
        signals = [text for text in s.split(" → ") if text != "∂J"]
        yield set(signals) <= set(map(to_unicode, symbols))


def _meaning(gradient: float, sentence: Any) -> bool:
    return {"raise_it": -1, "lower_it": 1, "no_influence": 0}[sentence.key] == np.sign(gradient)


def _weight_meaning(c: Checker, s: Sentence) -> Iterator[Any]:
    weight = s.about["weight"]
    yield shows(s.facts["gradient"], c.gradient(weight))
    measured = c.raises(weight)
    is_flat = abs(measured) < 1e-6
    cancels = is_flat and s.facts["meaning"].key == "no_influence"  # type: ignore[attr-defined]
    yield cancels or _meaning(c.gradient(weight), s.facts["meaning"])
    yield is_flat or np.sign(measured) == np.sign(c.gradient(weight)) or _at_kink(c, measured, weight)


def _at_kink(c: Checker, measured: float, weight: Any) -> bool:
    """Whether the two sides of a finite difference do not agree, as at a kink."""
    return abs(measured) > 1e-6 and abs(c.gradient(weight)) < 1e-6


def _weight_is(c: Checker, s: Sentence) -> Iterator[Any]:
    path, index = s.about["weight"]
    yield shows(s.facts["value"], float(c.trace.parameters[path][index]))
    yield s.facts["name"] == f"{path}[{','.join(map(str, index))}]"
    node = c.trace.derivation.built.parameters[path].node
    yield s.facts["symbol"] == to_unicode(c.trace.names[node].symbol(index, c.trace.samples))
    yield s.facts["shape"] == " × ".join(map(str, c.trace.parameters[path].shape))


def _largest(c: Checker, s: Sentence) -> Iterator[Any]:
    t, entries = c.trace, s.about["entries"]
    sizes = np.concatenate([np.abs(g).reshape(-1) for g in t.gradients.values()])
    listed = [abs(c.gradient(entry)) for entry in entries]
    yield len(set(entries)) == len(entries) == s.facts["n"]
    yield np.allclose(sorted(listed), np.sort(sizes)[-len(listed) :])
    yield shows(s.facts["left"], sizes.size - len(entries))
    total = float(np.sum(sizes**2))
    yield shows(s.facts["share"], 100 * sum(g * g for g in listed) / total if total else 0.0)
    path, index = entries[0]
    yield s.facts["path"] == f"{path}[{','.join(map(str, index))}]"


def _update_intro(c: Checker, s: Sentence) -> Iterator[Any]:
    yield shows(s.facts["rate"], c.trace.learning_rate)
    yield s.facts["optimizer"] == type(c.trace.derivation.network.recipe.optimizer).__name__


def _memory_names(c: Checker, s: Sentence) -> Iterator[Any]:
    slots = {slot for own in c.trace.derivation.slots.values() for slot in own}
    for letter in re.split(r", |、", str(s.facts["names"])):
        yield letter in slots


def _memory_first(c: Checker, s: Sentence) -> Iterator[Any]:
    t = c.trace
    befores = [before for own in t.derivation.slots.values() for before, _ in own.values()]
    zero = all(not t.values[node].any() for node in befores if node in t.values)
    yield t.optimizer_state == "first"
    yield zero == (s.key == "memory_first")


def _clipped(c: Checker, s: Sentence) -> Iterator[Any]:
    yield s.facts["clip"] == c.trace.derivation.network.recipe.clip


def _promise(c: Checker) -> float:
    t = c.trace
    changes = {path: t.new_parameters[path] - old for path, old in t.parameters.items()}
    return float(sum((t.gradients[path] * change).sum() for path, change in changes.items()))


def _loss_moved(c: Checker, s: Sentence) -> Iterator[Any]:
    t = c.trace
    yield shows(s.facts["old"], t.loss)
    yield shows(s.facts["new"], t.new_loss)
    yield shows(s.facts["change"], t.new_loss - t.loss)
    yield shows(s.facts["promise"], _promise(c))


def _promise_text(c: Checker, s: Sentence) -> Iterator[Any]:
    yield shows(s.facts["promise"], _promise(c))
    if s.key == "promise_sgd":
        squares = sum(float((g * g).sum()) for g in c.trace.gradients.values())
        yield _close(_promise(c), -c.trace.learning_rate * squares, 1e-9)


def _verdict(c: Checker, s: Sentence) -> Iterator[Any]:
    t, promise = c.trace, _promise(c)
    moved = any(not np.array_equal(t.new_parameters[path], old) for path, old in t.parameters.items())
    has_gradient = any(g.any() for g in t.gradients.values())
    change = t.new_loss - t.loss
    yield {
        "flat": not moved and not has_gradient,
        "no_move": not moved and has_gradient,
        "uphill": moved and promise >= 0,
        "curvature": promise < 0 and change < 0,
        "too_far": promise < 0 and change >= 0,
    }[s.key]
    if s.key == "curvature":
        yield shows(s.facts["gap"], change - promise)
        yield shows(s.facts["percent"], 100 * abs((change - promise) / promise))


def transfer_holds(c: Checker, transfer: SignalTransfer) -> Iterator[Any]:
    """The signal at the earlier layer is the one at the later layer, sent back through it alone."""
    t, near, far = c.trace, transfer.near, transfer.far
    back = t.derivation.cotangents
    assert near.z is not None
    assert far.a is not None
    sent = input_node("sent", near.z.shape, near.z.dtype)
    alone, _ = cotangents(F.sum(near.z * sent), [far.a])
    yield far.a in alone
    if far.a in alone:
        arrived = evaluated(t, alone[far.a], sent=t.values[back[near.z]])
        yield np.allclose(arrived, t.values[back[far.a]], rtol=1e-8, atol=1e-12)
    yield _close(transfer.sent, np.linalg.norm(t.values[back[near.z]]))
    yield _close(transfer.arrived, np.linalg.norm(t.values[back[far.a]]))
    yield _close(transfer.left, np.linalg.norm(t.values[back[far.z]]))  # type: ignore[index]


def _split_text(c: Checker, s: Sentence) -> Iterator[Any]:
    transfer = s.about["transfer"]
    yield from transfer_holds(c, transfer)
    facts = {
        "sent": transfer.sent,
        "arrived": transfer.arrived,
        "left": transfer.left,
        "weights": transfer.arrived / transfer.sent,
        "slopes": transfer.left / transfer.arrived,
        "total": transfer.left / transfer.sent,
        "near": transfer.near.number,
        "far": transfer.far.number,
    }
    for name, actual in facts.items():
        yield shows(s.facts[name], actual)


def _lost(c: Checker, s: Sentence) -> Iterator[Any]:
    transfer = s.about["transfer"]
    weights, derivatives = transfer.arrived / transfer.sent, transfer.left / transfer.arrived
    factor = {
        "lost_in_slopes": derivatives,
        "lost_of_slopes": derivatives,
        "lost_in_weights": weights,
        "grew": weights * derivatives,
    }
    yield shows(s.facts["percent"], 100 * abs(1 - factor[s.key]))
    yield (factor[s.key] >= 1) == (s.key == "grew")


def _shrinking(c: Checker, s: Sentence) -> Iterator[Any]:
    is_smaller = all(transfer.share_of_first < 1 for transfer in s.about["transfers"])
    yield is_smaller == (s.key == "shrinking")


def _opposite(c: Checker, s: Sentence) -> Iterator[Any]:
    (path, first), (i, j) = s.about["weight"], s.about["samples"]
    bias = c.trace.derivation.built.parameters[path].node
    layer = next(layer for layer in c.trace.layers if path in layer.parameters)
    back = c.trace.values[c.trace.derivation.cotangents[layer.z]]  # type: ignore[index]
    pulls = back.reshape(len(back), -1, c.trace.values[bias].size).sum(1)[:, 0]
    yield shows(s.facts["one"], pulls[i])
    yield shows(s.facts["two"], pulls[j])
    yield pulls[i] * pulls[j] < 0
    yield shows(s.facts["mean"], c.gradient((path, first)))
    yield (s.facts["i"], s.facts["j"]) == (i + 1, j + 1)
    yield s.facts["parameter"] == to_unicode(c.trace.names[bias].symbol(first, c.trace.samples))


def _checked(c: Checker, s: Sentence) -> Iterator[Any]:
    check = c.trace.gradient_check
    weight = s.about["weight"]
    node = c.trace.derivation.built.parameters[weight[0]].node
    total = sum(p.size for p in c.trace.parameters.values())
    if s.key == "checked_some":
        yield s.facts["n"] == len(check.places)
    if s.key != "checked_one":
        yield shows(s.facts["total"], total)
    yield (s.key != "checked_some") == (len(check.places) == total)
    yield (s.key == "checked_one") == (total == 1)
    yield to_unicode(c.trace.names[node].symbol(weight[1], 1)) in str(s.facts["where"])


def _check_differs(c: Checker, s: Sentence) -> Iterator[Any]:
    yield shows(s.facts["analytic"], c.gradient(s.about["weight"]))
    yield _close(parse_number(str(s.facts["numeric"]))[0], c.raises(s.about["weight"]), 1e-3)


def _weight_checked(c: Checker, s: Sentence) -> Iterator[Any]:
    weight = s.about["weight"]
    yield shows(s.facts["analytic"], c.gradient(weight))
    printed, unit = parse_number(str(s.facts["numeric"]))
    yield abs(printed - c.raises(weight)) <= unit + 1e-4 * max(abs(printed), 1e-3)


def _saturated(c: Checker, s: Sentence) -> Iterator[Any]:
    node = s.about["function"]
    derivatives = np.abs(c.trace.values[c.trace.derivation.local_derivatives()[node]])
    below = int((derivatives < float(str(s.facts["limit"]))).sum())
    yield (s.facts["n"], s.facts["total"]) == (below, derivatives.size)
    yield shows(s.facts["percent"], 100 * below / derivatives.size)
    yield s.facts["where"] == c.writer.unindexed_name(node)


def _tiny(c: Checker, s: Sentence) -> Iterator[Any]:
    length = np.sqrt(sum(float((g * g).sum()) for g in c.trace.gradients.values()))
    yield shows(s.facts["length"], float(length))


def _stop_forward(c: Checker, s: Sentence) -> Iterator[Any]:
    node = s.about["node"]
    values = c.trace.values[node][c.sample]
    yield shows(s.facts["most"], float(values.max()))
    unit = tuple(int(i) - 1 for i in str(s.facts["unit"]).split(",")) if values.ndim else ()
    yield values[unit] == values.max()
    yield s.facts["n_out"] == ("×".join(map(str, values.shape)) or "1")
    for source in s.about["inputs"]:
        yield source in order([node])
    layer = c.trace.derivation.site_of(node).path or "net"
    yield c.trace.names[node].role == "prediction" or s.facts["layer"] == layer


def _stop_class(c: Checker, s: Sentence) -> Iterator[Any]:
    old, _, target = c.old_and_new()
    yield shows(s.facts["output"], old[int(target)])
    yield shows(s.facts["loss"], float(c.trace.values[c.trace.derivation.sample_losses][c.sample]))


def _stop_loss(c: Checker, s: Sentence) -> Iterator[Any]:
    yield shows(s.facts["loss"], float(c.trace.values[c.trace.derivation.sample_losses][c.sample]))


def _stop_backward(c: Checker, s: Sentence) -> Iterator[Any]:
    gradient = c.gradient(s.about["weight"])
    yield shows(s.facts["gradient"], gradient)
    yield shows(s.facts["change"], float(s.facts["step"]) * gradient)  # type: ignore[arg-type]
    yield from _named(c, s)


def _stop_update(c: Checker, s: Sentence) -> Iterator[Any]:
    path, index = s.about["weight"]
    old, new = float(c.trace.parameters[path][index]), float(c.trace.new_parameters[path][index])
    yield shows(s.facts["old"], old)
    yield shows(s.facts["new"], new)
    yield shows(s.facts["move"], new - old)
    yield "part" not in s.facts or shows(s.facts["part"], 100 * abs((new - old) / old))
    yield ("part" in s.facts) == bool(old)
    yield from _named(c, s)


def _named(c: Checker, s: Sentence) -> Iterator[Any]:
    path, index = s.about["weight"]
    node = c.trace.derivation.built.parameters[path].node
    yield s.facts["name"] == to_unicode(c.trace.names[node].symbol(index, c.trace.samples))


def _contributors(c: Checker, s: Sentence) -> Iterator[Any]:
    at, terms = s.about["element"], s.about["terms"]
    values = sorted((c._value(term) for term in terms), key=lambda v: -abs(v))
    yield s.facts["n"] == len(terms)
    yield shows_sum(s.facts["total"], values)
    yield shows_sum(s.facts["shown"], values[: int(str(s.facts["k"]))])
    if s.key == "contributors":
        yield _close(sum(values), float(c.trace.values[at.node][at.index]))


def _residual(c: Checker, s: Sentence) -> Iterator[Any]:
    yield shows(s.facts["value"], c._value(s.about["formula"]))
    yield _close(c._value(s.about["formula"]), c.gradient(s.about["weight"]), 1e-6)
    path, index = s.about["weight"]
    at = Scalar(c.trace.derivation.gradients[path], index)
    yield _close(c._value(expanded(c.writer, at)), c.gradient((path, index)), 1e-6)


def _paths_count(c: Checker, s: Sentence) -> Iterator[Any]:
    at, listed = s.about["element"], s.about["values"]
    total = float(c.trace.values[at.node][at.index])
    yield shows_sum(s.facts["shown"], listed)
    if s.key == "paths_cancel":
        yield abs(total) <= 1e-12 * sum(map(abs, listed))
        return
    yield shows(s.facts["total"], total)
    printed, unit = parse_number(str(s.facts["share"].facts["percent"]))  # type: ignore[attr-defined]
    yield abs(printed - 100 * sum(listed) / total) <= unit + abs(1e-4 / total)


def _weight_moves(c: Checker, s: Sentence) -> Iterator[Any]:
    path, index = s.about["weight"]
    change = float(c.trace.new_parameters[path][index] - c.trace.parameters[path][index])
    yield {"weight_moves_up": 1, "weight_moves_down": -1, "weight_stays": 0}[s.key] == np.sign(change)
    if change:
        yield shows(s.facts["change"], change)
        yield shows(s.facts["promise"], change * c.gradient((path, index)))


def _weight_share(c: Checker, s: Sentence) -> Iterator[Any]:
    path, index = s.about["weight"]
    change = float(c.trace.new_parameters[path][index] - c.trace.parameters[path][index])
    yield shows(s.facts["percent"], 100 * change * c.gradient((path, index)) / _promise(c))


def _outputs_moved(c: Checker, s: Sentence) -> Iterator[Any]:
    for part in s.about["moved"]:
        name, index = part.about["output"], part.about["index"]
        yield shows(part.facts["old"], float(c.trace.predictions[name][index]))
        yield shows(part.facts["new"], float(c.trace.new_predictions[name][index]))
        yield part.facts["name"] == to_unicode(
            c.trace.names[part.about["node"]].symbol(index, c.trace.samples)
        )


def _not_finite(c: Checker, s: Sentence) -> Iterator[Any]:
    at = s.about["element"]
    yield not np.isfinite(c.trace.values[at.node][at.index])


def _title(c: Checker, s: Sentence) -> Iterator[Any]:
    yield (s.key == "title") == (c.trace.samples == 1)
    yield "n" not in s.facts or s.facts["n"] == c.trace.samples


def _number_of_derivatives(c: Checker, s: Sentence) -> Iterator[Any]:
    yield shows(s.facts["n"], sum(p.size for p in c.trace.parameters.values()))


def _more(c: Checker, s: Sentence) -> Iterator[Any]:
    yield shows(s.facts["n"], parse_number(str(s.facts["n"]))[0])
    yield parse_number(str(s.facts["n"]))[0] > 0


CHECKS: dict[str, Claim] = {
    "title": _title,
    "title_many": _title,
    "derivatives": _number_of_derivatives,
    "line_value": _line_value,
    "line_class": _line_class,
    "line_mean": _line_loss,
    "line_loss": _line_loss,
    "line_price": _line_price,
    "letters_weight": _letters_weight,
    "letters_member_weight": _letters_weight,
    "letters_between": _letters_between,
    "letters_also_feeds": _letters_also_feeds,
    "letters_parameter": _letters_role,
    "letters_state": _letters_role,
    "letters_memory": _letters_role,
    "letters_input": _letters_role,
    "letters_hidden": _letters_role,
    "letters_noun": _letters_noun,
    "layer_names": _layer_names,
    "layer_name": _layer_names,
    "mean_one": _counts,
    "mean_many": _counts,
    "mean_weighted": _counts,
    "mean_one_penalty": _counts,
    "mean_penalty": _counts,
    "samples": _counts,
    "samples_intro": _counts,
    "samples_weighted": _counts,
    "backward_mean": _counts,
    "backward_weighted": _counts,
    "rounding": _rounding,
    "rounding_learns": _rounding,
    "feature": _feature,
    "shown_sample": _shown_sample,
    "losses_of_samples": _losses,
    "losses_weighted": _losses,
    "equal": _equal,
    "penalty": _penalty,
    "too_low": _error_note,
    "too_high": _error_note,
    "exact": _error_note,
    "clause": _clause,
    "largest": _largest,
    "update_intro": _update_intro,
    "memory_names": _memory_names,
    "memory_first": _memory_first,
    "memory_initial": _memory_first,
    "clipped": _clipped,
    "loss_moved": _loss_moved,
    "promise": _promise_text,
    "promise_sgd": _promise_text,
    "curvature": _verdict,
    "too_far": _verdict,
    "flat": _verdict,
    "no_move": _verdict,
    "uphill": _verdict,
    "split": _split_text,
    "split_weights": _split_text,
    "lost_in_slopes": _lost,
    "lost_in_weights": _lost,
    "lost_of_slopes": _lost,
    "grew": _lost,
    "shrinking": _shrinking,
    "signal_sizes": _shrinking,
    "opposite": _opposite,
    "checked_all": _checked,
    "checked_some": _checked,
    "checked_one": _checked,
    "check_differs": _check_differs,
    "weight_checked": _weight_checked,
    "saturated": _saturated,
    "silent": _saturated,
    "tiny": _tiny,
    "stop_forward": _stop_forward,
    "stop_class": _stop_class,
    "stop_places": _stop_loss,
    "stop_loss": _stop_loss,
    "stop_backward": _stop_backward,
    "stop_update": _stop_update,
    "stop_update_zero": _stop_update,
    "weight_is": _weight_is,
    "weight_meaning": _weight_meaning,
    "contributors": _contributors,
    "contributors_within": _contributors,
    "residual": _residual,
    "paths_count": _paths_count,
    "paths_cancel": _paths_count,
    "weight_moves_up": _weight_moves,
    "weight_moves_down": _weight_moves,
    "weight_stays": _weight_moves,
    "weight_share": _weight_share,
    "outputs_moved": _outputs_moved,
    "arose_not_finite": _not_finite,
    "given_not_finite": _not_finite,
    "from_numbers": _not_finite,
    "more_short": _more,
    "more_lines": _more,
}
"""The check of each kind of sentence, by the key of its template."""


def _derivative_row(c: Checker, row: Sequence[Any]) -> Iterator[Any]:
    _, left, tree, numbers, result, meaning = row
    at = _target(left)
    stored = float(c.trace.values[at.node][at.index])
    yield shows(result, stored)
    yield _meaning(stored, meaning)
    for formula in (tree, numbers):
        yield DOTS in _leaves(formula) or _close(c._value(formula), stored, 1e-6)


def _update_row(c: Checker, row: Sequence[Any]) -> Iterator[Any]:
    at = _target(row[0])
    path, index = c._parameters[at.node], at.index
    old, new = float(c.trace.parameters[path][index]), float(c.trace.new_parameters[path][index])
    for cell, actual in zip(row[1:5], (old, c.gradient((path, index)), new, new - old), strict=True):
        yield shows(cell, actual)
    yield not old or shows(row[5], 100 * abs((new - old) / old))


def _term_row(c: Checker, row: Sequence[Any]) -> Iterator[Any]:
    for formula in row[:2]:
        yield DOTS in _leaves(formula) or shows(row[2], c._value(formula))


def _path_row(c: Checker, row: Sequence[Any]) -> Iterator[Any]:
    c.text(row[0])
    yield np.isfinite(parse_number(row[1])[0])


def _sample_row(c: Checker, row: Sequence[Any]) -> Iterator[Any]:
    losses = c.trace.values[c.trace.derivation.sample_losses]
    i = int(row[0]) - 1
    yield any(shows(cell, float(losses[i])) for cell in row[1:])


def _transfer_row(c: Checker, row: Sequence[Any]) -> Iterator[Any]:
    near, far = (c._layers[text[1:].split(")")[0]] for text in row[:2])
    yield row[0].endswith(near.path) and row[1].endswith(far.path)
    back = c.trace.derivation.cotangents
    sent, arrived, left = (
        float(np.linalg.norm(c.trace.values[back[node]]))
        for node in (near.z, far.a, far.z)
        if node is not None
    )
    yield from transfer_holds(c, SignalTransfer(near, far, sent, arrived, left, far.a is not far.z, 0.0))
    yield shows(row[2], sent)
    yield shows(row[3], arrived / sent)
    yield row[4] == "–" or shows(row[4], left / arrived)
    yield shows(row[5], left)


TABLE_CHECKS: dict[str, Callable[[Checker, Sequence[Any]], Iterator[Any]]] = {
    "derivatives": _derivative_row,
    "update": _update_row,
    "terms": _term_row,
    "paths": _path_row,
    "samples": _sample_row,
    "transfers": _transfer_row,
}
"""The check of a row of each kind of table."""


def _close(a: Any, b: Any, tolerance: float = 1e-9) -> bool:
    return bool(abs(a - b) <= tolerance * max(1.0, abs(a), abs(b)))


def _target(tree: Tree) -> Scalar:
    assert isinstance(tree, Link)
    assert isinstance(tree.target, Scalar)
    return tree.target


def _links(tree: Tree) -> Iterator[Link]:
    """The links of a tree; those within a link to a derivative or an error are not followed."""
    if isinstance(tree, Link):
        yield tree
        if isinstance(tree.target, Scalar):
            return
    for part in children(tree):
        yield from _links(part)


def _leaves(tree: Tree) -> list[Tree]:
    parts = children(tree)
    return [tree] if not parts else [leaf for part in parts for leaf in _leaves(part)]


def _telescopes(equation: Equation) -> bool:
    """Whether the factors of a chain of derivatives cancel to the left side: dJ/dy dy/dz dz/dw = dJ/dw."""
    derivatives: list[Derivative] = []

    def collect(tree: Tree) -> None:
        if isinstance(tree, Derivative):
            derivatives.append(tree)

    substitute(equation.steps[0], collect)
    left = equation.left
    chained = all(a.by == b.of for a, b in pairwise(derivatives))
    return (
        isinstance(left, Derivative)
        and chained
        and derivatives[0].of == left.of
        and derivatives[-1].by == left.by
    )


def _unknown(leaf: Tree) -> float:
    if isinstance(leaf, Number):
        return float(leaf.value)
    raise KeyError(leaf)
