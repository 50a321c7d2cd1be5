"""Models of the transformers library: a folder with ``config.json`` and weights becomes our own layers.

The configuration states the sizes, from which the network is built; the weights are matched by the names of
the library (``names.py``). The size of the weight files limits what is built (``graph/limits.py``), so a
configuration that promises more than they contain is refused before memory is requested.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from chainrule.data.sample_types import Samples
from chainrule.errors import FileError, fact
from chainrule.graph.limits import Limits, building
from chainrule.interop.file_reader import read_tensors
from chainrule.interop.loading import Tensors, matched, specs_of_inputs, with_values
from chainrule.interop.refusals import clipped
from chainrule.interop.settings_of_file import SettingsOfFile, invalid, unsupported
from chainrule.interop.torch.names import BERT, GPT2, VIT_HUGGINGFACE, Family, NameRule
from chainrule.nn.blocks.language import TextEncoder
from chainrule.nn.blocks.transformer import TransformerEncoder, TransformerEncoderLayer
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Sequential
from chainrule.nn.layers.dropout import Dropout
from chainrule.nn.layers.embedding import Embedding, PatchEmbedding, Unembedding
from chainrule.nn.layers.linear import Dense
from chainrule.nn.layers.normalization import LayerNorm, UnitNorm
from chainrule.nn.layers.position_encoding import LearnedPosition
from chainrule.nn.layers.sequence_pool import ClassToken, SequencePool
from chainrule.records import frozen
from chainrule.store import atomic_write, json_document
from chainrule.symbolic_shape import Size, Spec
from chainrule.train.model_state import ModelState, untrained
from chainrule.validation import choice

BATCH = Size.symbol("B")
CONFIG_LIMIT = 2**24  # bytes of config.json
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
HEADS = ("pooled", "sentence", "sequence")
ACTIVATIONS = {
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu": "gelu",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
    "mish": "mish",
}


@frozen(eq=False)
class Described:
    """What a configuration describes.

    Args:
        net: the network.
        inputs: the spec of each input.
        family: the names of the weights in the files.
        loss: of a training of the network.
        classes: the labels; empty for none.
    """

    net: Layer
    inputs: Mapping[str, Spec]
    family: Family
    loss: str = "mse"
    classes: tuple[str, ...] = ()


def state_of_folder(
    folder: str | os.PathLike[str], x: Samples | Mapping[str, Spec] | None, head: str | None
) -> ModelState:
    """Return the model in a folder of the transformers library; see ``chainrule.load_transformers``."""
    where = Path(folder)
    config = _config(where / "config.json")
    kind = config.text("model_type")
    if kind not in KINDS:
        expected = fact("one of the models {names}", names=", ".join(KINDS))
        raise unsupported(config.where, kind, [f"model_type={kind!r}"], expected)
    if head is not None:
        head = choice(head, HEADS, "head", "load_transformers")
    tensors, size = _weights(where)
    described = KINDS[kind](config, head, tensors)
    model = untrained(described.net, described.loss, classes=described.classes or None)
    inputs = described.inputs if x is None else specs_of_inputs(x, model.recipe.dtype)
    with building(Limits.of_file(size, {})):
        model = model.built(inputs, are_fixed=x is None)
    assert model.network is not None
    built = model.network.inference
    try:
        report = matched(built, tensors, described.family, str(where), model.recipe.dtype)
    except FileError as error:
        error.fix = fact("config.json and the weights of the same model")
        raise
    return with_values(model, built, report.values)


def _config(path: Path) -> SettingsOfFile:
    content = atomic_write.read(path, CONFIG_LIMIT)
    try:
        value = json_document.from_text(content.decode())
    except ValueError as cause:
        raise invalid(str(path), fact("strict JSON"), str(cause)) from cause
    return SettingsOfFile.of(value, str(path))


def _weights(folder: Path) -> tuple[Tensors, int]:
    """Return the tensors of the weight files in a folder, and their size in bytes."""
    present = [name for name in WEIGHTS if (folder / name).exists()]
    if not present:
        expected = fact("one of {names}", names=", ".join(WEIGHTS))
        listed = ", ".join(sorted(os.listdir(folder))[:8])
        raise FileError(
            "E450", where=str(folder), expected=expected, received=clipped(listed or fact("none"))
        )
    tensors = read_tensors(folder / present[0])
    return tensors, sum(tensor.stored.nbytes for tensor in tensors.values())


# --- the models


def _activation(config: SettingsOfFile, name: str, default: str) -> str:
    return ACTIVATIONS[config.text(name, default, list(ACTIVATIONS))]


def _require_heads(config: SettingsOfFile, width: int, heads: int) -> None:
    if width % heads:
        expected = fact("heads that divide the width")
        raise invalid(config.where, expected, f"{heads} heads, width {width}")


def _architecture(config: SettingsOfFile, known: tuple[str, ...]) -> str:
    """Return the class that wrote the folder, by default the first of ``known``."""
    listed = config.entries.get("architectures") or [known[0]]
    if not isinstance(listed, list) or len(listed) != 1 or listed[0] not in known:
        expected = fact("one of the architectures {names}", names=", ".join(known))
        raise unsupported(config.where, "architectures", [f"architectures={listed!r}"], expected)
    return listed[0]


def _classes(config: SettingsOfFile) -> tuple[str, ...]:
    """Return the labels in the order of the scores; empty where they are only numbered."""
    names = config.entries.get("id2label")
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        return ()
    labels = [names.get(str(i)) for i in range(len(names))]
    is_numbered = labels == [f"LABEL_{i}" for i in range(len(labels))]
    is_usable = None not in labels and len(set(labels)) == len(labels) > 1
    return tuple(map(str, labels)) if is_usable and not is_numbered else ()


def _count_of_classes(config: SettingsOfFile) -> int:
    names = config.entries.get("id2label")
    return len(names) if isinstance(names, dict) and names else config.integer("num_labels", 2)


def _prefixed(family: Family, ours: str, theirs: str, *more: NameRule) -> Family:
    """Return a family with names before all names: of the part in our network, of the model in the files."""
    rules = [
        NameRule(ours + rule.ours, "|".join(theirs + name for name in rule.theirs.split("|")), rule.change)
        for rule in family.rules
    ]
    return replace(family, rules=(*more, *rules))


def _before(tensors: Tensors, name: str) -> str:
    """Return the name of the model before the names of its weights, which the file of a bare model lacks."""
    return f"{name}." if any(key.startswith(f"{name}.") for key in tensors) else ""


def _gpt2(config: SettingsOfFile, head: str | None, tensors: Tensors) -> Described:
    config.require(add_cross_attention=False, scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False)
    width, heads, length = config.integer("n_embd"), config.integer("n_head"), config.integer("n_positions")
    _require_heads(config, width, heads)
    vocabulary, dropout = config.integer("vocab_size"), config.number("resid_pdrop", 0.1)
    norm = LayerNorm(epsilon=config.number("layer_norm_epsilon", 1e-5))
    block = TransformerEncoderLayer(
        heads,
        units=config.integer("n_inner", 4 * width),
        activation=_activation(config, "activation_function", "gelu_new"),
        dropout=dropout,
        norm_first=True,
        norm=norm,
        causal=True,
    )
    parts: dict[str, Layer] = {"words": Embedding(vocabulary, width), "position": LearnedPosition(length)}
    if dropout:
        parts["dropout"] = Dropout(dropout)
    parts["blocks"] = TransformerEncoder(block, config.integer("n_layer"), norm=norm)
    architecture = _architecture(config, ("GPT2LMHeadModel", "GPT2Model"))
    is_scored = head is None and architecture == "GPT2LMHeadModel"
    if is_scored:
        is_tied = config.flag("tie_word_embeddings", True)
        parts["output"] = Unembedding("words") if is_tied else Dense(vocabulary, bias=False)
    elif head in ("pooled", "sentence"):
        parts["head"] = SequencePool("last") if head == "pooled" else _sentence()
    output = NameRule("output.weight", "lm_head.weight")  # not transposed, unlike the other matrices of GPT-2
    family = _prefixed(GPT2, "", _before(tensors, "transformer"), output)
    inputs = {"x": Spec((BATCH, length), "int64")}
    return Described(Sequential(**parts), inputs, family, "cross_entropy" if is_scored else "mse")


def _sentence() -> Layer:
    return Sequential(mean=SequencePool("mean"), unit=UnitNorm())


def _blocks(config: SettingsOfFile, norm: LayerNorm, norm_first: bool) -> tuple[int, TransformerEncoder]:
    """Return the width and the blocks of BERT or ViT."""
    width, heads = config.integer("hidden_size"), config.integer("num_attention_heads")
    _require_heads(config, width, heads)
    block = TransformerEncoderLayer(
        heads,
        units=config.integer("intermediate_size"),
        activation=_activation(config, "hidden_act", "gelu"),
        dropout=config.number("hidden_dropout_prob", 0.0),
        norm_first=norm_first,
        norm=norm,
    )
    return width, TransformerEncoder(
        block, config.integer("num_hidden_layers"), norm=norm if norm_first else None
    )


BERT_HEADS = {
    "BertModel": "",
    "BertForPreTraining": "",
    "BertForMaskedLM": "words",
    "BertForSequenceClassification": "text",
    "BertForTokenClassification": "word",
    "BertForQuestionAnswering": "span",
}


def _bert(config: SettingsOfFile, head: str | None, tensors: Tensors) -> Described:
    config.require(is_decoder=False, add_cross_attention=False, position_embedding_type="absolute")
    norm = LayerNorm(epsilon=config.number("layer_norm_eps", 1e-12))
    width, blocks = _blocks(config, norm, norm_first=False)
    vocabulary, length = config.integer("vocab_size"), config.integer("max_position_embeddings")
    architecture = _architecture(config, tuple(BERT_HEADS))
    task = "" if head else BERT_HEADS[architecture]
    reduced = {"pooled": _pooled(width), "sentence": _sentence(), "text": _pooled(width)}.get(
        task or head or "sequence"
    )
    encoder = TextEncoder(
        Embedding(vocabulary, width),
        LearnedPosition(length),
        blocks,
        types=Embedding(config.integer("type_vocab_size", 2), width),
        norm=norm,
        dropout=config.number("hidden_dropout_prob", 0.1),
        padding_index=config.integer("pad_token_id", 0, minimum=0),
        head=reduced,
    )
    inputs = {"x": Spec((BATCH, length), "int64")}
    before = _before(tensors, "bert")
    if not task:
        return Described(encoder, inputs, _prefixed(BERT, "", before))
    parts: dict[str, Layer] = {"encoder": encoder}
    if task == "words":
        parts["transform"] = Dense(width, _activation(config, "hidden_act", "gelu"))
        parts["norm"] = norm
        parts["output"] = Unembedding("encoder.words", bias=True)
    else:
        dropout = config.number("classifier_dropout", encoder.dropout)
        if dropout and task != "span":
            parts["dropout"] = Dropout(dropout)
        parts["output"] = Dense(_count_of_classes(config))
    family = _prefixed(BERT, "encoder.", before, *_BERT_RULES)
    classes = _classes(config) if task in ("text", "word") else ()
    is_value = config.entries.get("problem_type") == "regression" or _count_of_classes(config) == 1
    loss = "mse" if task == "span" or (task == "text" and is_value) else "cross_entropy"
    return Described(Sequential(**parts), inputs, family, loss, () if loss == "mse" else classes)


def _pooled(width: int) -> Layer:
    return Sequential(first=SequencePool("first"), pooler=Dense(width, "tanh"))


_BERT_RULES = (
    NameRule("transform", "cls.predictions.transform.dense"),
    NameRule("norm", "cls.predictions.transform.LayerNorm"),
    NameRule("norm.scale", "cls.predictions.transform.LayerNorm.gamma"),
    NameRule("norm.shift", "cls.predictions.transform.LayerNorm.beta"),
    NameRule("output.bias", "cls.predictions.bias|classifier.bias|qa_outputs.bias"),
    NameRule("output", "classifier|qa_outputs"),
)


def _vit(config: SettingsOfFile, head: str | None, tensors: Tensors) -> Described:
    config.require(qkv_bias=True)
    norm = LayerNorm(epsilon=config.number("layer_norm_eps", 1e-12))
    width, blocks = _blocks(config, norm, norm_first=True)
    side, patch = config.integer("image_size", 224), config.integer("patch_size", 16)
    if side % patch:
        raise invalid(
            config.where, fact("patches that fill the image"), f"image_size={side}, patch_size={patch}"
        )
    architecture = _architecture(config, ("ViTForImageClassification", "ViTModel"))
    dropout = config.number("hidden_dropout_prob", 0.0)
    parts: dict[str, Layer] = {
        "patches": PatchEmbedding(width, patch, image_size=side),
        "token": ClassToken(),
        "position": LearnedPosition((side // patch) ** 2 + 1),
    }
    if dropout:
        parts["dropout"] = Dropout(dropout)
    parts["blocks"] = blocks
    is_scored = head is None and architecture == "ViTForImageClassification"
    if is_scored:
        parts |= {"first": SequencePool("first"), "head": Dense(_count_of_classes(config))}
    elif head == "pooled":
        parts["head"] = _pooled(width)
    elif head == "sentence":
        parts["head"] = _sentence()
    inputs = {"x": Spec((BATCH, side, side, config.integer("num_channels", 3)), "float32")}
    classes = _classes(config) if is_scored else ()
    loss = "cross_entropy" if is_scored else "mse"
    return Described(Sequential(**parts), inputs, VIT_HUGGINGFACE, loss, classes)


KINDS: dict[str, Callable[[SettingsOfFile, str | None, Tensors], Described]] = {
    "gpt2": _gpt2,
    "bert": _bert,
    "vit": _vit,
}
