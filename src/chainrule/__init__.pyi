# Written by python -m pages.stub from __init__.py.

from chainrule import data as data
from chainrule import errors as errors
from chainrule import events as events
from chainrule import models as models
from chainrule import nn as nn
from chainrule.attribution.attribution import Attribution as Attribution
from chainrule.attribution.sanity_check import sanity as sanity
from chainrule.data.augmentation import Augmentation as Augmentation
from chainrule.data.augmentation import RandAugment as RandAugment
from chainrule.data.augmentation.erasing_and_mixing import CutMix as CutMix
from chainrule.data.augmentation.erasing_and_mixing import Mixup as Mixup
from chainrule.data.readers.audio import Sound as Sound
from chainrule.data.readers.audio import read_sound as read_sound
from chainrule.data.readers.audio import resampled as resampled
from chainrule.data.readers.audio_folder import Sounds as Sounds
from chainrule.data.readers.audio_folder import read_sounds as read_sounds
from chainrule.data.readers.images import read_images as read_images
from chainrule.data.readers.sources import read_table as read_table
from chainrule.data.readers.streaming import map_array as map_array
from chainrule.data.readers.streaming import read_blocks as read_blocks
from chainrule.data.readers.streaming import sample_rows as sample_rows
from chainrule.data.readers.streaming import stream as stream
from chainrule.data.readers.streaming import unpack as unpack
from chainrule.data.sequences.padding_and_length_buckets import Buckets as Buckets
from chainrule.data.sequences.padding_and_length_buckets import pad_sequences as pad_sequences
from chainrule.data.sequences.spectrogram import LogMel as LogMel
from chainrule.data.sequences.tokenizer import Tokenizer as Tokenizer
from chainrule.data.sequences.windows import Windows as Windows
from chainrule.data.sequences.windows import text_rows as text_rows
from chainrule.data.sequences.windows import text_windows as text_windows
from chainrule.data.sequences.windows import windows as windows
from chainrule.data.tables.checks import check as check
from chainrule.diagnosis.seeds import compare_seeds as compare_seeds
from chainrule.engines import GradientCheck as GradientCheck
from chainrule.engines import check_gradient as check_gradient
from chainrule.engines import compile as compile
from chainrule.engines import evaluate as evaluate
from chainrule.engines.parity import Parity as Parity
from chainrule.engines.parity import parity as parity
from chainrule.estimators.classifier import TabularClassifier as TabularClassifier
from chainrule.estimators.regressor import TabularRegressor as TabularRegressor
from chainrule.generation.decoder import Cache as Cache
from chainrule.generation.decoder import Decoder as Decoder
from chainrule.generation.generator import Generated as Generated
from chainrule.generation.generator import generate as generate
from chainrule.generation.generator import stream_tokens as stream_tokens
from chainrule.generation.strategy import STRATEGIES as STRATEGIES
from chainrule.generation.strategy import Greedy as Greedy
from chainrule.generation.strategy import MinP as MinP
from chainrule.generation.strategy import RepetitionPenalty as RepetitionPenalty
from chainrule.generation.strategy import Strategy as Strategy
from chainrule.generation.strategy import SuppressTokens as SuppressTokens
from chainrule.generation.strategy import Temperature as Temperature
from chainrule.generation.strategy import TopK as TopK
from chainrule.generation.strategy import TopP as TopP
from chainrule.gradient import grad as grad
from chainrule.gradient import jvp as jvp
from chainrule.graph import Graph as Graph
from chainrule.graph import Node as Node
from chainrule.graph import constant as constant
from chainrule.graph.node import input_node as input
from chainrule.interop.file_reader import read_weights as read_weights
from chainrule.interop.loading import load_weights as load_weights
from chainrule.interop.onnx.network import load_onnx as load_onnx
from chainrule.metrics import METRICS as METRICS
from chainrule.metrics import metric as metric
from chainrule.model import Model as Model
from chainrule.model import load as load
from chainrule.nn import build as build
from chainrule.nn import layer as layer
from chainrule.nn.activation.functional import celu as celu
from chainrule.nn.activation.functional import elu as elu
from chainrule.nn.activation.functional import exponential as exponential
from chainrule.nn.activation.functional import gelu as gelu
from chainrule.nn.activation.functional import gelu_tanh as gelu_tanh
from chainrule.nn.activation.functional import glu as glu
from chainrule.nn.activation.functional import hard_shrink as hard_shrink
from chainrule.nn.activation.functional import hard_sigmoid as hard_sigmoid
from chainrule.nn.activation.functional import hard_silu as hard_silu
from chainrule.nn.activation.functional import hard_tanh as hard_tanh
from chainrule.nn.activation.functional import leaky_relu as leaky_relu
from chainrule.nn.activation.functional import log_sigmoid as log_sigmoid
from chainrule.nn.activation.functional import mish as mish
from chainrule.nn.activation.functional import prelu as prelu
from chainrule.nn.activation.functional import relu6 as relu6
from chainrule.nn.activation.functional import rrelu as rrelu
from chainrule.nn.activation.functional import selu as selu
from chainrule.nn.activation.functional import silu as silu
from chainrule.nn.activation.functional import soft_shrink as soft_shrink
from chainrule.nn.activation.functional import softmin as softmin
from chainrule.nn.activation.functional import softsign as softsign
from chainrule.nn.activation.functional import sparse_plus as sparse_plus
from chainrule.nn.activation.functional import sparse_sigmoid as sparse_sigmoid
from chainrule.nn.activation.functional import sparsemax as sparsemax
from chainrule.nn.activation.functional import squareplus as squareplus
from chainrule.nn.activation.functional import tanh_shrink as tanh_shrink
from chainrule.nn.activation.functional import threshold as threshold
from chainrule.nn.activation.layer import Activation as Activation
from chainrule.nn.attention.multi_head import GroupedQueryAttention as GroupedQueryAttention
from chainrule.nn.attention.multi_head import MultiHeadAttention as MultiHeadAttention
from chainrule.nn.attention.single_head import AdditiveAttention as AdditiveAttention
from chainrule.nn.attention.single_head import Attention as Attention
from chainrule.nn.blocks.fast_speech import FastSpeech as FastSpeech
from chainrule.nn.blocks.fast_speech import LengthRegulator as LengthRegulator
from chainrule.nn.blocks.language import TextEncoder as TextEncoder
from chainrule.nn.blocks.language import Translator as Translator
from chainrule.nn.blocks.residual import BasicBlock as BasicBlock
from chainrule.nn.blocks.residual import Bottleneck as Bottleneck
from chainrule.nn.blocks.residual import InvertedResidual as InvertedResidual
from chainrule.nn.blocks.residual import Skip as Skip
from chainrule.nn.blocks.span_reader import SpanReader as SpanReader
from chainrule.nn.blocks.transformer import FeedForward as FeedForward
from chainrule.nn.blocks.transformer import Transformer as Transformer
from chainrule.nn.blocks.transformer import TransformerDecoder as TransformerDecoder
from chainrule.nn.blocks.transformer import TransformerDecoderLayer as TransformerDecoderLayer
from chainrule.nn.blocks.transformer import TransformerEncoder as TransformerEncoder
from chainrule.nn.blocks.transformer import TransformerEncoderLayer as TransformerEncoderLayer
from chainrule.nn.initializer import Initializer as Initializer
from chainrule.nn.initializer.initializer import Fill as Fill
from chainrule.nn.initializer.random import Normal as Normal
from chainrule.nn.initializer.random import Scaled as Scaled
from chainrule.nn.initializer.random import SmallNormal as SmallNormal
from chainrule.nn.initializer.random import TruncatedNormal as TruncatedNormal
from chainrule.nn.initializer.random import Uniform as Uniform
from chainrule.nn.initializer.structured import Blocks as Blocks
from chainrule.nn.initializer.structured import Dirac as Dirac
from chainrule.nn.initializer.structured import Eye as Eye
from chainrule.nn.initializer.structured import Orthogonal as Orthogonal
from chainrule.nn.initializer.structured import SparseNormal as SparseNormal
from chainrule.nn.layer import Layer as Layer
from chainrule.nn.layers.adaptive_pooling import AdaptiveAveragePool as AdaptiveAveragePool
from chainrule.nn.layers.adaptive_pooling import AdaptiveMaxPool as AdaptiveMaxPool
from chainrule.nn.layers.adaptive_pooling import FractionalMaxPool as FractionalMaxPool
from chainrule.nn.layers.adaptive_softmax import AdaptiveLogSoftmax as AdaptiveLogSoftmax
from chainrule.nn.layers.containers import Dropout as Dropout
from chainrule.nn.layers.containers import Flatten as Flatten
from chainrule.nn.layers.containers import Parallel as Parallel
from chainrule.nn.layers.containers import Reshape as Reshape
from chainrule.nn.layers.containers import Residual as Residual
from chainrule.nn.layers.containers import Sequential as Sequential
from chainrule.nn.layers.convolution import Conv as Conv
from chainrule.nn.layers.convolution import ConvTranspose as ConvTranspose
from chainrule.nn.layers.convolution import DepthwiseConv as DepthwiseConv
from chainrule.nn.layers.convolution import SeparableConv as SeparableConv
from chainrule.nn.layers.dropout import AlphaDropout as AlphaDropout
from chainrule.nn.layers.dropout import FeatureAlphaDropout as FeatureAlphaDropout
from chainrule.nn.layers.dropout import GaussianDropout as GaussianDropout
from chainrule.nn.layers.dropout import GaussianNoise as GaussianNoise
from chainrule.nn.layers.dropout import SpatialDropout as SpatialDropout
from chainrule.nn.layers.einsum import EinsumDense as EinsumDense
from chainrule.nn.layers.embedding import Embedding as Embedding
from chainrule.nn.layers.embedding import EmbeddingBag as EmbeddingBag
from chainrule.nn.layers.embedding import Unembedding as Unembedding
from chainrule.nn.layers.ensemble import EnsembleDense as EnsembleDense
from chainrule.nn.layers.ensemble import EnsembleMean as EnsembleMean
from chainrule.nn.layers.ensemble import EnsembleNormalization as EnsembleNormalization
from chainrule.nn.layers.ensemble import EnsemblePiecewiseLinear as EnsemblePiecewiseLinear
from chainrule.nn.layers.gating import Highway as Highway
from chainrule.nn.layers.gating import MixtureOfExperts as MixtureOfExperts
from chainrule.nn.layers.gating import SqueezeExcite as SqueezeExcite
from chainrule.nn.layers.hashed_ngrams import HashedNGrams as HashedNGrams
from chainrule.nn.layers.latent import GaussianLatent as GaussianLatent
from chainrule.nn.layers.linear import Dense as Dense
from chainrule.nn.layers.max_unpool import MaxUnpool as MaxUnpool
from chainrule.nn.layers.merge import Merge as Merge
from chainrule.nn.layers.message_passing import GatedGraphConv as GatedGraphConv
from chainrule.nn.layers.message_passing import GraphNetwork as GraphNetwork
from chainrule.nn.layers.normalization import BatchNorm as BatchNorm
from chainrule.nn.layers.normalization import GroupNorm as GroupNorm
from chainrule.nn.layers.normalization import InstanceNorm as InstanceNorm
from chainrule.nn.layers.normalization import LayerNorm as LayerNorm
from chainrule.nn.layers.normalization import LocalResponseNorm as LocalResponseNorm
from chainrule.nn.layers.normalization import RMSNorm as RMSNorm
from chainrule.nn.layers.normalization import UnitNorm as UnitNorm
from chainrule.nn.layers.padding import Crop as Crop
from chainrule.nn.layers.padding import Pad as Pad
from chainrule.nn.layers.patch_embedding import PatchEmbedding as PatchEmbedding
from chainrule.nn.layers.pooling import AveragePool as AveragePool
from chainrule.nn.layers.pooling import GlobalAveragePool as GlobalAveragePool
from chainrule.nn.layers.pooling import GlobalMaxPool as GlobalMaxPool
from chainrule.nn.layers.pooling import LPPool as LPPool
from chainrule.nn.layers.pooling import MaxPool as MaxPool
from chainrule.nn.layers.position_encoding import LearnedPosition as LearnedPosition
from chainrule.nn.layers.position_encoding import RotaryPosition as RotaryPosition
from chainrule.nn.layers.position_encoding import SinusoidalPosition as SinusoidalPosition
from chainrule.nn.layers.preprocessing import CategoryEncoding as CategoryEncoding
from chainrule.nn.layers.preprocessing import Discretization as Discretization
from chainrule.nn.layers.preprocessing import Normalization as Normalization
from chainrule.nn.layers.preprocessing import Rescaling as Rescaling
from chainrule.nn.layers.rearrange import ChannelShuffle as ChannelShuffle
from chainrule.nn.layers.rearrange import Fold as Fold
from chainrule.nn.layers.rearrange import Identity as Identity
from chainrule.nn.layers.rearrange import Permute as Permute
from chainrule.nn.layers.rearrange import PixelShuffle as PixelShuffle
from chainrule.nn.layers.rearrange import PixelUnshuffle as PixelUnshuffle
from chainrule.nn.layers.rearrange import RepeatVector as RepeatVector
from chainrule.nn.layers.rearrange import Unfold as Unfold
from chainrule.nn.layers.recompute import Remat as Remat
from chainrule.nn.layers.resize import UpSampling as UpSampling
from chainrule.nn.layers.sequence_pool import ClassToken as ClassToken
from chainrule.nn.layers.sequence_pool import SequencePool as SequencePool
from chainrule.nn.layers.similarity import Bilinear as Bilinear
from chainrule.nn.layers.similarity import CosineSimilarity as CosineSimilarity
from chainrule.nn.layers.similarity import Dot as Dot
from chainrule.nn.layers.similarity import PairwiseDistance as PairwiseDistance
from chainrule.nn.layers.time_distributed import TimeDistributed as TimeDistributed
from chainrule.nn.layers.weight_norm import SpectralNorm as SpectralNorm
from chainrule.nn.layers.weight_norm import WeightNorm as WeightNorm
from chainrule.nn.loss.center_net import CenterNet as CenterNet
from chainrule.nn.loss.classification import NLL as NLL
from chainrule.nn.loss.classification import BinaryCrossEntropy as BinaryCrossEntropy
from chainrule.nn.loss.classification import BinaryFocal as BinaryFocal
from chainrule.nn.loss.classification import CategoricalFocal as CategoricalFocal
from chainrule.nn.loss.classification import CrossEntropy as CrossEntropy
from chainrule.nn.loss.classification import GeneralizedCrossEntropy as GeneralizedCrossEntropy
from chainrule.nn.loss.classification import SoftCrossEntropy as SoftCrossEntropy
from chainrule.nn.loss.ctc import CTC as CTC
from chainrule.nn.loss.functional import binary_cross_entropy as binary_cross_entropy
from chainrule.nn.loss.functional import binary_focal as binary_focal
from chainrule.nn.loss.functional import bootstrapping as bootstrapping
from chainrule.nn.loss.functional import categorical_focal as categorical_focal
from chainrule.nn.loss.functional import categorical_hinge as categorical_hinge
from chainrule.nn.loss.functional import center_net as center_net
from chainrule.nn.loss.functional import circle as circle
from chainrule.nn.loss.functional import contrastive as contrastive
from chainrule.nn.loss.functional import cosine_embedding as cosine_embedding
from chainrule.nn.loss.functional import cosine_similarity as cosine_similarity
from chainrule.nn.loss.functional import cross_entropy as cross_entropy
from chainrule.nn.loss.functional import ctc as ctc
from chainrule.nn.loss.functional import dice as dice
from chainrule.nn.loss.functional import gaussian_nll as gaussian_nll
from chainrule.nn.loss.functional import generalized_cross_entropy as generalized_cross_entropy
from chainrule.nn.loss.functional import half_mse as half_mse
from chainrule.nn.loss.functional import hinge as hinge
from chainrule.nn.loss.functional import hinge_embedding as hinge_embedding
from chainrule.nn.loss.functional import huber as huber
from chainrule.nn.loss.functional import kl_divergence as kl_divergence
from chainrule.nn.loss.functional import log_cosh as log_cosh
from chainrule.nn.loss.functional import mae as mae
from chainrule.nn.loss.functional import mape as mape
from chainrule.nn.loss.functional import margin_ranking as margin_ranking
from chainrule.nn.loss.functional import mse as mse
from chainrule.nn.loss.functional import msle as msle
from chainrule.nn.loss.functional import multi_margin as multi_margin
from chainrule.nn.loss.functional import multilabel_margin as multilabel_margin
from chainrule.nn.loss.functional import nll as nll
from chainrule.nn.loss.functional import poisson as poisson
from chainrule.nn.loss.functional import quantile as quantile
from chainrule.nn.loss.functional import smooth_l1 as smooth_l1
from chainrule.nn.loss.functional import soft_cross_entropy as soft_cross_entropy
from chainrule.nn.loss.functional import soft_margin as soft_margin
from chainrule.nn.loss.functional import squared_hinge as squared_hinge
from chainrule.nn.loss.functional import symmetric_cross_entropy as symmetric_cross_entropy
from chainrule.nn.loss.functional import triplet_margin as triplet_margin
from chainrule.nn.loss.functional import tversky as tversky
from chainrule.nn.loss.label_noise import Bootstrapping as Bootstrapping
from chainrule.nn.loss.label_noise import SymmetricCrossEntropy as SymmetricCrossEntropy
from chainrule.nn.loss.likelihood import GaussianNLL as GaussianNLL
from chainrule.nn.loss.likelihood import KLDivergence as KLDivergence
from chainrule.nn.loss.likelihood import Poisson as Poisson
from chainrule.nn.loss.loss import Loss as Loss
from chainrule.nn.loss.margin import CategoricalHinge as CategoricalHinge
from chainrule.nn.loss.margin import Hinge as Hinge
from chainrule.nn.loss.margin import HingeEmbedding as HingeEmbedding
from chainrule.nn.loss.margin import MultilabelMargin as MultilabelMargin
from chainrule.nn.loss.margin import MultiMargin as MultiMargin
from chainrule.nn.loss.margin import SoftMargin as SoftMargin
from chainrule.nn.loss.margin import SquaredHinge as SquaredHinge
from chainrule.nn.loss.metric_learning import Circle as Circle
from chainrule.nn.loss.metric_learning import Contrastive as Contrastive
from chainrule.nn.loss.metric_learning import CosineEmbedding as CosineEmbedding
from chainrule.nn.loss.metric_learning import MarginRanking as MarginRanking
from chainrule.nn.loss.metric_learning import TripletMargin as TripletMargin
from chainrule.nn.loss.overlap import Dice as Dice
from chainrule.nn.loss.overlap import Tversky as Tversky
from chainrule.nn.loss.regression import MAE as MAE
from chainrule.nn.loss.regression import MAPE as MAPE
from chainrule.nn.loss.regression import MSE as MSE
from chainrule.nn.loss.regression import MSLE as MSLE
from chainrule.nn.loss.regression import CosineLoss as CosineLoss
from chainrule.nn.loss.regression import HalfMSE as HalfMSE
from chainrule.nn.loss.regression import Huber as Huber
from chainrule.nn.loss.regression import LogCosh as LogCosh
from chainrule.nn.loss.regression import Quantile as Quantile
from chainrule.nn.loss.regression import SmoothL1 as SmoothL1
from chainrule.nn.optimizer.adagrad import Adadelta as Adadelta
from chainrule.nn.optimizer.adagrad import Adafactor as Adafactor
from chainrule.nn.optimizer.adagrad import Adagrad as Adagrad
from chainrule.nn.optimizer.adagrad import Ftrl as Ftrl
from chainrule.nn.optimizer.adagrad import RMSprop as RMSprop
from chainrule.nn.optimizer.adam import AdaBelief as AdaBelief
from chainrule.nn.optimizer.adam import Adam as Adam
from chainrule.nn.optimizer.adam import Adamax as Adamax
from chainrule.nn.optimizer.adam import AdamW as AdamW
from chainrule.nn.optimizer.adam import Adan as Adan
from chainrule.nn.optimizer.adam import NAdam as NAdam
from chainrule.nn.optimizer.adam import RAdam as RAdam
from chainrule.nn.optimizer.adam import Yogi as Yogi
from chainrule.nn.optimizer.gradient_accumulation import Accumulated as Accumulated
from chainrule.nn.optimizer.layerwise import LAMB as LAMB
from chainrule.nn.optimizer.layerwise import LARS as LARS
from chainrule.nn.optimizer.layerwise import Muon as Muon
from chainrule.nn.optimizer.lbfgs import LBFGS as LBFGS
from chainrule.nn.optimizer.optimizer import Optimizer as Optimizer
from chainrule.nn.optimizer.optimizer import StepContext as StepContext
from chainrule.nn.optimizer.parameter_groups import Group as Group
from chainrule.nn.optimizer.parameter_groups import Grouped as Grouped
from chainrule.nn.optimizer.sgd import ASGD as ASGD
from chainrule.nn.optimizer.sgd import SGD as SGD
from chainrule.nn.optimizer.sgd import Lion as Lion
from chainrule.nn.optimizer.sgd import Rprop as Rprop
from chainrule.nn.optimizer.weight_averaging import EMA as EMA
from chainrule.nn.optimizer.weight_averaging import SWA as SWA
from chainrule.nn.optimizer.weight_averaging import ScheduleFreeAdamW as ScheduleFreeAdamW
from chainrule.nn.recurrent import Recurrent as Recurrent
from chainrule.nn.recurrent.cells import GRU as GRU
from chainrule.nn.recurrent.cells import LSTM as LSTM
from chainrule.nn.recurrent.cells import RNN as RNN
from chainrule.nn.recurrent.conv_lstm import ConvLSTM as ConvLSTM
from chainrule.nn.recurrent.wrappers import Bidirectional as Bidirectional
from chainrule.nn.recurrent.wrappers import Masking as Masking
from chainrule.nn.recurrent.wrappers import Stacked as Stacked
from chainrule.nn.regularization.activity import ActivityRegularization as ActivityRegularization
from chainrule.nn.regularization.clip import ClipGlobalNorm as ClipGlobalNorm
from chainrule.nn.regularization.clip import ClipNorm as ClipNorm
from chainrule.nn.regularization.clip import ClipValue as ClipValue
from chainrule.nn.regularization.constraint import Constraint as Constraint
from chainrule.nn.regularization.constraint import MaxNorm as MaxNorm
from chainrule.nn.regularization.constraint import MinMaxNorm as MinMaxNorm
from chainrule.nn.regularization.constraint import NonNegative as NonNegative
from chainrule.nn.regularization.constraint import UnitLength as UnitLength
from chainrule.nn.regularization.penalty import L1 as L1
from chainrule.nn.regularization.penalty import L1L2 as L1L2
from chainrule.nn.regularization.penalty import L2 as L2
from chainrule.nn.regularization.penalty import OrthogonalPenalty as OrthogonalPenalty
from chainrule.nn.regularization.penalty import Penalty as Penalty
from chainrule.nn.schedule.composed import RateProduct as RateProduct
from chainrule.nn.schedule.composed import RateSequence as RateSequence
from chainrule.nn.schedule.composed import Warmup as Warmup
from chainrule.nn.schedule.cosine import Cosine as Cosine
from chainrule.nn.schedule.cosine import CosineRestarts as CosineRestarts
from chainrule.nn.schedule.cyclic import Cyclic as Cyclic
from chainrule.nn.schedule.cyclic import OneCycle as OneCycle
from chainrule.nn.schedule.decay import ExponentialDecay as ExponentialDecay
from chainrule.nn.schedule.decay import InverseTimeDecay as InverseTimeDecay
from chainrule.nn.schedule.decay import LinearRamp as LinearRamp
from chainrule.nn.schedule.decay import Noam as Noam
from chainrule.nn.schedule.decay import PolynomialDecay as PolynomialDecay
from chainrule.nn.schedule.formula import RateFormula as RateFormula
from chainrule.nn.schedule.plateau import ReduceOnPlateau as ReduceOnPlateau
from chainrule.nn.schedule.schedule import Constant as Constant
from chainrule.nn.schedule.schedule import Schedule as Schedule
from chainrule.nn.schedule.step import MultiStep as MultiStep
from chainrule.nn.schedule.step import PiecewiseConstant as PiecewiseConstant
from chainrule.nn.schedule.step import Step as Step
from chainrule.nn.scope import Scope as Scope
from chainrule.nn.surgery import recompute as recompute
from chainrule.nn.surgery import replace as replace
from chainrule.ops.custom_gradient import custom_gradient as custom_gradient
from chainrule.ops.functional import abs as abs
from chainrule.ops.functional import add as add
from chainrule.ops.functional import arange as arange
from chainrule.ops.functional import argmax as argmax
from chainrule.ops.functional import argsort as argsort
from chainrule.ops.functional import average_pool as average_pool
from chainrule.ops.functional import broadcast_to as broadcast_to
from chainrule.ops.functional import cast as cast
from chainrule.ops.functional import clip as clip
from chainrule.ops.functional import concatenate as concatenate
from chainrule.ops.functional import convolution as convolution
from chainrule.ops.functional import convolution_transpose as convolution_transpose
from chainrule.ops.functional import cos as cos
from chainrule.ops.functional import cumsum as cumsum
from chainrule.ops.functional import divide as divide
from chainrule.ops.functional import einsum as einsum
from chainrule.ops.functional import equal as equal
from chainrule.ops.functional import erf as erf
from chainrule.ops.functional import exp as exp
from chainrule.ops.functional import fft as fft
from chainrule.ops.functional import flip as flip
from chainrule.ops.functional import floor as floor
from chainrule.ops.functional import gather as gather
from chainrule.ops.functional import greater as greater
from chainrule.ops.functional import greater_equal as greater_equal
from chainrule.ops.functional import ifft as ifft
from chainrule.ops.functional import irfft as irfft
from chainrule.ops.functional import is_finite as is_finite
from chainrule.ops.functional import less as less
from chainrule.ops.functional import less_equal as less_equal
from chainrule.ops.functional import log as log
from chainrule.ops.functional import log1p as log1p
from chainrule.ops.functional import log_softmax as log_softmax
from chainrule.ops.functional import logical_and as logical_and
from chainrule.ops.functional import logical_not as logical_not
from chainrule.ops.functional import logical_or as logical_or
from chainrule.ops.functional import logsumexp as logsumexp
from chainrule.ops.functional import matmul as matmul
from chainrule.ops.functional import max as max
from chainrule.ops.functional import max_pool as max_pool
from chainrule.ops.functional import maximum as maximum
from chainrule.ops.functional import mean as mean
from chainrule.ops.functional import min as min
from chainrule.ops.functional import minimum as minimum
from chainrule.ops.functional import multiply as multiply
from chainrule.ops.functional import negative as negative
from chainrule.ops.functional import normal as normal
from chainrule.ops.functional import not_equal as not_equal
from chainrule.ops.functional import one_hot as one_hot
from chainrule.ops.functional import pad as pad
from chainrule.ops.functional import patches as patches
from chainrule.ops.functional import power as power
from chainrule.ops.functional import prod as prod
from chainrule.ops.functional import relu as relu
from chainrule.ops.functional import remainder as remainder
from chainrule.ops.functional import remat as remat
from chainrule.ops.functional import resample as resample
from chainrule.ops.functional import reshape as reshape
from chainrule.ops.functional import rfft as rfft
from chainrule.ops.functional import scatter_add as scatter_add
from chainrule.ops.functional import sigmoid as sigmoid
from chainrule.ops.functional import sign as sign
from chainrule.ops.functional import sin as sin
from chainrule.ops.functional import softmax as softmax
from chainrule.ops.functional import softplus as softplus
from chainrule.ops.functional import sort as sort
from chainrule.ops.functional import split as split
from chainrule.ops.functional import sqrt as sqrt
from chainrule.ops.functional import square as square
from chainrule.ops.functional import stack as stack
from chainrule.ops.functional import stop_gradient as stop_gradient
from chainrule.ops.functional import subtract as subtract
from chainrule.ops.functional import sum as sum
from chainrule.ops.functional import take_along_axis as take_along_axis
from chainrule.ops.functional import tanh as tanh
from chainrule.ops.functional import topk as topk
from chainrule.ops.functional import transpose as transpose
from chainrule.ops.functional import uniform as uniform
from chainrule.ops.functional import variance as variance
from chainrule.ops.functional import where as where
from chainrule.ops.scan.scan_builder import scan as scan
from chainrule.ops.to_formula import formula as formula
from chainrule.settings import settings as settings
from chainrule.spec import Spec as Spec
from chainrule.tabular.recorded import replay as replay
from chainrule.tabular.train_table import train_table as train_table
from chainrule.tabular.training import TableRun as TableRun
from chainrule.train.callback.callback import Callback as Callback
from chainrule.train.callback.checkpoint import Checkpoint as Checkpoint
from chainrule.train.callback.histograms import Histograms as Histograms
from chainrule.train.callback.logs import CSVLog as CSVLog
from chainrule.train.callback.logs import JSONLog as JSONLog
from chainrule.train.callback.stopping import Converged as Converged
from chainrule.train.callback.stopping import EarlyStopping as EarlyStopping
from chainrule.train.callback.stopping import EnsembleEarlyStopping as EnsembleEarlyStopping
from chainrule.train.callback.tensorboard import TensorBoard as TensorBoard
from chainrule.train.callback.time_limit import TimeLimit as TimeLimit
from chainrule.train.nonfinite.prediction_report import trace_nonfinite as trace_nonfinite
from chainrule.train.nonfinite.record import NonfiniteReport as NonfiniteReport
from chainrule.train.nonfinite.run_file import read_nonfinite_report as read_nonfinite_report
from chainrule.train.parameters import Parameters as Parameters
from chainrule.train.private.privacy import Privacy as Privacy
from chainrule.train.private.privacy_spent import PrivacySpent as PrivacySpent
from chainrule.train.robust.adversarial import TRADES as TRADES
from chainrule.train.robust.adversarial import AdversarialTraining as AdversarialTraining
from chainrule.train.robust.interval_training import IntervalTraining as IntervalTraining
from chainrule.train.robust.noise import NoiseTraining as NoiseTraining
from chainrule.train.trainer import Trainer as Trainer

__version__: str

__all__ = [
    "ASGD",
    "CTC",
    "EMA",
    "GRU",
    "L1",
    "L1L2",
    "L2",
    "LAMB",
    "LARS",
    "LBFGS",
    "LSTM",
    "MAE",
    "MAPE",
    "METRICS",
    "MSE",
    "MSLE",
    "NLL",
    "RNN",
    "SGD",
    "STRATEGIES",
    "SWA",
    "TRADES",
    "Accumulated",
    "Activation",
    "ActivityRegularization",
    "AdaBelief",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Adan",
    "AdaptiveAveragePool",
    "AdaptiveLogSoftmax",
    "AdaptiveMaxPool",
    "AdditiveAttention",
    "AdversarialTraining",
    "AlphaDropout",
    "Attention",
    "Attribution",
    "Augmentation",
    "AveragePool",
    "BasicBlock",
    "BatchNorm",
    "Bidirectional",
    "Bilinear",
    "BinaryCrossEntropy",
    "BinaryFocal",
    "Blocks",
    "Bootstrapping",
    "Bottleneck",
    "Buckets",
    "CSVLog",
    "Cache",
    "Callback",
    "CategoricalFocal",
    "CategoricalHinge",
    "CategoryEncoding",
    "CenterNet",
    "ChannelShuffle",
    "Checkpoint",
    "Circle",
    "ClassToken",
    "ClipGlobalNorm",
    "ClipNorm",
    "ClipValue",
    "Constant",
    "Constraint",
    "Contrastive",
    "Conv",
    "ConvLSTM",
    "ConvTranspose",
    "Converged",
    "Cosine",
    "CosineEmbedding",
    "CosineLoss",
    "CosineRestarts",
    "CosineSimilarity",
    "Crop",
    "CrossEntropy",
    "CutMix",
    "Cyclic",
    "Decoder",
    "Dense",
    "DepthwiseConv",
    "Dice",
    "Dirac",
    "Discretization",
    "Dot",
    "Dropout",
    "EarlyStopping",
    "EinsumDense",
    "Embedding",
    "EmbeddingBag",
    "EnsembleDense",
    "EnsembleEarlyStopping",
    "EnsembleMean",
    "EnsembleNormalization",
    "EnsemblePiecewiseLinear",
    "ExponentialDecay",
    "Eye",
    "FastSpeech",
    "FeatureAlphaDropout",
    "FeedForward",
    "Fill",
    "Flatten",
    "Fold",
    "FractionalMaxPool",
    "Ftrl",
    "GatedGraphConv",
    "GaussianDropout",
    "GaussianLatent",
    "GaussianNLL",
    "GaussianNoise",
    "GeneralizedCrossEntropy",
    "Generated",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "GradientCheck",
    "Graph",
    "GraphNetwork",
    "Greedy",
    "Group",
    "GroupNorm",
    "Grouped",
    "GroupedQueryAttention",
    "HalfMSE",
    "HashedNGrams",
    "Highway",
    "Hinge",
    "HingeEmbedding",
    "Histograms",
    "Huber",
    "Identity",
    "Initializer",
    "InstanceNorm",
    "IntervalTraining",
    "InverseTimeDecay",
    "InvertedResidual",
    "JSONLog",
    "KLDivergence",
    "LPPool",
    "Layer",
    "LayerNorm",
    "LearnedPosition",
    "LengthRegulator",
    "LinearRamp",
    "Lion",
    "LocalResponseNorm",
    "LogCosh",
    "LogMel",
    "Loss",
    "MarginRanking",
    "Masking",
    "MaxNorm",
    "MaxPool",
    "MaxUnpool",
    "Merge",
    "MinMaxNorm",
    "MinP",
    "MixtureOfExperts",
    "Mixup",
    "Model",
    "MultiHeadAttention",
    "MultiMargin",
    "MultiStep",
    "MultilabelMargin",
    "Muon",
    "NAdam",
    "Noam",
    "Node",
    "NoiseTraining",
    "NonNegative",
    "NonfiniteReport",
    "Normal",
    "Normalization",
    "OneCycle",
    "Optimizer",
    "Orthogonal",
    "OrthogonalPenalty",
    "Pad",
    "PairwiseDistance",
    "Parallel",
    "Parameters",
    "Parity",
    "PatchEmbedding",
    "Penalty",
    "Permute",
    "PiecewiseConstant",
    "PixelShuffle",
    "PixelUnshuffle",
    "Poisson",
    "PolynomialDecay",
    "Privacy",
    "PrivacySpent",
    "Quantile",
    "RAdam",
    "RMSNorm",
    "RMSprop",
    "RandAugment",
    "RateFormula",
    "RateProduct",
    "RateSequence",
    "Recurrent",
    "ReduceOnPlateau",
    "Remat",
    "RepeatVector",
    "RepetitionPenalty",
    "Rescaling",
    "Reshape",
    "Residual",
    "RotaryPosition",
    "Rprop",
    "Scaled",
    "Schedule",
    "ScheduleFreeAdamW",
    "Scope",
    "SeparableConv",
    "SequencePool",
    "Sequential",
    "SinusoidalPosition",
    "Skip",
    "SmallNormal",
    "SmoothL1",
    "SoftCrossEntropy",
    "SoftMargin",
    "Sound",
    "Sounds",
    "SpanReader",
    "SparseNormal",
    "SpatialDropout",
    "Spec",
    "SpectralNorm",
    "SquaredHinge",
    "SqueezeExcite",
    "Stacked",
    "Step",
    "StepContext",
    "Strategy",
    "SuppressTokens",
    "SymmetricCrossEntropy",
    "TableRun",
    "TabularClassifier",
    "TabularRegressor",
    "Temperature",
    "TensorBoard",
    "TextEncoder",
    "TimeDistributed",
    "TimeLimit",
    "Tokenizer",
    "TopK",
    "TopP",
    "Trainer",
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
    "Translator",
    "TripletMargin",
    "TruncatedNormal",
    "Tversky",
    "Unembedding",
    "Unfold",
    "Uniform",
    "UnitLength",
    "UnitNorm",
    "UpSampling",
    "Warmup",
    "WeightNorm",
    "Windows",
    "Yogi",
    "abs",
    "add",
    "arange",
    "argmax",
    "argsort",
    "average_pool",
    "binary_cross_entropy",
    "binary_focal",
    "bootstrapping",
    "broadcast_to",
    "build",
    "cast",
    "categorical_focal",
    "categorical_hinge",
    "celu",
    "center_net",
    "check",
    "check_gradient",
    "circle",
    "clip",
    "compare_seeds",
    "compile",
    "concatenate",
    "constant",
    "contrastive",
    "convolution",
    "convolution_transpose",
    "cos",
    "cosine_embedding",
    "cosine_similarity",
    "cross_entropy",
    "ctc",
    "cumsum",
    "custom_gradient",
    "data",
    "dice",
    "divide",
    "einsum",
    "elu",
    "equal",
    "erf",
    "errors",
    "evaluate",
    "events",
    "exp",
    "exponential",
    "fft",
    "flip",
    "floor",
    "formula",
    "gather",
    "gaussian_nll",
    "gelu",
    "gelu_tanh",
    "generalized_cross_entropy",
    "generate",
    "glu",
    "grad",
    "greater",
    "greater_equal",
    "half_mse",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "hinge",
    "hinge_embedding",
    "huber",
    "ifft",
    "input",
    "irfft",
    "is_finite",
    "jvp",
    "kl_divergence",
    "layer",
    "leaky_relu",
    "less",
    "less_equal",
    "load",
    "load_onnx",
    "load_weights",
    "log",
    "log1p",
    "log_cosh",
    "log_sigmoid",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logsumexp",
    "mae",
    "map_array",
    "mape",
    "margin_ranking",
    "matmul",
    "max",
    "max_pool",
    "maximum",
    "mean",
    "metric",
    "min",
    "minimum",
    "mish",
    "models",
    "mse",
    "msle",
    "multi_margin",
    "multilabel_margin",
    "multiply",
    "negative",
    "nll",
    "nn",
    "normal",
    "not_equal",
    "one_hot",
    "pad",
    "pad_sequences",
    "parity",
    "patches",
    "poisson",
    "power",
    "prelu",
    "prod",
    "quantile",
    "read_blocks",
    "read_images",
    "read_nonfinite_report",
    "read_sound",
    "read_sounds",
    "read_table",
    "read_weights",
    "recompute",
    "relu",
    "relu6",
    "remainder",
    "remat",
    "replace",
    "replay",
    "resample",
    "resampled",
    "reshape",
    "rfft",
    "rrelu",
    "sample_rows",
    "sanity",
    "scan",
    "scatter_add",
    "selu",
    "settings",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "smooth_l1",
    "soft_cross_entropy",
    "soft_margin",
    "soft_shrink",
    "softmax",
    "softmin",
    "softplus",
    "softsign",
    "sort",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "split",
    "sqrt",
    "square",
    "squared_hinge",
    "squareplus",
    "stack",
    "stop_gradient",
    "stream",
    "stream_tokens",
    "subtract",
    "sum",
    "symmetric_cross_entropy",
    "take_along_axis",
    "tanh",
    "tanh_shrink",
    "text_rows",
    "text_windows",
    "threshold",
    "topk",
    "trace_nonfinite",
    "train_table",
    "transpose",
    "triplet_margin",
    "tversky",
    "uniform",
    "unpack",
    "variance",
    "where",
    "windows",
]
