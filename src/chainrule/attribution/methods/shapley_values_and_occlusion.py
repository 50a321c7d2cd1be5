"""Methods that only need predictions: occlusion and Shapley values, for groups of features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import factorial
from typing import Any, TypeAlias

import numpy as np

from chainrule.attribution.context import AttributionContext
from chainrule.attribution.feature_domain import require_known_names
from chainrule.attribution.method import Method, MethodResult
from chainrule.errors import UsageError, alternatives, fact, join_facts
from chainrule.memoization import cached_property
from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen
from chainrule.validation import out_of_range

# Scores of a sample with a part of its features replaced: the basis of occlusion and Shapley values.
#
# A *player* is a group of elements of a sample that are replaced together: the one-hot codes of a column, a
# patch of an image, a token. A *coalition* is a set of players that are present. The elements of absent
# players are replaced by those of background samples, and the score is averaged over them::
#
#     v(S) = 1/R  sum_r  score(x on the players of S, background_r elsewhere)
#
# So v(all) is the score of the sample and v(empty) the mean score of the background. Elements that belong to
# no player always keep the value of the sample. A special value for missing features was rejected, because
# most networks were not trained with one.

Score: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""A function from samples (n, ...) to one score for each, (n,)."""
Groups: TypeAlias = Sequence[np.ndarray]
"""For each player the flat indices of its elements in the sample."""
MAX_ELEMENTS = 1 << 22  # elements of samples in memory at a time: 32 MB


@frozen(eq=False)
class Game:
    """One sample and the background that reindices absent players.

    Args:
        score: the function from samples to scores.
        row: the sample, (...).
        background: (R, ...) the samples whose elements replace those of absent players; scores are averaged
            over them.
        groups: the flat indices of the elements of each player.

    Example:
        >>> game = Game(lambda x: x.sum(1), np.ones(2), np.zeros((1, 2)), [np.array([0]), np.array([1])])
        >>> game.values(np.array([[False, False], [True, False], [True, True]]))
        array([0., 1., 2.])
    """

    score: Score
    row: np.ndarray
    background: np.ndarray
    groups: Groups

    @cached_property
    def owner(self) -> np.ndarray:
        """The player of each element of the sample, -1 if none."""
        owner = np.full(self.row.size, -1)
        for player, indices in enumerate(self.groups):
            owner[indices] = player
        return owner

    def values(self, present: np.ndarray) -> np.ndarray:
        """Return the value of coalitions.

        Args:
            present: (m, P) whether each player is present.

        Returns:
            (m,) in float64.
        """
        return self.masked_scores((self.owner < 0) | present[:, self.owner])

    def masked_scores(self, is_present: np.ndarray) -> np.ndarray:
        """Return the mean score for masks over the elements of the sample.

        Args:
            is_present: (m, N) whether each element keeps the value of the sample.

        Returns:
            (m,) in float64.
        """
        step = max(1, MAX_ELEMENTS // max(1, len(self.background) * self.row.size))
        parts = [self._masked_block(is_present[i : i + step]) for i in range(0, len(is_present), step)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _masked_block(self, is_present: np.ndarray) -> np.ndarray:
        flat = self.background.reshape(len(self.background), -1)  # (R, ...) -> (R, N)
        rows = np.where(is_present[:, None], self.row.reshape(-1), flat)  # (m, R, N)
        scores = self.score(rows.reshape(-1, *self.row.shape))  # (m R, ...) -> (m R,)
        return np.asarray(scores, np.float64).reshape(len(is_present), -1).mean(axis=1)


# Occlusion: the decrease of the score when a part of the input is covered.
#
# A gray patch slides over the image, or a column or token is replaced, and the decrease of the score is
# assigned to the covered elements; an element covered by several patches gets the mean of their decreases. If
# each of two parts is sufficient for the prediction, covering one changes nothing, so both have value 0;
# Shapley values handle this case.
#
# Reference: Zeiler and Fergus (2014), Visualizing and understanding convolutional networks.


def patches(shape: Sequence[int], window: Sequence[int], stride: Sequence[int]) -> list[np.ndarray]:
    """Return the flat indices of every patch that slides over the leading axes of a sample.

    Args:
        shape: the shape of the sample, such as (H, W, C).
        window: the length of a patch along each leading axis; all further axes are covered completely.
        stride: the distance between patches along each leading axis. The last patch may be shorter.

    Example:
        >>> [patch.tolist() for patch in patches((5,), (2,), (2,))]
        [[0, 1], [2, 3], [4]]
    """
    indices = np.arange(int(np.prod(shape))).reshape(tuple(shape))
    starts = [_starts(n, w, s) for n, w, s in zip(shape, window, stride, strict=False)]
    flat = []
    for corner in np.ndindex(*(len(cut) for cut in starts)):
        low = [cut[i] for cut, i in zip(starts, corner, strict=True)]
        inside = tuple(slice(b, b + w) for b, w in zip(low, window, strict=True))
        flat.append(indices[inside].reshape(-1))
    return flat


def _starts(length: int, window: int, stride: int) -> range:
    return range(0, min(length - window + stride, length), stride)


def score_decreases(game: Game, parts: Groups) -> np.ndarray:
    """Return the decrease of the score when each part alone is covered, (len(parts),).

    Args:
        game: the sample and its background; its players are not used.
        parts: flat indices; parts may overlap.
    """
    is_present = np.ones((len(parts) + 1, game.row.size), bool)
    for i, indices in enumerate(parts, 1):
        is_present[i, indices] = False
    v = game.masked_scores(is_present)
    return v[0] - v[1:]


def spread(amounts: np.ndarray, parts: Groups, size: int) -> np.ndarray:
    """Return for every element of a sample the mean of the amounts of its parts, 0 if it is in none: (size,).

    Example:
        >>> spread(np.array([2.0, 4.0]), [np.array([0, 1]), np.array([1, 2])], 4)
        array([2., 3., 4., 0.])
    """
    total, count = np.zeros(size), np.zeros(size)
    for amount, indices in zip(amounts, parts, strict=True):
        total[indices] += amount
        count[indices] += 1
    return total / np.maximum(count, 1)


# The parts of a sample that perturbation methods replace, and the values that replace them.
#
# All inputs of a sample are concatenated to one row of numbers, so that the methods only handle rows. The
# parts depend on the kind of sample:
#
#     a table                all features of one column
#     a row of numbers       each number
#     a text, a series       each position, with all its channels
#     an image, a volume     patches of its leading axes, with all channels
#     custom groups          groups by name, of columns or of elements of the row
#
# Without a baseline, tokens are replaced by the token for unknown words, and other numbers by 0.

UNKNOWN_TOKEN = 1  # the token that a tokenizer reserves for unknown words
PATCHES_PER_AXIS = 7  # patches along each axis of an image


@frozen(eq=False)
class FlatSamples:
    """Samples as rows of numbers.

    Args:
        context: the samples, the score and the baseline.
    """

    context: AttributionContext

    @cached_property
    def slices(self) -> dict[str, slice]:
        """The slice of each input in a row."""
        slices, start = {}, 0
        for name, array in self.context.inputs.items():
            slices[name] = slice(start, start + array[0].size)
            start += array[0].size
        return slices

    @cached_property
    def perturbed(self) -> tuple[str, ...]:
        """The inputs that are perturbed: numeric ones and tokens; all, if there are none."""
        return tuple(self.context.score.entries) or tuple(self.slices)

    @cached_property
    def rows(self) -> np.ndarray:
        """(n, N) The samples."""
        return np.concatenate([_flat(array) for array in self.context.inputs.values()], axis=1)

    def background(self, sample: int) -> np.ndarray:
        """Return (R, N) the rows that replace parts of a sample."""
        baseline = self.context.baseline or {}
        copies = len(next(iter(baseline.values()))) if baseline else 1
        rows = np.repeat(self.rows[sample][None], copies, axis=0)
        for name in self.perturbed:
            rows[:, self.slices[name]] = (
                _flat(baseline[name]) if name in baseline else self._neutral_value(name)
            )
        return rows

    def _neutral_value(self, name: str) -> int:
        score, tokenizers = self.context.score, self.context.model.tokenizers
        own = score.network.inference.inputs[name]
        is_word = own not in score.entries.get(name, (own,))  # its entries are the vectors of its tokens
        return UNKNOWN_TOKEN if is_word and (name in tokenizers or "" in tokenizers) else 0

    def game(self, sample: int, groups: Sequence[np.ndarray]) -> Game:
        """Return a sample whose parts can be replaced."""

        def score(rows: np.ndarray) -> np.ndarray:
            inputs = {
                name: rows[:, self.slices[name]].reshape(len(rows), *array.shape[1:]).astype(array.dtype)
                for name, array in self.context.inputs.items()
            }
            return self.context.scores(inputs, sample)

        return Game(score, self.rows[sample], self.background(sample), groups)

    def unpacked(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Split values of rows (n, N) into inputs of their shapes."""
        inputs = self.context.inputs
        return {name: rows[:, self.slices[name]].reshape(inputs[name].shape) for name in self.perturbed}

    def parts(
        self, groups: Mapping[str, Any] | None, window: Any, stride: Any = None
    ) -> tuple[list[np.ndarray], bool]:
        """Return the parts of a sample, and whether they are patches.

        Args:
            groups: custom parts by name, each with its columns or elements of the row.
            window, stride: of patches; one number for all axes.

        Raises:
            UsageError E101: a column that does not exist. UsageError E102: patches that do not fit.
        """
        if groups is not None:
            return self._custom_parts(groups), False
        if self.context.columns:
            columns = np.array(self.context.columns)
            return [np.flatnonzero(columns == name) for name in dict.fromkeys(self.context.columns)], False
        parts, are_patches = [], False
        for name in self.perturbed:
            shape = self.context.inputs[name].shape[1:]
            lengths = self._patch_lengths(shape, window)
            are_patches |= any(length > 1 for length in lengths)
            step = lengths if stride is None else self._patch_lengths(shape, stride, "stride")
            parts += [indices + self.slices[name].start for indices in patches(shape, lengths, step)]
        return parts, are_patches

    def _patch_lengths(self, shape: tuple[int, ...], requested: Any, name: str = "window") -> tuple[int, ...]:
        """Return the length of a patch along each leading axis."""
        axes = shape[:-1] if len(shape) > 1 else shape
        if requested is None:
            return tuple(-(-axis // PATCHES_PER_AXIS) for axis in axes) if len(axes) > 1 else (1,) * len(axes)
        lengths = tuple(requested) if isinstance(requested, tuple | list) else (requested,) * len(axes)
        are_integers = all(
            isinstance(length, int | np.integer) and not isinstance(length, bool) for length in lengths
        )
        fits = len(lengths) == len(axes) and are_integers
        if not fits or not all(1 <= length <= axis for length, axis in zip(lengths, axes, strict=True)):
            ranges = [fact("1 to {last}", last=n) for n in axes]
            expected = fact("integers, {ranges}", ranges=join_facts(" and ", ranges))
            raise out_of_range(requested, name, "attribute", expected, fix=f"{name}=1")
        return tuple(int(length) for length in lengths)

    def _custom_parts(self, groups: Mapping[str, Any]) -> list[np.ndarray]:
        """Return custom parts; elements in none of them are not replaced."""
        shapes = [array.shape[1:] for array in self.context.inputs.values()]
        if [len(shape) for shape in shapes] != [1]:
            expected = fact("one input of rows of numbers (B, F)")
            received = ", ".join(map(str, shapes))
            raise UsageError(
                "E102", where="attribute", name="groups", expected=expected, received=received, fix="window=4"
            )
        names = self.context.columns or tuple(f"x{i + 1}" for i in range(self.rows.shape[1]))
        return list(group_indices(groups, names).values())


def group_indices(groups: Mapping[str, Any], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the indices of the elements of each group.

    Args:
        groups: by name, each a column or several.
        names: the column of each element of a row.

    Raises:
        UsageError E101: columns that do not exist; all are listed. UsageError E102: a column in two groups.

    Example:
        >>> group_indices({"size": ["a", "c"]}, ["a", "b", "c", "c"])["size"].tolist()
        [0, 2, 3]
    """
    mapping = groups if isinstance(groups, Mapping) else {}
    columns_by_group = {
        name: list(part) if isinstance(part, list | tuple) else [part] for name, part in mapping.items()
    }
    columns = [str(column) for part in columns_by_group.values() for column in part]
    require_known_names("groups", columns, names)
    repeated = sorted({column for column in columns if columns.count(column) > 1})
    if repeated or not all(columns_by_group.values()) or not columns_by_group:
        expected = fact("each column in one group, no group empty")
        received = ", ".join(repeated) or repr(groups)[:80]
        raise UsageError("E102", where="groups", name="groups", expected=expected, received=received)
    column_names = np.array(names)
    return {name: np.flatnonzero(np.isin(column_names, part)) for name, part in columns_by_group.items()}


def _flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(len(array), -1).astype(np.float64)


# Shapley values: the unique fair division of a score among the inputs.
#
# Three colleagues earn a bonus together; what is the share of each? Let them join in some order and record by
# how much each increases the bonus; take the mean over all orders. With v(S) the value of the coalition S and
# P players,
#
#     phi_i = sum over S without i   |S|! (P - |S| - 1)! / P!   (v(S + i) - v(S))
#
# This is the only division with four properties, each of which is tested: *efficiency* (the values sum to
# v(all) - v(empty)), *symmetry* (equal contributions have equal values), *dummy* (a player that never changes
# v has value 0), *linearity* (the values of a sum of games are the sums of the values).
#
# For up to 12 players, all 2^P coalitions are evaluated in one batch, and the values are exact. For more,
# orders are sampled, each together with its reverse. Such a pair divides interactions of two players exactly,
# so only interactions of three or more players have a sampling error. The variance over the pairs gives the
# standard error. Every order satisfies efficiency, so efficiency is exact, too.
#
# Reference: Shapley (1953), A value for n-person games; Štrumbelj and Kononenko (2014), Explaining prediction
# models with feature contributions; Mitchell, Cooper, Frank and Holmes (2022), Sampling permutations for
# Shapley value estimation (antithetic orders).

MAX_EXACT_PLAYERS = 12  # 4096 coalitions, each evaluated on every background row
ValueFunction: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""A function from coalitions (m, P) to their values, (m,)."""


@frozen(eq=False)
class ShapleyValues:
    """The Shapley values of a game.

    Args:
        values: (P,) the value of each player.
        base, full: the values of the empty and the full coalition.
        errors: (P,) the standard errors; ``None`` if the values are exact.
    """

    values: np.ndarray
    base: float
    full: float
    errors: np.ndarray | None = None


def exact_values(value_function: ValueFunction, players: int) -> ShapleyValues:
    """Compute the Shapley values from all coalitions.

    Args:
        players: the number of players, at most ``MAX_EXACT_PLAYERS``.

    Cost: 2^players coalitions.

    Example:
        >>> glove = lambda present: (present[:, 0] & (present[:, 1] | present[:, 2])).astype(float)
        >>> exact_values(glove, 3).values.round(4)
        array([0.6667, 0.1667, 0.1667])
    """
    subsets = np.arange(1 << players)  # bit i: whether player i is present
    present = (subsets[:, None] >> np.arange(players) & 1).astype(bool)  # (2^P, P)
    v, size = value_function(present), present.sum(axis=1)
    weights_by_size = [factorial(s) * factorial(players - s - 1) / factorial(players) for s in range(players)]
    weight = np.array([*weights_by_size, 0.0])[size]
    values = np.zeros(players)
    for i in range(players):
        without = subsets[~present[:, i]]
        values[i] = weight[without] @ (v[without | 1 << i] - v[without])
    return ShapleyValues(values, float(v[0]), float(v[-1]))


def sampled(value_function: ValueFunction, players: int, orders: int, seed: int) -> ShapleyValues:
    """Estimate the Shapley values from random orders, each with its reverse.

    Args:
        orders: the number of orders, rounded up to an even number, at least 4.

    Cost: orders * (players - 1) + 2 coalitions.
    """
    pairs = max(2, (orders + 1) // 2)
    key = key_of(seed)
    orders_sampled = np.stack([permutation(fold(key, pair), players) for pair in range(pairs)])
    both = np.stack([orders_sampled, orders_sampled[:, ::-1]], axis=1).reshape(2 * pairs, players)
    positions = np.argsort(both, axis=1)  # the position of each player in each order
    present = (
        positions[:, None, :] < np.arange(1, players)[:, None]
    )  # (orders, P - 1, P): the first 1, 2, ... players
    ends = value_function(np.stack([np.zeros(players, bool), np.ones(players, bool)]))
    inner = value_function(present.reshape(-1, players)).reshape(2 * pairs, players - 1)
    v = np.concatenate([np.full((2 * pairs, 1), ends[0]), inner, np.full((2 * pairs, 1), ends[1])], axis=1)
    increases = np.take_along_axis(np.diff(v, axis=1), positions, axis=1)  # (orders, P): by player
    pair_means = increases.reshape(pairs, 2, players).mean(axis=1)
    errors = pair_means.std(axis=0, ddof=1) / np.sqrt(pairs)
    return ShapleyValues(pair_means.mean(axis=0), float(ends[0]), float(ends[1]), errors)


DEFAULT_ORDERS = 200  # the default number of sampled orders
TOLERANCE = 1e-6  # the rounding error of float32


def occlusion(
    context: AttributionContext,
    window: Any = None,
    stride: Any = None,
    groups: Mapping[str, Any] | None = None,
) -> MethodResult:
    """Return the decrease of the score when each part is covered.

    Raises:
        UsageError E101, E102: no such column; patches that do not fit.
    """
    flat = FlatSamples(context)
    parts, are_patches = flat.parts(groups, window, stride)
    rows = np.zeros_like(flat.rows)
    for sample in range(context.rows):
        decreases = score_decreases(flat.game(sample, parts), parts)
        if not are_patches:  # divided among the features of a column, so that they sum to its decrease
            decreases = decreases / [len(indices) for indices in parts]
        rows[sample] = spread(decreases, parts, rows.shape[1])
    settings = {"window": window, "stride": stride} if are_patches else {}
    return MethodResult(
        flat.unpacked(rows), settings={**settings, "parts": len(parts)}, columns=_columns(flat, groups, parts)
    )


def shapley_values(
    context: AttributionContext,
    exact: bool | None = None,
    samples: int = DEFAULT_ORDERS,
    window: Any = None,
    groups: Mapping[str, Any] | None = None,
) -> MethodResult:
    """Return the Shapley value of each part, divided evenly among its elements.

    Raises:
        UsageError E545: exact values of more than 12 parts. UsageError E101, E102: unknown column; patches
            that do not fit; invalid number of samples.
    """
    checks = (
        (
            "samples",
            samples,
            type(samples) is int and samples >= 4,
            fact("an integer, at least 4"),
            DEFAULT_ORDERS,
        ),
        ("exact", exact, exact is None or type(exact) is bool, fact("True, False or None"), True),
    )
    for name, value, is_valid, expected, default in checks:
        if not is_valid:
            raise out_of_range(value, name, "attribute, shapley", expected, fix=f"{name}={default}")
    flat = FlatSamples(context)
    parts, _ = flat.parts(groups, window)
    is_exact = len(parts) <= MAX_EXACT_PLAYERS if exact is None else exact
    if is_exact and len(parts) > MAX_EXACT_PLAYERS:
        raise UsageError(
            "E545",
            where="attribute, shapley",
            players=len(parts),
            expected=fact("at most {limit} parts", limit=MAX_EXACT_PLAYERS),
            received=len(parts),
            fix=alternatives("exact=False", 'groups={"name": ["column", ...]}'),
        )
    results = []
    for sample in range(context.rows):
        value_function = flat.game(sample, parts).values
        if is_exact:
            results.append(exact_values(value_function, len(parts)))
        else:
            results.append(sampled(value_function, len(parts), samples, context.seed))
    errors = None if is_exact else flat.unpacked(_shared(flat, parts, [result.errors for result in results]))
    settings = {"exact": True} if is_exact else {"exact": False, "samples": samples}
    values = flat.unpacked(_shared(flat, parts, [result.values for result in results]))
    base = np.array([result.base for result in results])
    columns = _columns(flat, groups, parts)
    return MethodResult(values, base, errors, TOLERANCE, {**settings, "parts": len(parts)}, columns)


def _shared(flat: FlatSamples, parts: Sequence[np.ndarray], amounts: Sequence[Any]) -> np.ndarray:
    """Return (n, N) the share of each element in the value of its part."""
    sizes = np.array([len(indices) for indices in parts])
    return np.stack([spread(amount / sizes, parts, flat.rows.shape[1]) for amount in amounts])


def _columns(
    flat: FlatSamples, groups: Mapping[str, Any] | None, parts: Sequence[np.ndarray]
) -> tuple[str, ...] | None:
    """Return the name of the group of each element, if the groups are custom."""
    if groups is None:
        return None
    names = np.full(flat.rows.shape[1], "–", object)
    for name, indices in zip(groups, parts, strict=True):
        names[indices] = str(name)
    return tuple(names.tolist())


OCCLUSION = Method(
    name="occlusion",
    title="occlusion",
    formula="f(x) - f(x with the part i covered)",
    summary="The decrease of the score when a part is covered: a column, a token or a patch of an image.",
    reference="Zeiler and Fergus (2014), Visualizing and understanding convolutional networks (ECCV)",
    run=occlusion,
    options={"window": None, "stride": None, "groups": None},
)
SHAPLEY = Method(
    name="shapley",
    title="Shapley values",
    formula="mean over all orders of f(x on i and preceding parts) - f(x on preceding parts)",
    summary=(
        "The mean increase of the score by each part over all orders in which parts can be added: the "
        "unique fair division."
    ),
    reference="Shapley (1953), A value for n-person games; Lundberg and Lee (2017), A unified approach to "
    "interpreting model predictions",
    run=shapley_values,
    complete=True,
    options={"exact": None, "samples": DEFAULT_ORDERS, "window": None, "groups": None},
)
