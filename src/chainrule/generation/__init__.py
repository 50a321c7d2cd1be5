"""Text generation with a network that predicts the next token.

Input: a ``Decoder`` and the tokens of a prompt, or a model with a tokenizer and a text. Output: tokens or
text, complete or as a stream. This package never changes a network.

    cached_decoder.py             ``Decoder``, ``Cache``: the network run token by token
    sampling_and_beam_search.py   ``generate``, ``stream_tokens``: sampling, and beam search
    sampling_strategies.py        greedy, temperature, top-k, top-p: modify scores before a token is chosen
    options.py                    the options, checked
    text.py                       ``generate_text``, ``stream_text`` for a model with a tokenizer
    ctc_beam_search.py            the most probable texts of a network that is trained with ``cr.CTC``
    word_bigram.py                a language model for that search
    text_to_speech.py             texts as phonemes, and the outputs of a network as sounds
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "sampling_strategies": (
            "Greedy MinP RepetitionPenalty STRATEGIES Strategy SuppressTokens Temperature TopK TopP "
            "strategies_of"
        ),
        "text": "decoder_of generate_text stream_text",
        "sampling_and_beam_search": "Generated generate stream_tokens",
        "ctc_beam_search": "Transcript search_ctc",
        "word_bigram": "WordBigram WordPrior",
        "text_to_speech": "SpeechOutput padded_rows",
    },
)
__getattr__, __dir__ = _LAZY.hooks
