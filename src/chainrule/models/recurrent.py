"""Recurrent networks for sequences of words: text classifiers and language models."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.models.model_card import BATCH, ModelCard, chain, require_counts
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Sequential
from chainrule.nn.layers.dropout import Dropout
from chainrule.nn.layers.embedding import Embedding
from chainrule.nn.layers.linear import Dense
from chainrule.nn.recurrent import GRU, LSTM, Bidirectional, Masking, Stacked
from chainrule.symbolic_shape import Spec


def lstm_classifier(
    classes: int = 2,
    vocabulary_size: int = 20_000,
    width: int = 128,
    units: int = 64,
    depth: int = 2,
    dropout: float = 0.0,
) -> Sequential:
    """Build a text classifier: a bidirectional stack of LSTMs and a dense layer on the last states.

    The parameters by default: words 20,000 x 128 = 2,560,000; each of the two layers has two LSTMs, with the
    weights of four gates for 128 inputs and 64 states and a bias, 2 x 4 x 64 x (128 + 64 + 1) = 98,816; the
    head 2 x 128 + 2 = 258; in total 2,757,890.

    Shapes: integers (B, T) -> (B, classes). Words with index 0 are padding.

    Args:
        classes: number of classes.
        vocabulary_size: number of words.
        width: size of the word embedding.
        units: size of each hidden state.
        depth: number of stacked layers.
        dropout: dropout rate between two layers.

    Raises:
        UsageError E102: a number below 1.
        ShapeError E211: at run time, a word outside the vocabulary.

    Example:
        >>> print(lstm_classifier(classes=3, vocabulary_size=100, width=8, units=4, depth=1))
        Sequential(
          words: Embedding(100, 8, padding_index=0)
          reader: Masking(Stacked(Bidirectional(LSTM(4))))
          head: Dense(3)
        )

    Reference: Hochreiter and Schmidhuber (1997), Long short-term memory (Neural Computation 9); Graves and
    Schmidhuber (2005), Framewise phoneme classification with bidirectional LSTM (Neural Networks 18).
    """
    return _classifier("lstm_classifier", LSTM, (classes, vocabulary_size, width, units, depth), dropout)


def gru_classifier(
    classes: int = 2,
    vocabulary_size: int = 20_000,
    width: int = 128,
    units: int = 64,
    depth: int = 2,
    dropout: float = 0.0,
) -> Sequential:
    """Build a text classifier like ``lstm_classifier`` with GRUs: the weights of three gates, not four.

    The parameters by default: words 2,560,000; each layer 2 x (3 x 64 x (128 + 64 + 1) + 64) = 74,240, the
    last 64 of them a recurrent bias of the candidate state; the head 258; in total 2,708,738.

    Args:
        classes, vocabulary_size, width, units, depth, dropout: as for ``lstm_classifier``.

    Shapes, Raises: as ``lstm_classifier``.

    Reference: Cho and others (2014), Learning phrase representations using RNN encoder-decoder (EMNLP).
    """
    return _classifier("gru_classifier", GRU, (classes, vocabulary_size, width, units, depth), dropout)


def lstm_language_model(
    vocabulary_size: int = 10_000, width: int = 650, units: int = 650, depth: int = 2, dropout: float = 0.5
) -> Sequential:
    """Build a language model for words or characters: for each position the scores of the next word.

    The defaults are the medium network of Zaremba et al. The parameters: words 10,000 x 650 = 6,500,000; each
    of two layers 4 x 650 x (650 + 650 + 1) = 3,382,600; the scores 10,000 x 650 + 10,000 = 6,510,000; in
    total 19,775,200. For characters use, for example, ``lstm_language_model(vocabulary_size=65, width=32,
    units=128)``.

    Shapes: integers (B, T) -> (B, T, vocabulary_size).

    Args:
        vocabulary_size: number of words or characters.
        width, units, depth: as in ``lstm_classifier``.
        dropout: dropout rate of the word vectors, between two layers, and before the scores; never from one
            word to the next.

    Raises:
        UsageError E102: a number below 1.
        ShapeError E211: at run time, a word outside the vocabulary.

    Example:
        >>> print(lstm_language_model(vocabulary_size=65, width=32, units=128, dropout=0.0))
        Sequential(
          words: Embedding(65, 32)
          reader: Stacked(LSTM(128, returns='sequence'), LSTM(128, returns='sequence'))
          output: Dense(65)
        )

    Reference: Zaremba, Sutskever and Vinyals (2014), Recurrent neural network regularization.
    """
    return _language_model("lstm_language_model", LSTM, (vocabulary_size, width, units, depth), dropout)


def gru_language_model(
    vocabulary_size: int = 10_000, width: int = 650, units: int = 650, depth: int = 2, dropout: float = 0.5
) -> Sequential:
    """Build a language model like ``lstm_language_model``, with GRUs.

    The parameters by default: words 6,500,000; each layer 3 x 650 x (650 + 650 + 1) + 650 = 2,537,600; the
    scores 6,510,000; in total 18,085,200.

    Args:
        vocabulary_size, width, units, depth, dropout: as for ``lstm_language_model``.

    Shapes, Raises: as ``lstm_language_model``.

    Reference: Cho and others (2014), Learning phrase representations using RNN encoder-decoder (EMNLP).
    """
    return _language_model("gru_language_model", GRU, (vocabulary_size, width, units, depth), dropout)


def _classifier(name: str, cell: type[LSTM | GRU], sizes: tuple[int, ...], dropout: float) -> Sequential:
    classes, vocabulary_size, width, units, depth = sizes
    require_counts(
        name, classes=classes, vocabulary_size=vocabulary_size, width=width, units=units, depth=depth
    )
    both: list[Layer] = [Bidirectional(cell(units)) for _ in range(depth)]
    return Sequential(
        words=Embedding(vocabulary_size, width, padding_index=0),  # (B, T) -> (B, T, width)
        reader=Masking(Stacked(*both, dropout=dropout)),  # -> (B, 2 units)
        head=Dense(classes),
    )


def _language_model(name: str, cell: type[LSTM | GRU], sizes: tuple[int, ...], dropout: float) -> Sequential:
    vocabulary_size, width, units, depth = sizes
    require_counts(name, vocabulary_size=vocabulary_size, width=width, units=units, depth=depth)
    cells = [cell(units, returns="sequence") for _ in range(depth)]
    drop = Dropout(dropout) if dropout else None
    return chain(
        words=Embedding(vocabulary_size, width),  # (B, T) -> (B, T, width)
        words_dropout=drop,
        reader=Stacked(*cells, dropout=dropout),  # -> (B, T, units)
        reader_dropout=drop,
        output=Dense(vocabulary_size),  # -> (B, T, vocabulary_size)
    )


_LSTM = "Hochreiter and Schmidhuber (1997), Long short-term memory (Neural Computation 9)"
_GRU = "Cho and others (2014), Learning phrase representations using RNN encoder-decoder (EMNLP)"
_ZAREMBA = "Zaremba, Sutskever and Vinyals (2014), Recurrent neural network regularization"
_CLASSIFIER = (
    "{} 文本分类器",
    "Classifies texts: {}s read them in both directions.",
    "文本分类：{} 从两端读文本。",
    "{} + 2 x {} + {}: words, two layers, head",
)
_LANGUAGE_MODEL = (
    "{} 语言模型",
    "Continues a text: {}s predict the next word.",
    "续写文本：{} 逐词阅读并预测下一个词。",
    "{} + 2 x {} + {}: words, two layers, scores",
)


def _card(
    net: Callable[..., Layer], form: tuple[str, ...], counts: tuple[int, ...], reference: str
) -> ModelCard:
    """Return a card; the counts are those of the words, of one of two layers, and of the output layer."""
    cell = net.__name__.partition("_")[0].upper()
    chinese, *says, source = form
    words, layer, last = counts
    english, chinese_says = (text.format(cell) for text in says)
    return ModelCard(
        net,
        chinese.format(cell),
        (english, chinese_says),
        words + 2 * layer + last,
        source.format(*(f"{n:,}" for n in counts)),
        reference,
        {"x": Spec((BATCH, 35), "int64")},
    )


LSTM_CLASSIFIER = _card(lstm_classifier, _CLASSIFIER, (2_560_000, 98_816, 258), _LSTM)
GRU_CLASSIFIER = _card(gru_classifier, _CLASSIFIER, (2_560_000, 74_240, 258), _GRU)
LSTM_LANGUAGE_MODEL = _card(lstm_language_model, _LANGUAGE_MODEL, (6_500_000, 3_382_600, 6_510_000), _ZAREMBA)
GRU_LANGUAGE_MODEL = _card(gru_language_model, _LANGUAGE_MODEL, (6_500_000, 2_537_600, 6_510_000), _GRU)
