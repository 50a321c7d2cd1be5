"""Text to spectrogram without recurrence: every phoneme is repeated for as many frames as it lasts.

``LengthRegulator`` repeats; ``FastSpeech`` predicts the durations, repeats by the durations that it is given,
and computes all frames at once. In training, durations are measured. Afterwards the network is applied twice,
first for the durations, then with them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, constant
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.containers import require_layer
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.symbolic_shape import bound, shape_text
from chainrule.validation import require_integer

VALUES, PHONEMES, DURATIONS = "values", "phonemes", "durations"


@layer
class LengthRegulator(Layer):
    """Repeats each vector of a sequence for its duration, and adds where in it each frame is.

    Shapes: values (B, P, C), durations (B, P) -> (B, frames, C + 2).

    Formula: with e_p = d_1 + ... + d_p and s_p = e_p - d_p, frame t = 0, 1, ... belongs to the p with
    s_p <= t < e_p: y_t = (x_p, (t - s_p) / d_p, log(1 + d_p)). Frames from e_P on are 0.

    Args:
        frames: the number of frames of the result; what lasts longer is cut.

    Numerics: durations are integers, in any dtype; 0 leaves a vector out. They have no gradient.

    Cost: 2 P C flops for each frame.

    Raises:
        ShapeError E208: not the two values of this shape.
        UsageError E102: fewer than 1 frame.

    Example:
        >>> print(LengthRegulator(400))
        LengthRegulator(400)

    Reference: Ren et al. (2019), FastSpeech: fast, robust and controllable text to speech (NeurIPS), section
    3.2.
    """

    chinese = ("时长调节层", "按时长重复每个向量，并附上每帧在其中的位置。")
    frames: int

    def check(self) -> None:
        require_integer(self, "frames", 1, fix="cr.LengthRegulator(400)")

    def __call__(self, x: Mapping[str, Node], scope: Scope) -> Node:
        values, durations = _named(self, x, VALUES, 3)
        count = bound(durations.shape[1:])[0]
        durations = F.stop_gradient(durations.astype(values.dtype))
        ends = durations @ constant(np.triu(np.ones((count, count))), values.dtype)  # (B, P) -> (B, P)
        starts = ends - durations
        time = constant(np.arange(float(self.frames))[None, :, None], values.dtype)  # (1, T, 1)
        starts, ends = (F.reshape(edge, (edge.shape[0], 1, count)) for edge in (starts, ends))  # (B, 1, P)
        is_inside = F.logical_and(time >= starts, time < ends).astype(values.dtype)  # (B, T, P)
        share = (time - starts) / F.maximum(ends - starts, 1.0)  # (B, T, P)
        place = F.sum(is_inside * share, -1, keepdims=True)  # (B, T, 1)
        duration = F.sum(is_inside * F.log(ends - starts + 1.0), -1, keepdims=True)
        return F.concatenate([is_inside @ values, place, duration], -1)


@layer
class FastSpeech(Layer):
    """Text to spectrogram: an encoder of phonemes, a head of durations, and a decoder of frames.

    Shapes: phonemes (B, P), 0 for padding, durations (B, P) -> spectrogram (B, frames, bands) and
    log_durations (B, P). Frames after the last phoneme and durations of padding are 0.

    Formula: h = encoder(phonemes), log_durations = head(h), spectrogram = decoder(regulate(h, durations));
    log_durations are log(1 + d).

    Args:
        encoder: (B, P) -> (B, P, C).
        head: (B, P, C) -> (B, P, 1).
        decoder: (B, frames, C + 2) -> (B, frames, bands).
        frames: the number of frames.

    Raises:
        ShapeError E208: other inputs, or a part of another shape.
        UsageError E102, E104: fewer than 1 frame; a part that is not a layer.

    Example:
        >>> from chainrule.nn.layers.embedding import Embedding
        >>> from chainrule.nn.layers.linear import Dense
        >>> print(FastSpeech(Embedding(50, 8), Dense(1), Dense(40), 100).frames)
        100

    Reference: Ren et al. (2019), FastSpeech: fast, robust and controllable text to speech (NeurIPS).
    """

    chinese = ("FastSpeech", "音素编码器、时长预测和逐帧解码器：一次算出整段语音的频谱。")
    encoder: Layer
    head: Layer
    decoder: Layer
    frames: int

    def check(self) -> None:
        for name in ("encoder", "head", "decoder"):
            require_layer(f"FastSpeech, {name}", getattr(self, name))
        require_integer(self, "frames", 1, fix="cr.FastSpeech(..., frames=400)")

    def __call__(self, x: Mapping[str, Node], scope: Scope) -> dict[str, Node]:
        phonemes, durations = _named(self, x, PHONEMES, 2)
        codes = scope.run(self.encoder, phonemes, "encoder")  # (B, P) -> (B, P, C)
        if not isinstance(codes, Node) or codes.rank != 3 or codes.shape[:2] != phonemes.shape:
            self._refuse("encoder", "(B, P, C)", codes)
        log_durations = scope.run(self.head, codes, "head")  # (B, P, C) -> (B, P, 1)
        if not isinstance(log_durations, Node) or log_durations.shape != (*phonemes.shape, 1):
            self._refuse("head", "(B, P, 1)", log_durations)
        is_phoneme = F.not_equal(phonemes, 0).astype(codes.dtype)  # (B, P)
        durations = durations.astype(codes.dtype) * is_phoneme
        repeated = scope.run(LengthRegulator(self.frames), {VALUES: codes, DURATIONS: durations}, "regulator")
        spectrogram = scope.run(self.decoder, repeated, "decoder")  # -> (B, T, bands)
        if not isinstance(spectrogram, Node) or spectrogram.rank != 3:
            self._refuse("decoder", "(B, T, bands)", spectrogram)
        total = F.reshape(F.sum(durations, -1), (durations.shape[0], 1, 1))
        time = constant(np.arange(float(self.frames))[None, :, None], codes.dtype)
        is_frame = (time < total).astype(codes.dtype)  # (B, T, 1)
        return {
            "spectrogram": spectrogram * is_frame,
            "log_durations": F.reshape(log_durations, phonemes.shape) * is_phoneme,
        }

    @staticmethod
    def _refuse(name: str, expected: str, received: object) -> None:
        text = shape_text(received.shape) if isinstance(received, Node) else fact("several values")
        constraint = fact("the output of the part {name}", name=name)
        raise ShapeError("E208", op="FastSpeech", constraint=constraint, expected=expected, received=text)


def _named(owner: Layer, x: object, name: str, rank: int) -> tuple[Node, Node]:
    """Return the value ``name`` and the durations."""
    expected = f"{name} {'(B, P, C)' if rank == 3 else '(B, P)'}, {DURATIONS} (B, P)"
    values = x if isinstance(x, Mapping) else {}
    if set(values) == {name, DURATIONS}:
        value, durations = values[name], values[DURATIONS]
        if value.rank == rank and durations.rank == 2 and value.shape[:2] == durations.shape:
            return value, durations
    received = ", ".join(f"{key} {shape_text(node.shape)}" for key, node in values.items())
    raise ShapeError(
        "E208",
        op=type(owner).__name__,
        constraint=fact("values and their durations by name"),
        expected=expected,
        received=received or fact("one value"),
    )
