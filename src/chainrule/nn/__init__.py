"""Networks as descriptions: layers, losses, initializers, optimizers and schedules, which build graph nodes.

Input: hyperparameters. Output: frozen records that return nodes when they are called with nodes. This package
never holds arrays of parameters and never runs a graph.

Every name is listed with its module, which is imported on first use.
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames

# These two have the names of their modules, so they are imported before a module could take their place.
from chainrule.nn.build import build as build
from chainrule.nn.layer import layer as layer

_LAZY = LazyNames(
    __name__,
    {
        "activation": "ACTIVATIONS Activation",
        "regularization.activity": "ActivityRegularization",
        "layers.adaptive_pooling": "AdaptiveAveragePool AdaptiveMaxPool FractionalMaxPool",
        "attention": "AdditiveAttention Attention GroupedQueryAttention MultiHeadAttention",
        "build": "Built first_values total_penalty",
        "regularization.clip": "Clip ClipGlobalNorm ClipNorm ClipValue",
        "regularization.constraint": "Constraint MaxNorm MinMaxNorm NonNegative UnitLength",
        "layers.convolution": "Conv ConvTranspose DepthwiseConv SeparableConv",
        "layers.linear": "Dense",
        "layers.einsum": "EinsumDense",
        "layers.embedding": "Embedding EmbeddingBag Unembedding",
        "layers.preprocessing": "CategoryEncoding Discretization Normalization Rescaling",
        "layers.gating": "Highway MixtureOfExperts SqueezeExcite",
        "layers.adaptive_softmax": "AdaptiveLogSoftmax",
        "initializer": (
            "Blocks Dirac Eye Fill INITIALIZERS Initializer Normal Orthogonal Scaled SmallNormal "
            "SparseNormal TruncatedNormal Uniform"
        ),
        "blocks.language": "TextEncoder Translator",
        "layer": "Layer",
        "loss": "BinaryCrossEntropy CrossEntropy HalfMSE Huber LOSSES Loss MAE MSE",
        "layers.merge": "Merge",
        "layers.dropout": "AlphaDropout FeatureAlphaDropout GaussianDropout GaussianNoise SpatialDropout",
        "layers.local_response_norm": "LocalResponseNorm",
        "layers.normalization": ("BatchNorm GroupNorm InstanceNorm LayerNorm RMSNorm UnitNorm"),
        "optimizer": (
            "ASGD Accumulated AdaBelief Adadelta Adafactor Adagrad Adam AdamW Adamax Adan EMA Ftrl Group "
            "Grouped LAMB LARS LBFGS Lion Muon NAdam OPTIMIZERS Optimizer RAdam RMSprop Rprop SGD SWA "
            "ScheduleFreeAdamW Yogi"
        ),
        "layers.padding": "Crop Pad",
        "layers.similarity": "Bilinear CosineSimilarity Dot PairwiseDistance",
        "layers.patch_embedding": "PatchEmbedding",
        "regularization.penalty": "L1 L1L2 L2 OrthogonalPenalty Penalty",
        "layers.pooling": "AveragePool GlobalAveragePool GlobalMaxPool LPPool MaxPool",
        "layers.position_encoding": "LearnedPosition RotaryPosition SinusoidalPosition",
        "layers.rearrange": (
            "ChannelShuffle Fold Identity Permute PixelShuffle PixelUnshuffle RepeatVector Unfold"
        ),
        "class_registry": "LAYERS",
        "serialization": "from_record net_from_record net_to_record own_kinds to_record",
        "recurrent": "Bidirectional ConvLSTM GRU LSTM Masking RNN Recurrent Stacked",
        "layers.recompute": "Remat",
        "surgery": "recompute replace",
        "layers.weight_norm": "SpectralNorm WeightNorm",
        "blocks.residual": "BasicBlock Bottleneck InvertedResidual Skip",
        "layers.resize": "UpSampling",
        "schedule": (
            "Constant Cosine CosineRestarts Cyclic ExponentialDecay InverseTimeDecay LinearRamp MultiStep "
            "Noam OneCycle PiecewiseConstant PolynomialDecay RateFormula RateProduct RateSequence "
            "ReduceOnPlateau Schedule Step Warmup"
        ),
        "scope": "Scope",
        "layers.time_distributed": "TimeDistributed",
        "layers.containers": "Dropout Flatten Parallel Reshape Residual Sequential",
        "summary": "Row summary_rows",
        "net_text": "net_from_text",
        "blocks.feed_forward": "FeedForward",
        "blocks.transformer": (
            "Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder "
            "TransformerEncoderLayer"
        ),
        "layers.max_unpool": "MaxUnpool",
        "layers.sequence_pool": "ClassToken SequencePool",
    },
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return sorted({*_LAZY.names, "build", "layer"})
