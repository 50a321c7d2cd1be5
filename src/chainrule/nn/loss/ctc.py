"""Connectionist temporal classification: learning a sequence of labels without a given alignment.

A network gives scores for every frame of a recording, for each label and for *blank* (nothing new). A path,
one symbol for each frame, spells a text: repeated symbols are merged, then blanks are removed. ``a a - b``
and ``- a b b`` both spell "ab". The loss is minus the logarithm of the probability of *all* paths that spell
the target.

There are far too many paths to list, but a path can only be at one of 2 S + 1 positions of the target with
blanks between its S labels, ``- a - b -``. Let A[t, s] be the probability of all path prefixes that are at
position s at frame t. A path came from the same position, from the one before, or from two before, if this
skips a blank between two different labels::

    A[t, s] = (A[t-1, s] + A[t-1, s-1] + A[t-1, s-2] if allowed) * p[t, symbol at s]

and the result is A at the last frame, at the last label or the blank after it. In logarithms nothing
underflows, however long the recording. The backward half of the textbook's forward-backward method is the
gradient of this recursion, so it is not written out.

Reference: Graves, Fernández, Gomez and Schmidhuber (2006), Connectionist temporal classification (ICML).
"""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any, ClassVar

import numpy as np

from chainrule.errors import TrainingError, fact
from chainrule.graph import Node, constant, reserve
from chainrule.nn.loss.loss import Loss, require_shape
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Spec, bound
from chainrule.validation import require, require_integer

_NEVER = -1e30  # stands for log(0) and stays finite
_IMPOSSIBLE = 1e29


@frozen
class CTC(Loss):
    """Minus the log-probability of a sequence of labels, summed over all alignments to the frames.

    Shapes: output (B, T, K), scores; target (B, S) integers, labels followed by blanks up to S -> (B,).
    ``fit`` pads shorter targets with blanks; ``predict`` gives the labels of the likeliest path, padded too.

    Args:
        max_target_length: S, the maximum number of labels of a target; ``None``: T, which costs more than
            necessary if targets are short.
        blank: the index of the blank symbol, which also pads targets.
        time_major: whether a column before the labels gives the number of valid frames of the T; the others
            are ignored.
        zero_infinity: whether a target that has no path (more labels than frames) costs 0; otherwise it costs
            infinity, at which training stops. ``refuse`` detects such targets beforehand.

    Cost: T steps of about 10 (2 S + 1) operations per sample, and 2 T K (2 S + 1) flops to select the scores.

    Raises:
        ShapeError E208: the output is not (B, T, K) with T and K fixed.
        TrainingError E509: a target that no path can spell.
        UsageError E102: a setting out of its range.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.ctc(cr.constant([[[1.0, 2.0, 0.0], [1.0, 0.0, 2.0]]]), [[1, 2]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.815212

    Reference: PyTorch's ``CTCLoss`` on log-softmax, with ``reduction="none"``; its mean divides each by S.
    """

    name = "ctc"
    wants = "logits"
    pytorch = "CTCLoss"
    keras = "CTC"
    chinese: ClassVar = ("CTC 损失", "不知对齐方式时标签序列的负对数概率，对所有路径求和。")
    _: KW_ONLY
    max_target_length: int | None = None
    blank: int = 0
    time_major: bool = False
    zero_infinity: bool = False

    def check(self) -> None:
        require_integer(self, "blank", 0)
        if self.max_target_length is not None:
            require_integer(self, "max_target_length", 1)
        for name in ("time_major", "zero_infinity"):
            require(self, name, isinstance(getattr(self, name), bool), fact("True or False"))

    def target(self, output: Spec) -> Spec:
        holds = output.rank == 3 and all(isinstance(n, int) and n > 0 for n in output.shape[1:])
        require_shape(
            self, output, "(B, T, K)", holds, fact("cr.Dense(29) as the last layer, over frames (B, T, C)")
        )
        frames, classes = bound(output.shape[1:])
        reserve(self.max_target_length or 1, itemsize=64)  # of a decoded prediction, for each sample
        require(
            self,
            "blank",
            self.blank < classes,
            fact("an integer below the {classes} classes", classes=classes),
        )
        return Spec((output.shape[0], (self.max_target_length or frames) + self.time_major), "int64")

    def terms(self, output: Node, target: Node) -> Node:
        labels = target[:, 1:] if self.time_major else target  # (B, S)
        frames = target[:, :1] if self.time_major else None  # (B, 1)
        places = self._with_blanks(labels)  # (B, L), L = 2 S + 1
        steps, classes = bound(output.shape[1:])
        hot = F.one_hot(places, classes, output.dtype)  # (B, L) -> (B, L, K)
        picked = F.log_softmax(output) @ F.transpose(hot, (0, 2, 1))  # -> (B, T, L)
        skip = self._skips(places, picked[:, 0])
        reserve(*picked.shape[2:], itemsize=32)
        start = np.where(np.arange(*bound(picked.shape[2:])) < 2, 0.0, _NEVER)
        a = picked[:, 0] + constant(start, output.dtype)
        for t in range(1, steps):
            after = _step(a, skip) + picked[:, t]
            a = after if frames is None else F.where(F.greater(frames, t), after, a)
        return self._ended(a, labels)

    def _with_blanks(self, labels: Node) -> Node:
        """Insert blanks, ``a b`` to ``- a - b -``: (B, S) -> (B, 2 S + 1)."""
        blanks = F.full_like(labels, self.blank)
        pairs = F.stack([blanks, labels], 2)  # (B, S, 2)
        flat = F.reshape(pairs, (labels.shape[0], labels.shape[1] * 2))
        return F.concatenate([flat, blanks[:, :1]], 1)

    def _skips(self, places: Node, like: Node) -> Node:
        """Return 0 where a path may come from two positions before, else log(0): (B, L)."""
        fresh = F.not_equal(places[:, 2:], places[:, :-2])
        label = F.not_equal(places[:, 2:], self.blank)
        free = F.full_like(like[:, 2:], 0.0)
        allowed = F.where(F.logical_and(fresh, label), free, _NEVER)
        return F.concatenate([F.full_like(like[:, :2], _NEVER), allowed], 1)

    def _ended(self, a: Node, labels: Node) -> Node:
        """Return the loss, from the paths that end at the last label or the blank after it."""
        where = F.where
        is_label = F.not_equal(labels, self.blank).astype(a.dtype)
        last = F.sum(is_label, 1, True) * 2.0  # (B, 1)
        place = constant(np.arange(*bound(a.shape[1:]))[None].astype(a.dtype))  # (1, L)
        behind = F.logical_or(F.equal(last, place), F.equal(last - 1.0, place))
        loss = -F.logsumexp(where(behind, a, _NEVER), 1)
        return where(loss > _IMPOSSIBLE, 0.0 if self.zero_infinity else float("inf"), loss)

    def prediction(self, output: Node) -> Node:
        return F.softmax(output)

    def pad(self, target: Any, shape: tuple[int, ...]) -> Any:
        """Pad labels (N, n) with blanks, (N, S).

        Raises:
            TrainingError E504: more labels than S.
        """
        labels = np.asarray(target)
        labels = labels[:, None] if labels.ndim == 1 else labels  # one label each: (N,) -> (N, 1)
        if labels.ndim != 2 or labels.dtype.kind not in "iuf":
            return target
        limit, has = shape[0] - self.time_major, labels.shape[1] - self.time_major
        if has > limit:
            column = "1 + " if self.time_major else ""
            expected = fact(
                "(B, {column}{limit}): at most {limit} labels for each sample", column=column, limit=limit
            )
            fix = fact("cr.CTC(max_target_length={length}), if there are as many frames", length=has)
            raise TrainingError("E504", where="y", expected=expected, received=f"(B, {column}{has})", fix=fix)
        return np.pad(labels, ((0, 0), (0, limit - has)), constant_values=self.blank)

    def to_targets(self, prediction: Any) -> Any:
        """Return the labels of the likeliest path, (N, T, K) -> (N, S), padded with blanks.

        Repeated symbols are merged and blanks removed. If the loss is trained on shorter parts of recordings
        (``time_major``), all frames are decoded here: slice the prediction to decode a part.

        Example:
            >>> frames = np.eye(3)[[[1, 1, 0, 1, 2, 0]]]  # a a - a b -
            >>> CTC(max_target_length=4).to_targets(frames).tolist()
            [[1, 1, 2, 0]]
        """
        path = np.argmax(prediction, axis=-1)  # (N, T, K) -> (N, T)
        is_new = path != self.blank
        is_new[:, 1:] &= path[:, 1:] != path[:, :-1]
        labels = np.full(
            (len(path), max(self.max_target_length or 1, int(is_new.sum(1).max(initial=0)))), self.blank
        )
        row, frame = np.nonzero(is_new)
        labels[row, (np.cumsum(is_new, axis=1) - 1)[row, frame]] = path[row, frame]
        return labels

    def refuse(self, target: Any, output: Spec) -> None:
        """Refuse targets with a label after a blank, and those that need more frames than there are.

        Args:
            target: (N, S) integers, as the loss takes them.
            output: the spec of the network's output.

        Raises:
            TrainingError E509: the first of them, with its row and the frames it needs.
        """
        steps = bound(output.shape[1:])[0]
        target = np.asarray(target)
        labels = target[:, 1:] if self.time_major else target
        frames = target[:, 0] if self.time_major else np.full(len(target), steps)
        is_label = labels != self.blank
        repeats = ((labels[:, 1:] == labels[:, :-1]) & is_label[:, 1:]).sum(1)
        needed = is_label.sum(1) + repeats
        odd = (is_label[:, 1:] & ~is_label[:, :-1]).any(1) | (frames < 1) | (frames > steps)
        wrong = np.flatnonzero(odd | (not self.zero_infinity) & (needed > frames))
        if wrong.size:
            row = int(wrong[0])
            raise TrainingError(
                "E509",
                where=f"y[{row}]",
                expected=fact(
                    "labels, then blanks ({blank}); 1 to {frames} frames, as many as they need",
                    blank=self.blank,
                    frames=steps,
                ),
                received=fact(
                    "{frames} frames for {labels} labels, of which {repeats} repeat the one before: "
                    "{needed} are needed",
                    frames=int(frames[row]),
                    labels=int(is_label[row].sum()),
                    repeats=int(repeats[row]),
                    needed=int(needed[row]),
                ),
                notes=[fact("{count} of {total} targets are affected", count=wrong.size, total=len(target))],
                fix=fact("longer recordings, a smaller stride before the loss, or zero_infinity=True"),
            )


def _step(a: Node, skip: Node) -> Node:
    """Return the next frame: log(e^a + e^(a one before) + e^(a two before, where allowed))."""
    never = F.full_like(a[:, :2], _NEVER)
    one = F.concatenate([never[:, :1], a[:, :-1]], 1)
    two = F.concatenate([never, a[:, :-2]], 1) + skip
    maximum = F.stop_gradient(F.maximum(F.maximum(a, one), two))
    ways = [F.exp(way - maximum) for way in (a, one, two)]
    return maximum + F.log(ways[0] + ways[1] + ways[2])
