"""What a private training refuses: everything that would read the rows outside of the mechanism."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from numbers import Real
from typing import Any

from chainrule.errors import ChainruleError, TrainingError, fact
from chainrule.graph import Node, order
from chainrule.nn.scope import Collected
from chainrule.ops.batch_axis import roles
from chainrule.symbolic_shape import bound
from chainrule.train.fit_options import FitOptions
from chainrule.train.network import Network
from chainrule.train.private.privacy import UNPROTECTED, Privacy
from chainrule.train.private.row_keys import unsafe_draw, with_row_keys

GROUPS = (32, 16, 8, 4, 2, 1)  # numbers of groups of the proposed normalization


def refuse_options(options: FitOptions, validation: Any, is_table: bool) -> None:
    """Refuse options that read rows outside of the mechanism, and tables without public columns (E590)."""
    public = options.privacy is not None and options.privacy.public is not None
    if is_table and not public:
        raise _refused(
            "x",
            fact("public ranges and levels of the columns of a table"),
            fact("none"),
            'cr.Privacy(epsilon, delta, columns={"age": (0, 120)}, target=("no", "yes"))',
        )
    if public and not is_table:
        raise _refused(
            "privacy",
            fact("a table, for columns and target of cr.Privacy"),
            fact("arrays"),
            fact("a data frame as x, or cr.Privacy(epsilon, delta)"),
        )
    if isinstance(validation, Real):
        raise _refused(
            "validation",
            fact("None, or (x, y) of public rows"),
            validation,
            fact("validation=(x_public, y_public): validation rows are not protected"),
        )
    for name in ("class_weight", "sample_weight", "augmentation", "buckets", "robust", "kinds"):
        if getattr(options, name) is not None:
            raise _refused(name, "None", type(getattr(options, name)).__name__, f"{name}=None")


def refuse_network(network: Network) -> None:
    """Refuse a network whose layers compute with several rows at once; E590 names the layer and a way."""
    book = network.training.book
    if network.recipe.optimizer.needs_all:
        name = type(network.recipe.optimizer).__name__
        raise _refused("optimizer", fact("an optimizer that uses gradients only"), name, "cr.Adam(0.001)")
    for loss in network.losses.values():
        if getattr(loss, "class_weight", None) is not None:
            name = type(loss).__name__
            expected = fact("a loss without class_weight, which cancels in the loss of one row")
            raise _refused(f"{name}(class_weight=...)", expected, name, "class_weight=None")
    losses = with_row_keys(network.sample_loss(network.training))
    for path, expected in unsafe_layers(book, losses):
        raise _layer_refused(network, path, expected)


def unsafe_layers(book: Collected, losses: Node) -> Iterator[tuple[str, object]]:
    """Yield the path of each layer that computes with several rows at once, and what is expected instead.

    Values of a row that depend on others by the graph alone are found by ``SampleGradients``.

    Args:
        book: what the layers declared.
        losses: the loss of each sample, the result of ``with_row_keys``.
    """
    for path in book.fitted:
        yield path, fact("a layer without values that are computed from the rows")
    for path in book.costs:
        yield path, fact("a layer without a penalty on activations")
    for state, node in book.updates.items():
        if _reads_rows(node):
            yield state.rpartition(".")[0], fact("a layer that normalizes each row separately")
    mixed = unsafe_draw(losses)
    if mixed is not None:
        yield mixed.site.path, fact("random numbers that depend on a single row")


def _reads_rows(node: Node) -> bool:
    known = roles(order([node]))
    return known[node].kind != "shared" or known[node].round > 0


def _layer_refused(network: Network, path: str, expected: object) -> TrainingError:
    layer = network.training.book.layers.get(path, network.recipe.net)
    kind = type(layer).__name__
    fix = _group_norm(network, path) if "Batch" in kind else fact("a network without {kind}", kind=kind)
    return _refused(f'{kind} "{path}"', expected, kind, fix)


def _group_norm(network: Network, path: str) -> str:
    """Return a normalization of each row that fits the same channels."""
    shapes = [bound(p.spec.shape) for name, p in network.inference.states.items() if name.startswith(path)]
    channels = shapes[0][-1] if shapes and shapes[0] else 0
    groups = next((n for n in GROUPS if channels % n == 0 and channels // n > 1), 0)
    return f"cr.GroupNorm({groups})" if groups > 1 else "cr.LayerNorm()"


def _refused(name: str, expected: object, received: object, fix: str) -> TrainingError:
    return TrainingError(
        "E590", where="fit, privacy", name=name, expected=expected, received=received, fix=fix
    )


def refuse_start(privacy: Privacy, unprotected: Sequence[str]) -> None:
    """Refuse a start whose rows are not protected (E573), unless the user states that they are public."""
    causes = [fact(UNPROTECTED[reason]) for reason in unprotected]
    if not privacy.public_start:
        expected = fact("initial parameters from the seed, or from private trainings")
        fix = fact("warm_start=False, or public_start=True in cr.Privacy if those rows are public")
        raise TrainingError(
            "E573", where="fit, privacy", expected=expected, received=causes[0], notes=causes[1:], fix=fix
        )


def private_only(what: str, fix: str = "") -> ChainruleError:
    """Return the error for a result that would reveal the rows or the noise of a private training."""
    expected = fact("a model that was trained without privacy")
    return TrainingError("E591", where=what, expected=expected, received=fact("a private model"), fix=fix)
