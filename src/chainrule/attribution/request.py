"""From a person's question to a judged attribution: rows read, the class found, the sum checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.attribution.attribution import Attribution
from chainrule.attribution.method import METHODS, Found, Method, account
from chainrule.attribution.question import Question
from chainrule.attribution.target import Choice, choose
from chainrule.data import Arrays
from chainrule.derive.narrative import check_options
from chainrule.errors import TrainingError, UsageError, nearest
from chainrule.notation import number
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.spec import shape_text
from chainrule.train.evaluation.prediction import checked_inputs
from chainrule.train.inputs import tabular
from chainrule.train.options import refuse_unknown

if TYPE_CHECKING:
    from chainrule.data import Preparation, Table
    from chainrule.train.model_state import ModelState

COMMON = ("explains", "output", "seed", "strict", "lang")
MOST_CELLS = 100  # rows of a table whose cells are kept beside their values


@frozen(eq=False)
class Given:
    """Rows as the net sees them, and what they were: the cells of a table."""

    inputs: dict[str, np.ndarray]
    cells: tuple[dict[str, str], ...] = ()


def attribute(
    model: ModelState,
    x: Any,
    method: str = "integrated_gradients",
    target: Any = None,
    y: Any = None,
    baseline: Any = None,
    **options: Any,
) -> Attribution:
    """How much each input had to do with an answer; see ``Model.attribute``."""
    card = known_method(method)
    refuse_unknown(f"attribute, {method}", options, (*card.options, *COMMON))
    lang = options.get("lang") or settings.lang
    check_options(1, lang)
    question, told = ask(model, x, target, y, baseline, options)
    own = {name: value for name, value in options.items() if name in card.options}
    found = card.run(question, **own)
    made = _judged(card, question, found, told, lang)
    if options.get("strict", True):
        refuse_unaccounted(made)
    return made


@frozen(eq=False)
class Told:
    """What is not for the method but for the reader: whose score it is, and what the rows were."""

    choice: Choice
    given: Given


def ask(
    model: ModelState, x: Any, target: Any, y: Any, baseline: Any, options: Mapping[str, Any]
) -> tuple[Question, Told]:
    """The question a person asks, for any method.

    Args:
        model: a learner.
        x, target, y, baseline: as in ``Model.attribute``.
        options: of which ``explains``, ``output`` and ``seed`` are used.

    Raises:
        TrainingError E503: the model has learned nothing yet. E540, E542: see ``Model.attribute``.
    """
    given = read_rows(model, x)
    choice = choose(model, given.inputs, target, y, options.get("output"), options.get("explains"))
    compared = None if baseline is None else _baseline(model, baseline, given.inputs)
    columns = columns_of(model)
    seed = options.get("seed", 0)
    if type(seed) is not int:
        raise UsageError(
            "E102", where="attribute", name="seed", expected="an integer", received=repr(seed)[:80],
            fix="seed=0",
        )  # fmt: skip
    question = Question(model, choice.score, given.inputs, choice.chosen, compared, seed, columns)
    return question, Told(choice, given)


def known_method(name: str) -> Method:
    """The card of a method.

    Raises:
        UsageError E101: no such method; the nearest is offered.
    """
    if name not in METHODS:
        close = nearest(str(name), METHODS) or "integrated_gradients"
        raise UsageError(
            "E101", where="attribute, method", name=name, expected=", ".join(METHODS), received=repr(name),
            fix=f'method="{close}"',
        )  # fmt: skip
    return METHODS[name]


def read_rows(model: ModelState, x: Any) -> Given:
    """Rows of a table, samples, or one sample, as the net sees them.

    Raises:
        TrainingError E503: the model has learned nothing yet. Else what ``predict`` refuses.
    """
    if model.network is None:
        raise TrainingError("E503", where="attribute", fix="model.fit(x, y)")
    if model.preparation is not None and tabular.is_table(x, None):
        table = model.preparation.read(x)
        inputs = _fitting(model, tabular.inputs(model.preparation, table))
        kept = min(table.rows, MOST_CELLS) if columns_of(model) else 0
        cells = [_cells(model.preparation, table, i) for i in range(kept)]
        return Given(inputs, tuple(cells))
    name, spec = next(iter(model.network.inputs.items()))
    first: Any = x[name] if isinstance(x, Mapping) and name in x else x
    if np.ndim(first) == spec.rank - 1:  # one sample, without a batch axis
        named = isinstance(x, Mapping)
        x = {key: np.asarray(part)[None] for key, part in x.items()} if named else np.asarray(x)[None]
    return Given(_fitting(model, x))


def _fitting(model: ModelState, x: Any) -> dict[str, np.ndarray]:
    return checked_inputs(model, Arrays.of(x, dtype=model.recipe.dtype).x)


def _cells(preparation: Preparation, table: Table, row: int) -> dict[str, str]:
    return {cell.column: cell.raw or "–" for cell in preparation.cells(table, row)}


def columns_of(model: ModelState) -> tuple[str, ...]:
    """The table's column of each number the net sees; empty for nets that learned from no table."""
    prepared = model.preparation
    if prepared is None or len(prepared.shape) != 1:
        return ()
    return tuple(feature.column for feature in prepared.features)


def _baseline(model: ModelState, baseline: Any, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The rows to compare with, by input.

    Raises:
        TrainingError E542: a baseline of another shape; all mismatches are listed.
    """
    if model.preparation is not None and tabular.is_table(baseline, None):
        return _fitting(model, tabular.inputs(model.preparation, baseline))
    parts = baseline if isinstance(baseline, Mapping) else {next(iter(inputs)): baseline}
    strange = [str(name) for name in parts if name not in inputs]
    found, wrong = {}, [f'"{name}" is no input' for name in strange]
    for name, part in parts.items():
        if name in strange:
            continue
        array, wanted = np.asarray(part), inputs[name].shape[1:]
        if array.ndim == 0 and array.dtype.kind in "fiub":
            array = np.full(wanted, array)
        array = array[None] if array.ndim == len(wanted) else array
        if array.shape[1:] != wanted or array.dtype.kind not in "fiub" or not len(array):
            wrong.append(f"{name}: {array.dtype.name} {shape_text(array.shape)}, not (k, {wanted})")
            continue
        found[name] = array.astype(inputs[name].dtype)
    if len({len(array) for array in found.values()}) > 1:
        wrong.append("inputs with as many rows each")
    if wrong:
        expected = "; ".join(f"{name} {shape_text(array.shape[1:])}" for name, array in inputs.items())
        raise TrainingError(
            "E542", where="attribute, baseline", expected=f"a number, a sample or samples: {expected}",
            received=wrong[0], notes=wrong[1:], fix="baseline=0.0",
        )  # fmt: skip
    return found


def _judged(card: Method, question: Question, found: Found, told: Told, lang: str) -> Attribution:
    """The attribution, with what its values leave unaccounted for."""
    residual = tolerance = None
    scores = question.asked
    if card.complete and found.base is not None:
        residual, size = account(found.values, scores - found.base)
        tolerance = found.tolerance * size
        # What rounding does to two large scores is no fault of the method.
        tolerance = tolerance + 8 * np.finfo(scores.dtype).eps * (np.abs(scores) + np.abs(found.base))
    columns = found.columns if found.columns is not None else question.columns
    return Attribution(
        card.name, found.values, told.choice.score.explains, told.choice.names, scores, _readable(question),
        found.base, question.baseline, residual, tolerance, found.errors, columns,
        told.given.cells or _own_cells(question), _words(question), found.settings, question.seed, lang,
    )  # fmt: skip


def _readable(question: Question) -> dict[str, np.ndarray]:
    """The inputs; numbers of words as whole numbers."""
    own = question.score.network.inference.inputs
    entries = question.score.entries
    words = {name for name, nodes in entries.items() if nodes[0] is not own[name]}
    return {n: a.astype(np.int64) if n in words else a for n, a in question.inputs.items()}


def _own_cells(question: Question) -> tuple[dict[str, str], ...]:
    """What stands in the columns, where the rows came as numbers: that of columns which are one number."""
    if not question.columns:
        return ()
    (array,) = question.inputs.values()
    alone = [i for i, name in enumerate(question.columns) if question.columns.count(name) == 1]
    return tuple({question.columns[i]: number(row[i]) for i in alone} for row in array[:MOST_CELLS])


def _words(question: Question) -> tuple[tuple[str, ...], ...]:
    """The words of a text, place by place."""
    name = next(iter(question.inputs))
    tokenizers = question.model.tokenizers
    tokenizer = tokenizers.get(name) or tokenizers.get("")
    array = question.inputs[name]
    if tokenizer is None or array.ndim != 2:
        return ()
    # a token of byte pairs is spelled in bytes; what is set aside has no text
    known = {i: tokenizer.decode([i]) or tokenizer.tokens[i] for i in map(int, set(array.flat))}
    return tuple(tuple(known[int(i)] for i in row) for row in array)


def refuse_unaccounted(made: Attribution) -> None:
    """Refuse an attribution that does not add up.

    Raises:
        TrainingError E540: says by how much, at which sample, and what would help.
    """
    if made.residual is None or made.tolerance is None:
        return
    off = ~(np.abs(made.residual) <= made.tolerance)  # a NaN is off
    if not off.any():
        return
    worst = int(np.argmax(np.where(off, np.nan_to_num(np.abs(made.residual), nan=np.inf), -1.0)))
    counted = next((name for name in ("steps", "samples") if name in made.settings), "")
    finer = f"{counted}={2 * made.settings[counted]}" if counted else 'method="integrated_gradients"'
    raise TrainingError(
        "E540", where=f"attribute, {made.method}, sample {worst}", method=made.method,
        expected=f"at most {made.tolerance[worst]:.3g}", received=f"{made.residual[worst]:.3g}",
        notes=[f"{int(off.sum())} of {made.rows} samples; strict=False gives the values all the same"],
        fix=f'{finer}, another baseline, or method="shapley"',
    )  # fmt: skip
