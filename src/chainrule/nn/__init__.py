"""Networks as descriptions: layers, losses, initialisers, optimizers, schedules, all builders of graph nodes.

In: hyper-parameters. Out: frozen records that, called with nodes, give nodes. This room never holds an array
and never runs a graph.

Every name is listed with the file it lives in, and is loaded when it is first used.
"""

from __future__ import annotations

from typing import Any

from chainrule.door import Door

# These two are called like the files they live in, so they are fetched before a file could take their place.
from chainrule.nn.build import build as build
from chainrule.nn.layer import layer as layer

_DOOR = Door(
    __name__,
    {
        "activation": "ACTIVATIONS Activation",
        "activity": "ActivityRegularization",
        "adaptive": "AdaptiveAveragePool AdaptiveMaxPool FractionalMaxPool",
        "attention": "AdditiveAttention Attention GroupedQueryAttention MultiHeadAttention",
        "build": "Built first_values total_penalty",
        "clip": "Clip ClipGlobalNorm ClipNorm ClipValue",
        "constraint": "Constraint MaxNorm MinMaxNorm NonNegative UnitLength",
        "convolution": "Conv ConvTranspose DepthwiseConv SeparableConv",
        "dense": "Dense",
        "einsum": "EinsumDense",
        "embedding": "Embedding EmbeddingBag Unembedding",
        "feature": "CategoryEncoding Discretization Normalization Rescaling",
        "gate": "Highway MixtureOfExperts SqueezeExcite",
        "hierarchical": "AdaptiveLogSoftmax",
        "initialiser": (
            "Blocks Dirac Eye Fill INITIALISERS Initialiser Normal Orthogonal Scaled SmallNormal "
            "SparseNormal TruncatedNormal Uniform"
        ),
        "language": "TextEncoder Translator",
        "layer": "Layer",
        "loss": "BinaryCrossEntropy CrossEntropy HalfMSE Huber LOSSES LOSS_FUNCTIONS Loss MAE MSE",
        "merge": "Merge",
        "noise": "AlphaDropout FeatureAlphaDropout GaussianDropout GaussianNoise SpatialDropout",
        "normalisation": "BatchNorm GroupNorm InstanceNorm LayerNorm LocalResponseNorm RMSNorm UnitNorm",
        "optimizer": (
            "ASGD Accumulated AdaBelief Adadelta Adafactor Adagrad Adam AdamW Adamax Adan EMA Ftrl Group "
            "Grouped LAMB LARS LBFGS Lion Muon NAdam OPTIMIZERS Optimizer RAdam RMSprop Rprop SGD SWA "
            "ScheduleFreeAdamW Yogi"
        ),
        "padding": "Crop Pad",
        "pair": "Bilinear CosineSimilarity Dot PairwiseDistance",
        "patch": "PatchEmbedding",
        "penalty": "L1 L1L2 L2 OrthogonalPenalty Penalty",
        "pooling": "AveragePool GlobalAveragePool GlobalMaxPool LPPool MaxPool",
        "position": "LearnedPosition RotaryPosition SinusoidalPosition",
        "rearrange": "ChannelShuffle Fold Identity Permute PixelShuffle PixelUnshuffle RepeatVector Unfold",
        "families": "LAYERS",
        "record": "from_record net_from_record net_to_record to_record",
        "recurrent": "Bidirectional ConvLSTM GRU LSTM Masking RNN Recurrent Stacked",
        "remat": "Remat",
        "replacing": "recompute replace",
        "reparametrisation": "SpectralNorm WeightNorm",
        "residual": "BasicBlock Bottleneck InvertedResidual Skip",
        "resize": "UpSampling",
        "schedule": (
            "Constant Cosine CosineRestarts Cyclic ExponentialDecay InverseTimeDecay LinearRamp MultiStep "
            "Noam OneCycle PiecewiseConstant PolynomialDecay RateFormula RateProduct RateSequence "
            "ReduceOnPlateau Schedule Step Warmup"
        ),
        "scope": "Scope",
        "stepwise": "TimeDistributed",
        "structure": "Dropout Flatten Parallel Reshape Residual Sequential",
        "summary": "Row summary_rows",
        "text": "net_from_text",
        "transformer": (
            "FeedForward Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder "
            "TransformerEncoderLayer"
        ),
        "unpool": "MaxUnpool",
        "whole": "ClassToken SequencePool",
    },
)


def __getattr__(name: str) -> Any:
    return _DOOR.fetch(name)


def __dir__() -> list[str]:
    return sorted({*_DOOR.names, "build", "layer"})
