"""The building blocks by family, each with the module that defines it, relative to ``chainrule``.

Written by ``python -m pages.block_index`` from the source code; run it after adding a block.
"""

from __future__ import annotations

from chainrule.lazy_imports import by_name

LAYERS = by_name(
    {
        "nn.activation.layer": "Activation FormulaActivation",
        "nn.attention.multi_head": "GroupedQueryAttention MultiHeadAttention",
        "nn.attention.single_head": "AdditiveAttention Attention",
        "nn.blocks.fast_speech": "FastSpeech LengthRegulator",
        "nn.blocks.language": "TextEncoder Translator",
        "nn.blocks.residual": "BasicBlock Bottleneck InvertedResidual Skip",
        "nn.blocks.span_reader": "SpanReader",
        "nn.blocks.transformer": (
            "FeedForward Transformer TransformerDecoder "
            "TransformerDecoderLayer TransformerEncoder "
            "TransformerEncoderLayer"
        ),
        "nn.layers.adaptive_softmax": "AdaptiveLogSoftmax",
        "nn.layers.containers": ("Flatten Parallel Remat Reshape Residual Sequential TimeDistributed"),
        "nn.layers.convolution": "Conv ConvTranspose DepthwiseConv SeparableConv",
        "nn.layers.dropout": (
            "AlphaDropout Dropout FeatureAlphaDropout GaussianDropout GaussianNoise SpatialDropout"
        ),
        "nn.layers.embedding": "Embedding EmbeddingBag PatchEmbedding Unembedding",
        "nn.layers.ensemble": ("EnsembleDense EnsembleMean EnsembleNormalization EnsemblePiecewiseLinear"),
        "nn.layers.ensemble_linear": "EnsembleLinearModel",
        "nn.layers.gating_and_mixture_of_experts": "Highway MixtureOfExperts SqueezeExcite",
        "nn.layers.graph_neural_network": "GatedGraphConv GraphNetwork",
        "nn.layers.hashed_ngrams": "HashedNGrams",
        "nn.layers.layer_graph": "LayerGraph",
        "nn.layers.linear": "Dense EinsumDense",
        "nn.layers.merge": "Merge",
        "nn.layers.normalization": (
            "BatchNorm GroupNorm InstanceNorm LayerNorm LocalResponseNorm RMSNorm UnitNorm"
        ),
        "nn.layers.padding_and_resizing": "Crop Pad UpSampling",
        "nn.layers.padding_mask": "PaddingMask",
        "nn.layers.pooling": (
            "AdaptiveAveragePool AdaptiveMaxPool AveragePool "
            "FractionalMaxPool GlobalAveragePool GlobalMaxPool LPPool "
            "MaxPool MaxUnpool"
        ),
        "nn.layers.position_encoding": "LearnedPosition RotaryPosition SinusoidalPosition",
        "nn.layers.preprocessing": "CategoryEncoding Discretization Normalization Rescaling",
        "nn.layers.rearrange": (
            "ChannelShuffle Fold Identity Permute PixelShuffle PixelUnshuffle RepeatVector Unfold"
        ),
        "nn.layers.sequence_pool": "ClassToken SequencePool",
        "nn.layers.similarity": "Bilinear CosineSimilarity Dot PairwiseDistance",
        "nn.layers.variational_autoencoder": "GaussianLatent",
        "nn.layers.weight_norm": "SpectralNorm WeightNorm",
        "nn.recurrent.bidirectional_and_stacked": "Bidirectional Masking Stacked",
        "nn.recurrent.rnn_lstm_and_gru": "ConvLSTM GRU LSTM RNN",
        "nn.regularization.activity": "ActivityRegularization",
    }
)
LOSSES = by_name(
    {
        "nn.loss.center_net": "CenterNet",
        "nn.loss.classification": (
            "BinaryCrossEntropy BinaryFocal CategoricalFocal CrossEntropy "
            "GeneralizedCrossEntropy NLL SoftCrossEntropy"
        ),
        "nn.loss.ctc": "CTC",
        "nn.loss.dice_and_tversky": "Dice Tversky",
        "nn.loss.label_noise": "Bootstrapping SymmetricCrossEntropy",
        "nn.loss.likelihood": "GaussianNLL KLDivergence Poisson",
        "nn.loss.margin": (
            "CategoricalHinge Hinge HingeEmbedding MultiMargin MultilabelMargin SoftMargin SquaredHinge"
        ),
        "nn.loss.metric_learning": ("Circle Contrastive CosineEmbedding MarginRanking TripletMargin"),
        "nn.loss.regression": ("CosineLoss HalfMSE Huber LogCosh MAE MAPE MSE MSLE Quantile SmoothL1"),
    }
)
OPTIMIZERS = by_name(
    {
        "nn.optimizer.adam": "AdaBelief Adam AdamW Adamax Adan NAdam RAdam Yogi",
        "nn.optimizer.gradient_accumulation": "Accumulated",
        "nn.optimizer.lars_lamb_muon": "LAMB LARS Muon",
        "nn.optimizer.lbfgs": "LBFGS",
        "nn.optimizer.parameter_groups": "Grouped",
        "nn.optimizer.rmsprop_and_adagrad": "Adadelta Adafactor Adagrad Ftrl RMSprop",
        "nn.optimizer.sgd": "ASGD Lion Rprop SGD",
        "nn.optimizer.weight_averaging": "EMA SWA ScheduleFreeAdamW",
    }
)
SCHEDULES = by_name(
    {
        "nn.schedule.composed": "RateProduct RateSequence Slowed Warmup",
        "nn.schedule.cosine_and_cyclic": "Cosine CosineRestarts Cyclic OneCycle",
        "nn.schedule.decay": (
            "ExponentialDecay InverseTimeDecay LinearRamp MultiStep Noam "
            "PiecewiseConstant PolynomialDecay Step"
        ),
        "nn.schedule.formula": "RateFormula",
        "nn.schedule.plateau": "ReduceOnPlateau",
        "nn.schedule.schedule": "Constant",
    }
)
INITIALIZERS = by_name(
    {
        "nn.initializer.initializer": "Fill",
        "nn.initializer.random": "Normal Scaled SmallNormal TruncatedNormal Uniform",
        "nn.initializer.structured": "Blocks Dirac Eye Orthogonal SparseNormal",
    }
)
PENALTIES = by_name({"nn.regularization.penalty": "L1 L1L2 L2 OrthogonalPenalty"})
CONSTRAINTS = by_name({"nn.regularization.constraint": "MaxNorm MinMaxNorm NonNegative UnitLength"})
CLIPS = by_name({"nn.regularization.clip": "ClipGlobalNorm ClipNorm ClipValue"})
CALLBACKS = by_name(
    {
        "train.callback.checkpoint": "Checkpoint",
        "train.callback.histograms": "Histograms",
        "train.callback.logs": "CSVLog JSONLog",
        "train.callback.mlflow_run": "MLflow",
        "train.callback.tensorboard": "TensorBoard",
        "train.callback.time_limit": "TimeLimit",
        "train.callback.wandb_run": "WandB",
    }
)
TRANSFORMS = by_name(
    {
        "data.augmentation.color": "Color",
        "data.augmentation.distortion": "Elastic Perspective",
        "data.augmentation.erasing_and_mixing": "Erase",
        "data.augmentation.geometry": "Affine Crop Flip ResizedCrop Rotate",
        "data.augmentation.rand_augment_and_aug_mix": "AugMix RandAugment",
        "data.augmentation.single_operations": (
            "AutoContrast Blur Equalize EqualizeTiles Gray Invert Posterize Sharpness Solarize"
        ),
    }
)
MIXES = by_name({"data.augmentation.erasing_and_mixing": "CutMix Mixup"})
INPUT_KINDS = by_name(
    {
        "inputs.arrays": "ArrayKind",
        "inputs.detection": "DetectionKind",
        "inputs.items": "ItemKind",
        "inputs.molecules": "MoleculeKind",
        "inputs.prices": "PriceKind",
        "inputs.questions": "QuestionKind",
        "inputs.segmentation": "SegmentationKind",
        "inputs.sounds": "SoundKind",
        "inputs.speech": "SpeechKind",
        "inputs.tables": "TableKind",
        "inputs.texts": "ContinuationKind TextKind",
        "inputs.transcripts": "TranscriptKind",
        "inputs.translations": "TranslationKind",
    }
)
ACTIVATIONS = by_name(
    {
        "nn.activation.piecewise": (
            "hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu "
            "linear prelu relu relu6 rrelu soft_shrink sparse_plus "
            "sparse_sigmoid threshold"
        ),
        "nn.activation.smooth": (
            "celu elu exponential gelu gelu_tanh log_sigmoid mish selu "
            "sigmoid silu softplus softsign squareplus tanh tanh_shrink"
        ),
        "nn.activation.softmax_and_glu": "glu log_softmax softmax softmin sparsemax",
    }
)
LOSS_NAMES = {
    "binary_cross_entropy": "BinaryCrossEntropy",
    "binary_focal": "BinaryFocal",
    "bootstrapping": "Bootstrapping",
    "categorical_focal": "CategoricalFocal",
    "categorical_hinge": "CategoricalHinge",
    "center_net": "CenterNet",
    "circle": "Circle",
    "contrastive": "Contrastive",
    "cosine_embedding": "CosineEmbedding",
    "cosine_similarity": "CosineLoss",
    "cross_entropy": "CrossEntropy",
    "ctc": "CTC",
    "dice": "Dice",
    "gaussian_nll": "GaussianNLL",
    "generalized_cross_entropy": "GeneralizedCrossEntropy",
    "half_mse": "HalfMSE",
    "hinge": "Hinge",
    "hinge_embedding": "HingeEmbedding",
    "huber": "Huber",
    "kl_divergence": "KLDivergence",
    "log_cosh": "LogCosh",
    "mae": "MAE",
    "mape": "MAPE",
    "margin_ranking": "MarginRanking",
    "mse": "MSE",
    "msle": "MSLE",
    "multi_margin": "MultiMargin",
    "multilabel_margin": "MultilabelMargin",
    "nll": "NLL",
    "poisson": "Poisson",
    "quantile": "Quantile",
    "smooth_l1": "SmoothL1",
    "soft_cross_entropy": "SoftCrossEntropy",
    "soft_margin": "SoftMargin",
    "squared_hinge": "SquaredHinge",
    "symmetric_cross_entropy": "SymmetricCrossEntropy",
    "triplet_margin": "TripletMargin",
    "tversky": "Tversky",
}
OPTIMIZER_NAMES = {
    "adabelief": "AdaBelief",
    "adadelta": "Adadelta",
    "adafactor": "Adafactor",
    "adagrad": "Adagrad",
    "adam": "Adam",
    "adamax": "Adamax",
    "adamw": "AdamW",
    "adan": "Adan",
    "asgd": "ASGD",
    "ftrl": "Ftrl",
    "lamb": "LAMB",
    "lars": "LARS",
    "lbfgs": "LBFGS",
    "lion": "Lion",
    "muon": "Muon",
    "nadam": "NAdam",
    "radam": "RAdam",
    "rmsprop": "RMSprop",
    "rprop": "Rprop",
    "schedule_free_adamw": "ScheduleFreeAdamW",
    "sgd": "SGD",
    "yogi": "Yogi",
}
RULES_BEFORE = {
    "input-scale": "diagnosis.rules.input_scale_and_axes.INPUT_SCALE",
    "target-scale": "diagnosis.rules.input_scale_and_axes.TARGET_SCALE",
    "loss-activation": "diagnosis.rules.output_activation.LOSS_ACTIVATION",
    "label-numbers": "diagnosis.rules.labels_and_leakage.LABEL_NUMBERS",
    "labels-unrelated": "diagnosis.rules.gradients.LABELS_UNRELATED",
    "class-imbalance": "diagnosis.rules.labels_and_leakage.CLASS_IMBALANCE",
    "data-leakage": "diagnosis.rules.labels_and_leakage.DATA_LEAKAGE",
    "mode-gap": "diagnosis.rules.generalization.MODE_GAP",
    "broadcast-loss": "diagnosis.rules.output_activation.BROADCAST_LOSS",
    "unshuffled": "diagnosis.rules.labels_and_leakage.UNSHUFFLED",
    "integer-inputs": "diagnosis.rules.input_scale_and_axes.INTEGER_INPUTS",
    "duplicate-rows": "diagnosis.rules.labels_and_leakage.DUPLICATE_ROWS",
    "channels-first": "diagnosis.rules.input_scale_and_axes.CHANNELS_FIRST",
    "no-channel-axis": "diagnosis.rules.input_scale_and_axes.NO_CHANNEL_AXIS",
}
RULES_FIRST = {
    "weight-scale": "diagnosis.rules.initialization.WEIGHT_SCALE",
    "symmetry": "diagnosis.rules.initialization.SYMMETRY",
    "first-loss": "diagnosis.rules.initialization.FIRST_LOSS",
    "parameters-not-learning": "diagnosis.rules.initialization.NOT_LEARNING",
    "gradients-not-reset": "diagnosis.rules.gradients.STALE_GRADIENTS",
    "wrong-gradient": "diagnosis.rules.gradients.WRONG_PULLBACK",
    "penalty-too-strong": "diagnosis.rules.loss_curve.PENALTY_TOO_STRONG",
}
RULES_DURING = {
    "not-finite": "diagnosis.rules.signals.NOT_FINITE",
    "exploding-gradients": "diagnosis.rules.signals.EXPLODING_GRADIENTS",
    "vanishing-gradients": "diagnosis.rules.signals.VANISHING_GRADIENTS",
    "dying-relu": "diagnosis.rules.signals.DYING_RELU",
    "saturated": "diagnosis.rules.signals.SATURATED",
    "weight-scale": "diagnosis.rules.initialization.WEIGHT_SCALE",
    "first-loss": "diagnosis.rules.initialization.FIRST_LOSS",
    "rate-too-high": "diagnosis.rules.loss_curve.RATE_TOO_HIGH",
    "rate-too-low": "diagnosis.rules.loss_curve.RATE_TOO_LOW",
    "oscillating-loss": "diagnosis.rules.loss_curve.OSCILLATING",
    "flat-loss": "diagnosis.rules.loss_curve.FLAT_LOSS",
    "parameters-not-learning": "diagnosis.rules.initialization.NOT_LEARNING",
    "overfitting": "diagnosis.rules.generalization.OVERFITTING",
    "underfitting": "diagnosis.rules.generalization.UNDERFITTING",
    "trained-too-long": "diagnosis.rules.generalization.TOO_LONG",
    "mode-gap": "diagnosis.rules.generalization.MODE_GAP",
    "penalty-too-strong": "diagnosis.rules.loss_curve.PENALTY_TOO_STRONG",
    "validation-easier": "diagnosis.rules.generalization.VALIDATION_EASIER",
    "gradient-underflow": "diagnosis.rules.signals.UNDERFLOW",
    "batch-size": "diagnosis.rules.randomness.BATCH_SIZE",
    "seed-effect": "diagnosis.rules.randomness.SEED_EFFECT",
    "overfitting-undone": "diagnosis.rules.generalization.OVERFITTING_UNDONE",
}
