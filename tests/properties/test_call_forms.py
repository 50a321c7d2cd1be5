"""A call written for PyTorch or Keras means the same in chainrule, or is refused with the right call."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import KW_ONLY, fields
from functools import cache
from random import Random
from typing import Any

import pytest
import torch

import chainrule as cr
from case_loops import loop_over
from chainrule.catalog.kind import KINDS, peer_names
from chainrule.data import augmentation
from chainrule.errors import CallError, UsageError
from chainrule.errors.call_errors import PeerCall, peer_calls, signature_text
from chainrule.nn.loss import LOSSES
from chainrule.nn.serialization import FAMILIES
from chainrule.train.callback import CALLBACKS
from chainrule.train.callback.early_stopping import Converged, EarlyStopping

# Settings with a default that may be positional: the argument has the same place in PyTorch and Keras.
POSITIONAL = {
    "Dense": ["activation"],
    "EnsembleDense": ["activation"],
    "MaxPool": ["stride"],
    "AveragePool": ["stride"],
    "LPPool": ["stride"],
    "MaxUnpool": ["stride"],
    "Rescaling": ["offset"],
    "Dot": ["axes"],
    "PairwiseDistance": ["p"],
    "Dropout": ["rate"],
    "AlphaDropout": ["rate"],
    "FeatureAlphaDropout": ["rate"],
    "SpatialDropout": ["rate"],
    "GaussianDropout": ["rate"],
    "SequencePool": ["mode"],
    "Highway": ["activation"],
    "Unembedding": ["table"],
    "Normal": ["mean", "std"],
    "Uniform": ["low", "high"],
    "TruncatedNormal": ["mean", "std"],
    "SmallNormal": ["std"],
    "Orthogonal": ["gain"],
    "Eye": ["gain"],
    "Fill": ["value"],
    "Dirac": ["groups"],
    "SparseNormal": ["sparsity"],
    "L1": ["strength"],
    "L2": ["strength"],
    "OrthogonalPenalty": ["strength"],
    "MaxNorm": ["max_value"],
    "ClipNorm": ["limit"],
    "ClipValue": ["limit"],
    "ClipGlobalNorm": ["limit"],
    "Huber": ["delta"],
    "Contrastive": ["margin"],
    "HingeEmbedding": ["margin"],
    "CosineEmbedding": ["margin"],
    "MarginRanking": ["margin"],
    "TripletMargin": ["margin"],
    "GeneralizedCrossEntropy": ["q"],
    "SymmetricCrossEntropy": ["alpha", "beta", "log_zero"],
    "Bootstrapping": ["beta", "hard"],
    "EarlyStopping": ["monitor"],
    "EnsembleEarlyStopping": ["monitor"],
    "Converged": ["monitor"],
    "Histograms": ["path"],
    "Group": ["pattern"],
    "Mixup": ["alpha"],
    "CutMix": ["alpha"],
    "Sequential": ["names"],
    "Slowed": ["times"],
}
OWN_ORDER = {"Sequential", "Parallel", "Stacked", "Activation", "Blocks", "Formula"}  # with a custom __init__


def blocks() -> dict[str, Any]:
    classes = {kind.__name__: kind for family in FAMILIES.values() for kind in family[1].values()}
    classes |= {kind.__name__: kind for kind in (*CALLBACKS.values(), EarlyStopping, Converged)}
    classes |= {
        kind.__name__: kind for kind in (*augmentation.TRANSFORMS.values(), *augmentation.MIXES.values())
    }
    return {name: kind for name, kind in sorted(classes.items()) if name not in OWN_ORDER}


BLOCKS = blocks()
CALLS = [(block, peer) for block, peers in peer_calls().items() for peer in peers]
IDS = [f"{block} from {peer.name}" for block, peer in CALLS]


def block_named(name: str) -> Any:
    """The block of this name; if two have it (the layer Crop and the augmentation), the public one."""
    return getattr(cr, name, None) or BLOCKS[name]


@loop_over("name", BLOCKS)
def test_settings_with_a_default_are_keyword_only(name: str) -> None:
    free = [f.name for f in fields(BLOCKS[name]) if f.init and not f.kw_only]
    needed = {p.name for p in inspect.signature(BLOCKS[name]).parameters.values() if p.default is p.empty}
    is_rule = KINDS["optimizer"].own(name) is not None or name in KINDS["schedule"].entries
    allowed = POSITIONAL.get(name, []) + (["learning_rate"] if is_rule else [])
    assert [field for field in free if field not in needed and field not in allowed] == []


def torch_class(peer: PeerCall) -> Any:
    name = peer.name.removeprefix("PyTorch ")
    for place in (torch.nn, torch.optim, torch.optim.lr_scheduler):
        if hasattr(place, name):
            return getattr(place, name)
    raise AssertionError(f"PyTorch has no {name}")


def torch_arguments(kind: Any) -> Iterator[tuple[str, bool]]:
    """The positional arguments of a class of PyTorch, and whether each is required."""
    lead = 1
    if issubclass(kind, torch.nn.RNNBase):  # the class itself takes *args
        mode = torch.nn.RNNBase
        names = ["input_size", "hidden_size", "num_layers"] + ["nonlinearity"] * (kind is torch.nn.RNN)
        names += [name for name in inspect.signature(mode.__init__).parameters if name in PLAIN]
        yield from ((name, i < 2) for i, name in enumerate(names))
        return
    for p in list(inspect.signature(kind.__init__).parameters.values())[lead:]:
        if p.kind is p.POSITIONAL_OR_KEYWORD:
            yield p.name, p.default is p.empty


PLAIN = ("bias", "batch_first", "dropout", "bidirectional")


@loop_over(
    ("block", "peer"),
    [call for call in CALLS if call[1].name.startswith("PyTorch")],
    ids=[name for name in IDS if "from PyTorch" in name],
)
def test_arguments_in_the_table_have_pytorchs_order(block: str, peer: PeerCall) -> None:
    real = list(torch_arguments(torch_class(peer)))
    assert [name for name, _ in peer.arguments] == [name for name, _ in real][: len(peer.arguments)]
    assert peer.required == sum(needed for _, needed in real)


def test_every_block_with_positional_settings_and_a_peer_is_in_the_table() -> None:
    missing = []
    for kind in ("layer", "loss", "optimizer", "schedule"):
        for name, block in KINDS[kind].entries.items():
            own = block.__name__ if isinstance(block, type) else name
            is_positional = isinstance(block, type) and any(f.init and not f.kw_only for f in fields(block))
            if is_positional and own not in peer_calls() and own not in OWN_ORDER and has_peer(kind, name):
                missing.append(own)
    same = {
        "Identity",
        "ChannelShuffle",
        "PixelShuffle",
        "PixelUnshuffle",
        "Transformer",
        "RateProduct",
        "RateSequence",
        "RateFormula",
        "SWA",
        "Grouped",
        "EMA",
        "TimeDistributed",
        "RepeatVector",
        "Permute",
        "Crop",
        "Dot",
        "Merge",
        "Discretization",
        "Unembedding",
        "Activation",
        "ActivityRegularization",
    }
    assert set(missing) - same == set()


def has_peer(kind: str, name: str) -> bool:
    return bool(peer_names(kind, name))


NUMBERS = (0, 1, 2, 3, 4, 8, 16, 64, 1000, 0.0, 0.1, 0.5, 0.9, 1e-3, 2.0)
TUPLES = ((1, 1), (2, 3), (0.1, 0.2), (1,), [1, 2], [0.1, 0.2, 0.3])
VALUES = (*NUMBERS, True, False, "valid", "same", "mean", "relu", "uniform", "cosine", "", None, *TUPLES)
THINGS: dict[str, tuple[Any, ...]] = {
    "params": ([torch.zeros(2)], iter([torch.zeros(2)])),
    "optimizer": (object(),),
    "bias": (True, False),
    "use_bias": (True, False),
    "out_features": NUMBERS,
    "monitor": ("loss", "val_loss"),
    "reduction": ("mean", "sum", "none"),
}


@pytest.mark.long
@loop_over(("block", "peer"), CALLS, ids=IDS)
def test_a_positional_call_means_the_same_or_is_refused(block: str, peer: PeerCall) -> None:
    kind, draw = block_named(block), Random(f"{block} {peer.name}")
    required = max(peer.required, 1)
    count = 60 if len(peer.arguments) >= required else 0
    calls = [
        [draw.choice(THINGS.get(name, VALUES)) for name, _ in peer.arguments[:n]]
        for n in (draw.randint(required, len(peer.arguments)) for _ in range(count))
    ]
    assert [values for values in calls if not is_same_or_refused(kind, peer, values)] == []


def is_same_or_refused(kind: Any, peer: PeerCall, values: list[Any]) -> bool:
    """Whether a call has the arguments of the peer, or the refusal suggests one that works."""
    try:
        kind(*values)
    except CallError as error:
        return not error.fix.startswith("cr.") or isinstance(evaluated(error.fix, kind), kind)
    except (UsageError, cr.errors.ShapeError):
        return True
    order = [f.name for f in fields(kind) if f.init and not f.kw_only][: len(values)]
    return order == [own for _, own in peer.arguments[: len(values)]]


def evaluated(line: str, kind: Any) -> Any:
    """The object that a suggested line creates."""
    return eval(line, {"cr": type("Names", (), {**public_names(), kind.__name__: kind})})


@cache
def public_names() -> dict[str, Any]:
    """The public names of chainrule with their values."""
    return {name: getattr(cr, name) for name in dir(cr)}


CASES = {
    "Dense(2, 16)": "cr.Dense(16)",
    "Dense(2, 16, False)": "cr.Dense(16, bias=False)",
    "GroupNorm(4, 16)": "cr.GroupNorm(4)",
    "InstanceNorm(16)": "cr.InstanceNorm()",
    "BatchNorm(1)": "cr.BatchNorm()",
    "LayerNorm(1)": "cr.LayerNorm()",
    "Conv(3, 16, 3)": "cr.Conv(16, 3)",
    "Conv(3, 16, 3, 2, 1)": "cr.Conv(16, 3, stride=2, padding=1)",
    "LSTM(10, 20)": "cr.LSTM(20)",
    "MultiHeadAttention(64, 8)": "cr.MultiHeadAttention(8)",
    "TransformerEncoderLayer(512, 8, 2048, 0.1)": "cr.TransformerEncoderLayer(8, units=2048, dropout=0.1)",
    "RMSprop(0.001, 0.9)": "cr.RMSprop(0.001, rho=0.9)",
    "ExponentialDecay(0.1, 1000, 0.96)": "cr.ExponentialDecay(0.1, decay_steps=1000, decay_rate=0.96)",
    "CategoricalFocal(0.25, 2.0)": "cr.CategoricalFocal(alpha=0.25, gamma=2.0)",
    "EarlyStopping('val_loss', 0)": "cr.EarlyStopping('val_loss', min_delta=0)",
    "MultiMargin(2)": "cr.MultiMargin(p=2)",
    "CrossEntropy(torch.tensor([1.0, 2.0]))": "cr.CrossEntropy(class_weight=[1.0, 2.0])",
    "Adam([torch.zeros(2)], 0.001)": "cr.Adam(0.001)",
    "Step(object(), 30)": "cr.Step(0.01, step_size=30)",
    "Adam(lr=0.1)": "cr.Adam(0.1)",
    "Dropout(p=0.3)": "cr.Dropout(0.3)",
    "Conv(filters=8, kernel_size=3)": "cr.Conv(8, 3)",
    "Dense(16, use_bias=False)": "cr.Dense(16, bias=False)",
    "Dense(16, activaton='relu')": "cr.Dense(16, 'relu')",
}


@pytest.mark.parametrize("call", CASES)
def test_the_remedy_is_a_call_that_works(call: str) -> None:
    with pytest.raises(CallError) as caught:
        eval(f"cr.{call}", {"cr": cr, "torch": torch})
    assert caught.value.fix == CASES[call]
    assert eval(caught.value.fix, {"cr": cr}) is not None
    assert call.partition("(")[0] in str(caught.value)
    chinese = caught.value.render("zh")
    assert "签名不符" in chinese
    assert "inferred" not in chinese
    assert "left out" not in chinese


def test_a_refused_call_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="the arguments do not match the signature of Dense"):
        cr.Dense()


def test_the_fields_of_a_custom_layer_may_be_positional() -> None:
    @cr.layer
    class Scale(cr.Layer):
        start: float = 1.0
        _: KW_ONLY
        is_shared: bool = True

        def __call__(self, x: Any, scope: Any) -> Any:
            return x * self.start

    assert Scale(3.0) == Scale(start=3.0)
    with pytest.raises(CallError) as caught:
        Scale(3.0, False)
    assert caught.value.expected == signature_text(Scale) == "Scale(start=1.0, *, is_shared=True)"


def test_the_table_names_blocks_and_arguments_that_exist() -> None:
    known = {kind.__name__ for kind in LOSSES.values()} | set(BLOCKS) | set(dir(cr))
    assert [name for name in peer_calls() if name not in known] == []
    for block, peer in CALLS:
        own = {f.name for f in fields(block_named(block))}
        assert {name for _, name in peer.arguments} - own <= {"?", "-"}, f"{block}: {peer.name}"


def test_the_weight_of_a_loss_function_is_keyword_only() -> None:
    """PyTorch's third argument of ``cross_entropy`` is a weight for each class, not for each sample."""
    with pytest.raises(TypeError):
        cr.cross_entropy(cr.constant([[0.0, 1.0], [1.0, 0.0]]), [0, 1], [1.0, 2.0])  # pyright: ignore
