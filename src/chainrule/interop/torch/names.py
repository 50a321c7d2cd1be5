"""The known model families, each a short table from our paths to the names of another library."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import field

from chainrule.interop.report import CUSTOM
from chainrule.interop.torch.layer_layout import Form
from chainrule.interop.torch.transforms import IDENTITY, TRANSPOSED, UNSTACKED, Transform, part
from chainrule.memoization import cached_property
from chainrule.messages import Text
from chainrule.records import frozen

# Name maps of model families: rules from our paths to the names of another library.
#
# A rule has two patterns: a path of ours and the name of the same module in the other library. ``{i}``
# matches an integer, ``{i-1}`` is that integer minus one (most libraries count from 0), ``{name}`` matches a
# word. The first matching rule is used. If a library has a module at different positions, a rule lists
# several, and the first that exists in the file is used.

_PLACEHOLDER = re.compile(r"\{(\w+?)([+-]\d+)?\}")
_NUMBERS = ("i", "j", "k")


@frozen
class NameRule:
    """One line of a family's table.

    Args:
        ours: the path of a layer, or of one parameter, with placeholders.
        theirs: its name in the other library; alternatives are separated by ``|``.
        change: a transform after that of the layer kind, such as selecting one of three parts.

    Example:
        >>> rule = NameRule("stage{i}.block{j}.conv{k}", "layer{i}.{j-1}.conv{k}")
        >>> rule.places("stage2.block1.conv3"), rule.places("head")
        (['layer2.0.conv3'], [])
    """

    ours: str
    theirs: str
    change: Transform = IDENTITY

    def places(self, path: str) -> list[str]:
        """Return the names of a path in the other library; empty if the rule does not match."""
        match = self._pattern.fullmatch(path)
        if match is None:
            return []
        words = match.groupdict()
        return [
            _PLACEHOLDER.sub(lambda placeholder: _filled(placeholder, words), place)
            for place in self.theirs.split("|")
        ]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        parts, start = [], 0
        for placeholder in _PLACEHOLDER.finditer(self.ours):
            name = placeholder[1]
            parts += [re.escape(self.ours[start : placeholder.start()])]
            parts += [f"(?P<{name}>{r'[0-9]+' if name in _NUMBERS else r'[A-Za-z_0-9]+'})"]
            start = placeholder.end()
        return re.compile("".join([*parts, re.escape(self.ours[start:])]))


def _filled(placeholder: re.Match[str], words: Mapping[str, str]) -> str:
    """Return the text of a placeholder in a name."""
    word = words.get(placeholder[1], placeholder[0])
    return str(int(word) + int(placeholder[2])) if placeholder[2] and word.isdigit() else word


@frozen
class Family:
    """A family of networks with the names of another library.

    Args:
        name: name of the family.
        library: the library that defines the names.
        rules: from our paths to theirs.
        ignored: patterns of names in the file that are irrelevant to the network, each with the reason.
        changes: for a layer kind the transform of its weight, if the library stores it differently from
            PyTorch's layers.
        is_own: whether arrays are stored exactly as in this library.
    """

    name: str
    library: str
    rules: tuple[NameRule, ...]
    ignored: tuple[tuple[str, str], ...] = ()
    changes: tuple[tuple[str, Transform], ...] = field(default=())
    is_own: bool = False

    def sources(
        self, path: str, forms: Collection[Form]
    ) -> Iterator[tuple[tuple[str, ...], tuple[Transform, ...]]]:
        """Yield the arrays in the file that may be one of ours, likelier ones first, with their transforms.

        Args:
            path: path of our parameter or state.
            forms: its possible forms in PyTorch.
        """
        if self.is_own:
            yield from (((f"{place}{path}",), ()) for place in ("parameter/", "state/", ""))
        for rule in self.rules:
            for place in rule.places(path):
                yield (place,), (rule.change,)
            for form in forms:
                for place in rule.places(form.module):
                    names = tuple(f"{place}.{name}" if place else name for name in form.names)
                    yield names, (self._change(form), rule.change)

    def _change(self, form: Form) -> Transform:
        """Return the transform of the layer kind, unless this library stores its weight differently."""
        is_weight = form.names[-1].endswith("weight")
        return dict(self.changes).get(form.kind, form.change) if is_weight else form.change


_SHARED: Text = "shared with the word embedding"
_POSITIONS: Text = "position indices"
_MASK: Text = "an attention mask"
_TASK: Text = "a head of another task"


def _rules(table: str) -> tuple[NameRule, ...]:
    """Return the rules of a table, one per line: our path, then theirs."""
    lines = (line.split() for line in table.strip().splitlines())
    return tuple(NameRule(ours, theirs) for ours, theirs in lines)


CHAINRULE = Family("chainrule", "chainrule", (), is_own=True)

RESNET = Family(
    "resnet",
    "torchvision",
    _rules("""
        conv1                          conv1
        norm1                          bn1
        stage{i}.block{j}.conv{k}      layer{i}.{j-1}.conv{k}
        stage{i}.block{j}.norm{k}      layer{i}.{j-1}.bn{k}
        stage{i}.block{j}.shortcut.conv  layer{i}.{j-1}.downsample.0
        stage{i}.block{j}.shortcut.norm  layer{i}.{j-1}.downsample.1
        head                           fc
    """),
)
ALEXNET = Family(
    "alexnet",
    "torchvision",
    _rules("""
        conv1   features.0
        conv2   features.3
        conv3   features.6
        conv4   features.8
        conv5   features.10
        dense6  classifier.1
        dense7  classifier.4
        head    classifier.6
    """),
)
VGG16 = Family(
    "vgg16",
    "torchvision",
    _rules("""
        conv1_1  features.0
        conv1_2  features.2
        conv2_1  features.5
        conv2_2  features.7
        conv3_1  features.10
        conv3_2  features.12
        conv3_3  features.14
        conv4_1  features.17
        conv4_2  features.19
        conv4_3  features.21
        conv5_1  features.24
        conv5_2  features.26
        conv5_3  features.28
        dense6   classifier.0
        dense7   classifier.3
        head     classifier.6
    """),
)
# A block without an expansion begins with its depthwise part, which then has index 0.
MOBILENET = Family(
    "mobilenet_v3",
    "torchvision",
    _rules("""
        conv1                    features.0.0
        norm1                    features.0.1
        block{i}.expand          features.{i}.block.0.0
        block{i}.expand_norm     features.{i}.block.0.1
        block{i}.depthwise       features.{i}.block.1.0|features.{i}.block.0.0
        block{i}.depthwise_norm  features.{i}.block.1.1|features.{i}.block.0.1
        block{i}.squeeze_excite.squeeze  features.{i}.block.2.fc1|features.{i}.block.1.fc1
        block{i}.squeeze_excite.excite   features.{i}.block.2.fc2|features.{i}.block.1.fc2
        block{i}.project         features.{i}.block.3.0|features.{i}.block.2.0|features.{i}.block.1.0
        block{i}.project_norm    features.{i}.block.3.1|features.{i}.block.2.1|features.{i}.block.1.1
        conv2                    features.12.0
        norm2                    features.12.1
        dense                    classifier.0
        head                     classifier.3
    """),
)
VIT = Family(
    "vit",
    "torchvision",
    (
        NameRule("token.weight", "class_token", UNSTACKED),
        NameRule("position.weight", "encoder.pos_embedding", UNSTACKED),
        *_rules("""
            patches                               conv_proj
            blocks.layer{i}.attention             encoder.layers.encoder_layer_{i-1}.self_attention
            blocks.layer{i}.attention_norm        encoder.layers.encoder_layer_{i-1}.ln_1
            blocks.layer{i}.feed_forward_norm     encoder.layers.encoder_layer_{i-1}.ln_2
            blocks.layer{i}.feed_forward.hidden   encoder.layers.encoder_layer_{i-1}.mlp.0
            blocks.layer{i}.feed_forward.output   encoder.layers.encoder_layer_{i-1}.mlp.3
            blocks.norm                           encoder.ln
            head                                  heads.head
        """),
    ),
)
VIT_HUGGINGFACE = Family(
    "vit",
    "huggingface",
    (
        NameRule("token.weight", "vit.embeddings.cls_token|embeddings.cls_token", UNSTACKED),
        NameRule(
            "position.weight", "vit.embeddings.position_embeddings|embeddings.position_embeddings", UNSTACKED
        ),
        NameRule("head", "classifier"),
        NameRule("head.pooler", "vit.pooler.dense|pooler.dense"),
        *(
            NameRule(ours, f"vit.{theirs}|{theirs}")
            for ours, theirs in {
                "patches": "embeddings.patch_embeddings.projection",
                "blocks.layer{i}.attention.output": "encoder.layer.{i-1}.attention.output.dense",
                "blocks.layer{i}.attention.{name}": "encoder.layer.{i-1}.attention.attention.{name}",
                "blocks.layer{i}.attention_norm": "encoder.layer.{i-1}.layernorm_before",
                "blocks.layer{i}.feed_forward_norm": "encoder.layer.{i-1}.layernorm_after",
                "blocks.layer{i}.feed_forward.hidden": "encoder.layer.{i-1}.intermediate.dense",
                "blocks.layer{i}.feed_forward.output": "encoder.layer.{i-1}.output.dense",
                "blocks.norm": "layernorm",
            }.items()
        ),
    ),
    ignored=(("*pooler.*", _TASK), ("classifier.*", _TASK)),
)
# GPT-2 stores every matrix as (in, out), and queries, keys and values side by side in one.
GPT2 = Family(
    "gpt2",
    "huggingface",
    (
        *(
            NameRule(f"blocks.layer{{i}}.attention.{name}", "h.{i-1}.attn.c_attn", part(number, 3))
            for number, name in enumerate(("query", "key", "value"), 1)
        ),
        *_rules("""
            words                                 wte
            position                              wpe
            blocks.layer{i}.attention.output      h.{i-1}.attn.c_proj
            blocks.layer{i}.attention_norm        h.{i-1}.ln_1
            blocks.layer{i}.feed_forward_norm     h.{i-1}.ln_2
            blocks.layer{i}.feed_forward.hidden   h.{i-1}.mlp.c_fc
            blocks.layer{i}.feed_forward.output   h.{i-1}.mlp.c_proj
            blocks.norm                           ln_f
        """),
    ),
    ignored=(("*lm_head.weight", _SHARED), ("*.attn.bias", _MASK), ("*.attn.masked_bias", _MASK)),
    changes=(("Dense", TRANSPOSED),),
)
BERT = Family(
    "bert",
    "huggingface",
    _rules("""
        words                                 embeddings.word_embeddings
        position                              embeddings.position_embeddings
        types                                 embeddings.token_type_embeddings
        norm                                  embeddings.LayerNorm
        norm.scale                            embeddings.LayerNorm.gamma
        norm.shift                            embeddings.LayerNorm.beta
        blocks.layer{i}.attention.{name}      encoder.layer.{i-1}.attention.self.{name}
        blocks.layer{i}.attention.output      encoder.layer.{i-1}.attention.output.dense
        blocks.layer{i}.attention_norm        encoder.layer.{i-1}.attention.output.LayerNorm
        blocks.layer{i}.attention_norm.scale  encoder.layer.{i-1}.attention.output.LayerNorm.gamma
        blocks.layer{i}.attention_norm.shift  encoder.layer.{i-1}.attention.output.LayerNorm.beta
        blocks.layer{i}.feed_forward.hidden   encoder.layer.{i-1}.intermediate.dense
        blocks.layer{i}.feed_forward.output   encoder.layer.{i-1}.output.dense
        blocks.layer{i}.feed_forward_norm     encoder.layer.{i-1}.output.LayerNorm
        blocks.layer{i}.feed_forward_norm.scale  encoder.layer.{i-1}.output.LayerNorm.gamma
        blocks.layer{i}.feed_forward_norm.shift  encoder.layer.{i-1}.output.LayerNorm.beta
        head.pooler                           pooler.dense
    """),
    ignored=(
        ("*position_ids", _POSITIONS),
        ("*pooler.*", _TASK),
        ("cls.*", _TASK),
        ("classifier.*", _TASK),
        ("qa_outputs.*", _TASK),
    ),
)


def _transformer(ours: str, theirs: str) -> tuple[NameRule, ...]:
    """Return the rules of a stack of ``torch.nn.Transformer``; its decoder layers have three norms."""
    return _rules(f"""
        {ours}layer{{i}}.attention              {theirs}layers.{{i-1}}.self_attn
        {ours}layer{{i}}.memory_attention       {theirs}layers.{{i-1}}.multihead_attn
        {ours}layer{{i}}.attention_norm         {theirs}layers.{{i-1}}.norm1
        {ours}layer{{i}}.memory_attention_norm  {theirs}layers.{{i-1}}.norm2
        {ours}layer{{i}}.feed_forward_norm      {theirs}layers.{{i-1}}.norm3|{theirs}layers.{{i-1}}.norm2
        {ours}layer{{i}}.feed_forward.hidden    {theirs}layers.{{i-1}}.linear1
        {ours}layer{{i}}.feed_forward.output    {theirs}layers.{{i-1}}.linear2
        {ours}norm                              {theirs}norm
    """)


TRANSFORMER = Family(
    "transformer",
    "torch",
    (
        *(
            rule
            for side in ("encoder.", "decoder.")
            for before in ("", "transformer.")
            for rule in _transformer(before + side, side)
        ),
        *_transformer("", ""),
    ),
)
FAMILIES: tuple[Family, ...] = (
    CHAINRULE,
    RESNET,
    ALEXNET,
    VGG16,
    MOBILENET,
    VIT,
    VIT_HUGGINGFACE,
    GPT2,
    BERT,
    TRANSFORMER,
)


def custom_family(table: Mapping[str, str]) -> Family:
    """Return a custom family, from a table of our paths and theirs: ``{"conv{i}": "features.{i-1}"}``."""
    return Family(CUSTOM, CUSTOM, tuple(NameRule(ours, theirs) for ours, theirs in table.items()))
