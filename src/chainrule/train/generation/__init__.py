"""Writing: a net that guesses the next token, asked again and again.

In: a ``Decoder`` and the tokens a text begins with, or a model with a tokenizer and a text. Out: tokens or
texts, all at once or as they come. This room never runs a net itself and never changes one.

    generate, stream_tokens, Generated    writing.py    texts from a net, whole or token by token
      Request, Ways                       request.py    what was asked for, checked
      Greedy, Temperature, TopK, TopP     strategy.py   how the scores are changed before a token is chosen
      drawn                               sampling.py   drawing, keyed by seed, prompt, sample and place
      searched                            beam.py       beam search
    generate_text, stream_text            text.py       the same for a model with a tokenizer
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "strategy": (
            "Greedy MinP RepetitionPenalty STRATEGIES Strategy SuppressTokens Temperature TopK TopP "
            "strategies_of"
        ),
        "text": "decoder_of generate_text stream_text",
        "generator": "Generated generate stream_tokens",
    },
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return _LAZY.names
