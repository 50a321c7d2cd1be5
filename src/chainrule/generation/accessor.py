"""``model.generation``: the methods that generate text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Unpack

from chainrule import generation  # lazy: a program that only trains never loads what generates
from chainrule.errors import explain_method_calls
from chainrule.train.model_base import MethodGroup

if TYPE_CHECKING:
    from chainrule.generation.cached_decoder import Decoder
    from chainrule.generation.text import TextOptions


@explain_method_calls("model", "Model")
class Generation(MethodGroup):
    """Text that a model generates."""

    name = "generation"

    def generate(
        self, text: str = "", max_new_tokens: int | None = None, **options: Unpack[TextOptions]
    ) -> str | list[str]:
        """Generate text: a continuation of yours, or, with an encoder-decoder network, a translation.

        Args:
            text: the prompt, or the text to translate.
            max_new_tokens: maximum number of new tokens; by default the length of context of the training.
            options: those of ``cr.generate``: ``temperature=0.8``, ``top_k=50``, ``top_p=0.9``, ``min_p``,
                ``repetition_penalty``, ``greedy=True``, ``num_beams=4`` with ``length_penalty``,
                ``samples=1``, ``seed=0``, ``stop=()`` (numbers or texts of one token, such as ``"。"``; the
                end of a text always stops), ``min_new_tokens``, ``suppress_tokens``, ``strategy``,
                ``callback``; and ``begin=True``: whether training texts began with the start token.

        Returns:
            the text, prompt included; a list of texts where ``samples`` is more than 1.

        Raises:
            UsageError E126: a model without a tokenizer, or one that is not trained yet.
            DataError E365: characters outside the vocabulary; all are listed with their positions.
            ShapeError E229: a text longer than the context. Otherwise as ``cr.generate``.
        """
        return generation.generate_text(self.state, text, max_new_tokens, **options)

    def stream(
        self, text: str = "", max_new_tokens: int | None = None, **options: Unpack[TextOptions]
    ) -> Iterator[str]:
        """Yield the text of ``generate`` in pieces: first the prompt, then token by token.

        Args:
            text, max_new_tokens, options: as in ``generate``; one sample, and no beams.

        Raises:
            UsageError E102, E124: several samples; a beam search. Otherwise as ``generate``.
        """
        return generation.stream_text(self.state, text, max_new_tokens, **options)

    @property
    def decoder(self) -> Decoder:
        """The decoder: runs the model token by token with a cache, for ``cr.generate`` and custom loops.

        Raises:
            UsageError E126: the model is not trained yet, or its inputs are not sequences of tokens.
        """
        return generation.decoder_of(self.state)
