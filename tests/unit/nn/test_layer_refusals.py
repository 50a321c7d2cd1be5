"""Settings and inputs that layers refuse, with the code and the name and line of the layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from chainrule import nn
from chainrule.errors import ShapeError, UsageError
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")
D = nn.Dense(2)


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("E102", lambda: nn.ConvTranspose(0, 2)),
        ("E102", lambda: nn.ConvTranspose(3, 2, groups=2)),
        ("E102", lambda: nn.ConvTranspose(3, 2, output_size=0)),
        ("E101", lambda: nn.DepthwiseConv(2, padding="smae")),
        ("E102", lambda: nn.DepthwiseConv(2, multiplier=0)),
        ("E102", lambda: nn.SeparableConv(3, 0)),
        ("E101", lambda: nn.SeparableConv(3, 2, weight_initializer="hee")),
        ("E102", lambda: nn.LPPool(0.5, 2)),
        ("E102", lambda: nn.AdaptiveMaxPool(0)),
        ("E102", lambda: nn.AdaptiveAveragePool((1, 2, 3, 4))),
        ("E102", lambda: nn.FractionalMaxPool(2, output_ratio=0.0)),
        ("E102", lambda: nn.BatchNorm(momentum=1.1)),
        ("E102", lambda: nn.BatchNorm(epsilon=0)),
        ("E102", lambda: nn.LayerNorm(axes=0)),
        ("E102", lambda: nn.LayerNorm(scale=1)),
        ("E102", lambda: nn.GroupNorm(0)),
        ("E102", lambda: nn.RMSNorm(epsilon=-1)),
        ("E102", lambda: nn.LocalResponseNorm(3, k=0)),
        ("E104", lambda: nn.WeightNorm(3)),
        ("E104", lambda: nn.SpectralNorm("dense")),
        ("E102", lambda: nn.SpectralNorm(D, power_iterations=0)),
        ("E101", lambda: nn.Pad(1, mode="mirror")),
        ("E102", lambda: nn.Pad(-1)),
        ("E102", lambda: nn.Pad("same")),
        ("E102", lambda: nn.Pad(1, value=float("nan"))),
        ("E102", lambda: nn.Crop(((1, 2, 3),))),
        ("E101", lambda: nn.UpSampling(mode="bilinear")),
        ("E102", lambda: nn.UpSampling(scale_factor=0.0)),
        ("E102", lambda: nn.UpSampling(align_corners=True)),
        ("E102", lambda: nn.Permute((0, 1))),
        ("E102", lambda: nn.RepeatVector(0)),
        ("E102", lambda: nn.PixelShuffle(0)),
        ("E102", lambda: nn.PixelUnshuffle("2")),
        ("E102", lambda: nn.ChannelShuffle(0)),
        ("E102", lambda: nn.Unfold(0)),
        ("E101", lambda: nn.Fold(4, 2, padding="full")),
        ("E102", lambda: nn.GaussianNoise(-1)),
        ("E102", lambda: nn.AlphaDropout(1.0)),
        ("E102", lambda: nn.Embedding(0, 2)),
        ("E102", lambda: nn.Embedding(5, 2, padding_index=5)),
        ("E101", lambda: nn.EmbeddingBag(5, 2, mode="median")),
        ("E102", lambda: nn.Embedding(5, 2, scale=0)),
        ("E102", lambda: nn.HashedNGrams(0, 9)),
        ("E102", lambda: nn.HashedNGrams(5, 1)),
        ("E102", lambda: nn.HashedNGrams(5, 9, lengths=())),
        ("E102", lambda: nn.HashedNGrams(5, 9, lengths=(0, 2))),
        ("E102", lambda: nn.HashedNGrams(5, 9, padding_index=5)),
        ("E102", lambda: nn.Unembedding("")),
        ("E101", lambda: nn.ClassToken(weight_initializer="randn")),
        ("E101", lambda: nn.SequencePool("median")),
        ("E102", lambda: nn.PatchEmbedding(8, 0)),
        ("E102", lambda: nn.PatchEmbedding(8, 4, image_size=3)),
        ("E101", lambda: nn.FeedForward(4, output_initializer="hee")),
        ("E101", lambda: nn.MultiHeadAttention(2, output_initializer="hee")),
        ("E104", lambda: nn.TextEncoder(nn.Embedding(5, 2), nn.LearnedPosition(3), "blocks")),
        ("E102", lambda: nn.TextEncoder(D, D, D, padding_index=-1)),
        ("E102", lambda: nn.Translator(D, D, D, D, dropout=1.0)),
        ("E104", lambda: nn.Translator(D, D, D, nn.Dense)),
        ("E101", lambda: nn.Merge("plus")),
        ("E102", lambda: nn.Merge("concatenate", axis=0)),
        ("E101", lambda: nn.Parallel("plus", a=D)),
        ("E102", lambda: nn.Dot((0, 1))),
        ("E102", lambda: nn.PairwiseDistance(0.5)),
        ("E102", lambda: nn.CosineSimilarity(epsilon=0)),
        ("E102", lambda: nn.Bilinear(0)),
        ("E101", lambda: nn.Highway("rleu")),
        ("E102", lambda: nn.SqueezeExcite(reduction=0)),
        ("E104", lambda: nn.MixtureOfExperts(2, "dense")),
    ],
)
def test_a_setting_out_of_its_range_is_refused(code: str, make: Callable[[], object]) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert caught.value.code == code
    assert caught.value.where


TWO: Mapping[str, tuple] = {"a": (3,), "b": (4,)}


@pytest.mark.parametrize(
    ("code", "layer", "shape"),
    [
        ("E213", nn.ConvTranspose(2, 2), (3,)),
        ("E214", nn.ConvTranspose(2, 2, groups=2), (4, 3)),
        ("E216", nn.ConvTranspose(2, 2, output_size=9), (4, 3)),
        ("E213", nn.DepthwiseConv(2), (3,)),
        ("E215", nn.LPPool(2, 5), (4, 3)),
        ("E218", nn.AdaptiveMaxPool((2, 2)), (4, 3)),
        ("E219", nn.AdaptiveAveragePool(2), (0, 3)),
        ("E215", nn.FractionalMaxPool(3, output_ratio=0.9), (4, 3)),
        ("E208", nn.BatchNorm(), ()),
        ("E208", nn.LayerNorm(axes=2), (4,)),
        ("E214", nn.GroupNorm(2), (4, 3)),
        ("E230", nn.InstanceNorm(), (1, 3)),
        ("E208", nn.RMSNorm(axes=3), (4, 3)),
        ("E213", nn.Pad(1), (3,)),
        ("E218", nn.Pad((1, 1)), (4, 3)),
        ("E215", nn.Pad(4, mode="reflect"), (4, 3)),
        ("E215", nn.Pad(5, mode="circular"), (4, 3)),
        ("E215", nn.Crop(2), (4, 3)),
        ("E218", nn.Crop(((1, 1), 1)), (4, 3)),
        ("E218", nn.UpSampling(scale_factor=(2, 2)), (4, 3)),
        ("E208", nn.Permute((2, 1)), (4,)),
        ("E214", nn.PixelShuffle(2), (4, 4, 3)),
        ("E208", nn.PixelUnshuffle(2), (4, 3, 3)),
        ("E214", nn.ChannelShuffle(2), (4, 3)),
        ("E215", nn.Unfold(5), (4, 3)),
        ("E214", nn.Fold(4, 2), (3, 3)),
        ("E216", nn.Fold(9, 2), (3, 4)),
        ("E213", nn.SpatialDropout(), (3,)),
        ("E208", nn.EmbeddingBag(5, 2), ()),
        ("E208", nn.HashedNGrams(5, 9), ()),
        ("E208", nn.HashedNGrams(5, 9, lengths=(3, 4)), (2,)),
        ("E220", nn.ClassToken(), (3,)),
        ("E220", nn.SequencePool(), (3,)),
        ("E208", nn.SequencePool(), {"sequence": (4, 3), "mask": (4,)}),
        ("E213", nn.PatchEmbedding(8, 2), (4, 4)),
        ("E233", nn.PatchEmbedding(8, 3), (4, 3, 1)),
        ("E208", nn.Merge("add"), (3,)),
        ("E201", nn.Merge("add"), TWO),
        ("E207", nn.Merge("concatenate", axis=1), {"a": (2, 3), "b": (2, 4)}),
        ("E201", nn.Parallel("multiply", a=D, b=nn.Dense(3)), (3,)),
        ("E208", nn.Dot(), TWO),
        ("E208", nn.Dot((5, 1)), TWO),
        ("E208", nn.Dot(), {**TWO, "c": (3,)}),
        ("E201", nn.CosineSimilarity(), TWO),
        ("E208", nn.PairwiseDistance(), (3,)),
        ("E201", nn.Bilinear(2), {"a": (2, 3), "b": (3, 3)}),
        ("E208", nn.Highway(), ()),
        ("E213", nn.SqueezeExcite(), (3,)),
        ("E208", nn.MixtureOfExperts(2, nn.Flatten()), (2, 3)),
    ],
)
def test_an_input_that_does_not_fit_is_refused(code: str, layer: nn.Layer, shape: tuple | Mapping) -> None:
    shapes = shape if isinstance(shape, Mapping) else {"x": shape}
    inputs = {name: Spec((B, *lengths), "float32") for name, lengths in shapes.items()}
    with pytest.raises(ShapeError) as caught:
        nn.build(nn.Sequential(layer), inputs, "float32", training=True)
    assert caught.value.code == code
    assert f'{type(layer).__name__} "{layer.kind}1" (test_layer_refusals.py:' in str(caught.value)


def test_a_batch_of_one_sample_is_refused_when_building() -> None:
    with pytest.raises(ShapeError, match="E230"):
        nn.build(nn.BatchNorm(), {"x": Spec((1, 3), "float32")}, "float32", training=True)
    nn.build(nn.BatchNorm(), {"x": Spec((1, 3), "float32")}, "float32")


@pytest.mark.parametrize("around", [nn.WeightNorm, nn.SpectralNorm])
def test_a_layer_without_weights_has_none_to_normalize(around: Callable[[nn.Layer], nn.Layer]) -> None:
    with pytest.raises(UsageError, match="E102"):
        nn.build(around(nn.BatchNorm()), {"x": Spec((B, 3), "float32")}, "float32")


def test_lists_in_a_layer_are_stored_as_tuples() -> None:
    assert nn.Pad([[1, 2], 3]) == nn.Pad(((1, 2), 3))
    assert nn.Permute([2, 1]) == nn.Permute((2, 1))
    assert nn.Dot([1, 1]) == nn.Dot((1, 1))
    assert nn.Fold([4, 4], [2, 2]) == nn.Fold((4, 4), (2, 2))


def test_a_tied_embedding_must_exist_and_fit() -> None:
    words = {"x": Spec((B, 3), "int64")}
    with pytest.raises(UsageError, match=r'cr.Unembedding\("words"\)') as caught:
        nn.build(nn.Sequential(words=nn.Embedding(5, 2), out=nn.Unembedding("word")), words, "float32")
    assert caught.value.code == "E101"
    with pytest.raises(UsageError, match="an embedding before this layer") as caught:
        nn.build(nn.Unembedding(), {"x": Spec((B, 3), "float32")}, "float32")
    assert caught.value.code == "E101"
    with pytest.raises(ShapeError, match=r"\(B, ..., 2\)") as wrong:
        nn.build(nn.Sequential(nn.Embedding(5, 2), nn.Dense(3), nn.Unembedding()), words, "float32")
    assert wrong.value.code == "E208"
