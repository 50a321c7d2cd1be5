"""chainrule (链式法则): neural networks that train, explain and ship, with nothing hidden and nothing slow.

Every public name is listed here under the place it lives in, and is loaded when it is first used, so that
``import chainrule`` costs no more than NumPy.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule import fork as fork  # watches forks from the first import on
from chainrule.settings import settings

if TYPE_CHECKING:
    from chainrule.model import Model

__version__ = "0.1.0"

_HOMES: dict[str, str] = {
    "apps.cli.replay": "replay",
    "attribution": "Attribution sanity",
    "diagnosis.seeds": "compare_seeds",
    "model": "Model load",
    "engines": "GradientCheck check_gradient compile evaluate",
    "engines.parity": "Parity parity",
    "gradient": "grad",
    "graph": "Graph Node constant",
    "interop": "load_weights read_weights",
    "ops.scan.scan_builder": "scan",
    "ops.functional": (
        "abs add argmax average_pool broadcast_to cast clip concatenate convolution convolution_transpose "
        "cos divide equal erf exp floor gather greater greater_equal is_finite less less_equal log "
        "log_softmax logical_and logical_not logical_or logsumexp matmul max max_pool maximum mean min "
        "minimum multiply negative normal not_equal one_hot pad patches power prod relu remat resample "
        "reshape scatter_add sigmoid sign sin softmax softplus sqrt square stack stop_gradient subtract "
        "sum tanh transpose uniform variance where"
    ),
    "ops.to_formula": "formula",
    "train.nonfinite": "NonfiniteReport read_nonfinite_report trace_nonfinite",
    "train.generation.decoder": "Cache Decoder",
    "train.generation": (
        "Generated Greedy MinP RepetitionPenalty STRATEGIES Strategy SuppressTokens Temperature TopK TopP "
        "generate stream_tokens"
    ),
    "train.callback": "CSVLog Callback Checkpoint Histograms JSONLog TensorBoard TimeLimit",
    "train.evaluation.metric": "METRICS metric",
    "train.parameters": "Parameters",
    "train.stopping": "Converged EarlyStopping",
    "train.trainer": "Trainer",
    "data": (
        "Buckets Tokenizer Windows check map_array pad_sequences read_blocks read_images read_table "
        "sample_rows stream text_rows text_windows unpack windows"
    ),
    "data.augmentation": "Augmentation CutMix Mixup RandAugment",
    "data.readers.audio": "Sound read_sound resampled",
    "data.readers.audio_folder": "Sounds read_sounds",
    "data.sequences.spectrogram": "LogMel",
    "nn.activation.functional": (
        "celu elu exponential gelu gelu_tanh glu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu "
        "log_sigmoid mish prelu relu6 rrelu selu silu soft_shrink softmin softsign sparse_plus "
        "sparse_sigmoid sparsemax squareplus tanh_shrink threshold"
    ),
    "nn.attention": "AdditiveAttention Attention GroupedQueryAttention MultiHeadAttention",
    "nn.regularization.constraint": "Constraint MaxNorm MinMaxNorm NonNegative UnitLength",
    "nn.layers.einsum": "EinsumDense",
    "nn.blocks.language": "TextEncoder Translator",
    "nn.layers.sequence_pool": "ClassToken SequencePool",
    "nn.initializer": "Blocks Dirac Eye Normal SparseNormal TruncatedNormal Uniform",
    "nn.optimizer": (
        "ASGD Accumulated AdaBelief Adadelta Adafactor Adagrad Adamax Adan EMA Ftrl Group Grouped LAMB LARS "
        "LBFGS Lion Muon NAdam RAdam Rprop SWA ScheduleFreeAdamW Yogi"
    ),
    "nn.loss": (
        "CTC MAPE MSLE NLL BinaryFocal CategoricalFocal CategoricalHinge Circle Contrastive CosineEmbedding "
        "CosineLoss Dice GaussianNLL GeneralizedCrossEntropy Hinge HingeEmbedding KLDivergence LogCosh "
        "MarginRanking MultiMargin MultilabelMargin Poisson SmoothL1 SoftCrossEntropy SoftMargin "
        "SquaredHinge TripletMargin Tversky"
    ),
    "nn.loss.functional": (
        "half_mse mse mae huber smooth_l1 log_cosh mape msle cosine_similarity poisson gaussian_nll "
        "kl_divergence binary_cross_entropy cross_entropy soft_cross_entropy nll binary_focal "
        "categorical_focal generalized_cross_entropy hinge squared_hinge soft_margin categorical_hinge "
        "multi_margin multilabel_margin hinge_embedding margin_ranking cosine_embedding contrastive "
        "triplet_margin circle dice tversky ctc"
    ),
    "nn.layers.patch_embedding": "PatchEmbedding",
    "nn.regularization.penalty": "L1L2 OrthogonalPenalty",
    "nn.layers.position_encoding": "LearnedPosition RotaryPosition SinusoidalPosition",
    "nn.recurrent": "Bidirectional ConvLSTM GRU LSTM Masking RNN Recurrent Stacked",
    "nn.surgery": "recompute replace",
    "nn.blocks.residual": "BasicBlock Bottleneck InvertedResidual Skip",
    "nn.schedule": (
        "CosineRestarts Cyclic ExponentialDecay InverseTimeDecay LinearRamp MultiStep Noam OneCycle "
        "PiecewiseConstant PolynomialDecay RateFormula RateProduct RateSequence ReduceOnPlateau"
    ),
    "nn.blocks.feed_forward": "FeedForward",
    "nn.blocks.transformer": (
        "Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer"
    ),
    "nn": (
        "AdaptiveAveragePool AdaptiveMaxPool AlphaDropout BatchNorm Bilinear ChannelShuffle ConvTranspose "
        "CosineSimilarity Crop DepthwiseConv Dot Embedding EmbeddingBag FeatureAlphaDropout Fold "
        "FractionalMaxPool GaussianDropout GaussianNoise GroupNorm Highway Identity InstanceNorm LPPool "
        "LayerNorm LocalResponseNorm Merge MixtureOfExperts Pad PairwiseDistance Permute PixelShuffle "
        "PixelUnshuffle RMSNorm RepeatVector SeparableConv SpatialDropout SpectralNorm SqueezeExcite "
        "Unembedding Unfold UnitNorm UpSampling WeightNorm "
        "ActivityRegularization AdaptiveLogSoftmax CategoryEncoding Discretization MaxUnpool Normalization "
        "Rescaling TimeDistributed "
        "L1 L2 MAE MSE SGD Activation Adam AdamW AveragePool BinaryCrossEntropy ClipGlobalNorm ClipNorm "
        "ClipValue Constant Conv Cosine CrossEntropy Dense Dropout Fill Flatten GlobalAveragePool "
        "GlobalMaxPool HalfMSE Huber Initializer Layer Loss MaxPool Optimizer Orthogonal Parallel Penalty "
        "RMSprop Remat Reshape Residual Scaled Schedule Scope Sequential SmallNormal Step Warmup build layer"
    ),
}
_PLACES = {name: room for room, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name == "models":
        return import_module("chainrule.models")
    if name == "input" or _PLACES.get(name) == "graph":
        import_module("chainrule.ops")  # says what + and @ between nodes mean
    if name == "input":  # at home it is called input_node: a builtin has the short name there
        return import_module("chainrule.graph").input_node
    if name in _PLACES:
        return getattr(import_module(f"chainrule.{_PLACES[name]}"), name)
    raise AttributeError(_missing(name))


def _missing(name: str) -> str:
    """The message for a name that does not exist; cheap for packages not loaded yet."""
    folder = Path(__file__).parent
    if name.startswith("__") or (folder / name).is_dir() or (folder / f"{name}.py").is_file():
        return f"module 'chainrule' has no attribute {name!r}"
    return import_module("chainrule.catalog.public_name").missing_name(name, __dir__())


def __dir__() -> list[str]:
    return sorted({*_PLACES, "input", "models", "settings", "__version__"})


__all__ = ["Model", "settings"]
