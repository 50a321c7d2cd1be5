"""Texts for a model that translates: a table with the column ``source``, and ``y`` with references."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from chainrule.data import Table, pad_sequences
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.readers.sources import read_source
from chainrule.data.sequences.tokenizer import BEGIN, END, PAD
from chainrule.errors import fact
from chainrule.escaping import quoted
from chainrule.generation import generate
from chainrule.generation.text import NO_TEXT
from chainrule.inputs.arrays import read_arrays
from chainrule.inputs.kind import TARGET, Evaluation, InputKind, InputRows, Output, is_archive, refuse_metrics
from chainrule.inputs.texts import empty_text, required, target_column
from chainrule.metrics.translations import chrf
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.symbolic_shape import bound

SOURCE, TRANSLATION = "source", "target"  # the inputs of an encoder-decoder network
FACT = "translation"
BATCH, MAX_BEAMS = 64, 64  # texts that are translated together


@frozen
class TranslationKind(InputKind):
    """Texts that a network of an encoder and a decoder translates.

    Args:
        beams: number of beams of the search; 1: greedy.
    """

    name = "translations"
    priority = 3  # by tokenizers and the network
    names_unlike = False
    beams: int = 1

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Return the kind of a model of tokens with the inputs ``source`` and ``target``."""
        network = model.network
        if network is None or model.preparation is not None or set(network.inputs) != {SOURCE, TRANSLATION}:
            return None
        outputs = network.inference.outputs.values()
        if model.tokenizers.get("") is None or [node.spec.rank for node in outputs] != [3]:
            return None
        stored = model.facts.get(FACT)
        beams = stored.get("num_beams", 1) if isinstance(stored, dict) else 1
        return cls(beams if type(beams) is int and 1 <= beams <= MAX_BEAMS else 1)

    def read(
        self, model: Model, data: Any, reading: ReadOptions, damaged: str = "refuse"
    ) -> InputRows | None:
        """Read an ``.npz`` file, see ``read_arrays``, or a table of texts."""
        return read_arrays(self, model, data) if is_archive(data) else super().read(model, data, reading)

    def open(self, model: Model, data: Any, reading: ReadOptions) -> Table | None:
        """Return a table with the column ``source`` (E313) and rows (E343)."""
        return None if is_archive(data) else required(read_source(data, reading), [SOURCE])

    def text_columns(self, model: Model) -> tuple[str, ...]:
        """Return the column of the texts to translate."""
        return (SOURCE,)

    def encode(self, model: Model, table: Table) -> InputRows:
        """Return the tokens of the texts, and the beginnings of the translations; E363: an empty text."""
        texts = table.words(SOURCE).cast(pl.String).fill_null("").to_list()
        empty = next((row for row, text in enumerate(texts) if not text.strip()), None)
        if empty is not None:
            raise empty_text(table, SOURCE, empty)
        y = None
        if TARGET in table.columns:
            y = np.array(table.words(TARGET).cast(pl.String).fill_null("").to_list(), object)
        return InputRows(self, self.inputs(model, texts), y, table.rows, table, np.array(texts, object))

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return the column that a table needs."""
        expected = fact('the column "{name}" with texts', name=SOURCE)
        return expected, f"chainrule predict {quoted(run)} texts.csv"

    def target_place(self, rows: InputRows, data: str) -> str:
        """Return the column of the translations."""
        return target_column()

    @property
    def facts(self) -> dict[str, Any]:
        """The number of beams."""
        return {FACT: {"num_beams": self.beams}}

    def options(self) -> str:
        """Return the options that apply."""
        return fact("translations: --out, --only-predictions, --raw")

    def output(self, model: Model, rows: InputRows, out: str | None) -> Output | None:
        """Return the translation of each text, empty where it is unlike the training; ``None`` for arrays."""
        if rows.parts is None:
            return None
        translations, is_like = np.full(rows.count, "", object), ~self.unlike(model, rows.x)
        translations[is_like] = self.translate(model, rows.parts[is_like].tolist())
        return Output({"prediction": translations}, out, is_by_row=True)

    def evaluation(self, model: Model, rows: InputRows, metrics: Sequence[str]) -> Evaluation | None:
        """Return chrF of the translations; ``None`` for arrays.

        Raises:
            UsageError E122: no translations to compare with. E601: ``metrics`` are requested.
        """
        if rows.parts is None:
            return None
        if rows.y is None:
            assert rows.cells is not None
            raise self.without_targets(rows, "RUN", rows.cells.source)
        refuse_metrics(metrics, "chrF")
        return Evaluation({"chrF": chrf(self.translate(model, rows.parts.tolist()), rows.y.tolist()).value})

    def attribution_target(self, model: Model, row: InputRows) -> tuple[int, int] | None:
        """Return the first token of the translation: why it begins so; ``None`` for arrays."""
        if row.parts is None:
            return None
        return 0, int(np.asarray(model(row.x))[0, 0].argmax())

    def translate(self, model: Model, texts: Sequence[str]) -> list[str]:
        """Return the translation of each text, as ``chainrule predict`` writes it.

        Args:
            model: recognized by this kind.
            texts: cut to the length of the input of the model.
        """
        source, outputs = self.inputs(model, texts)[SOURCE] if texts else (), []
        for start in range(0, len(source), BATCH):
            options = {"num_beams": self.beams, "stop": [END], "suppress_tokens": [*NO_TEXT]}
            inputs = {SOURCE: source[start : start + BATCH]}
            outputs += generate(model.decoder, [BEGIN], inputs=inputs, **options)
        return [model.tokenizers[""].decode(output.tokens) for output in outputs]

    def inputs(self, model: Model, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """Return the tokens of texts, (N, S), and of the beginnings of their translations, (N, T)."""
        assert model.network is not None
        lengths = {name: bound(spec.shape[1:])[0] for name, spec in model.network.inputs.items()}
        rows = model.tokenizers[""].encode_all(texts, ends=True)
        source = pad_sequences(rows, lengths[SOURCE], PAD, truncate=True).values
        begin = np.full((len(source), lengths[TRANSLATION]), PAD, source.dtype)
        begin[:, 0] = BEGIN
        return {SOURCE: source, TRANSLATION: begin}
