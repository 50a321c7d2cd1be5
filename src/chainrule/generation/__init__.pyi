# Written by python -m pages.stub from __init__.py.

from chainrule.generation.ctc_beam_search import Transcript as Transcript
from chainrule.generation.ctc_beam_search import search_ctc as search_ctc
from chainrule.generation.sampling_and_beam_search import Generated as Generated
from chainrule.generation.sampling_and_beam_search import generate as generate
from chainrule.generation.sampling_and_beam_search import stream_tokens as stream_tokens
from chainrule.generation.sampling_strategies import Greedy as Greedy
from chainrule.generation.sampling_strategies import MinP as MinP
from chainrule.generation.sampling_strategies import RepetitionPenalty as RepetitionPenalty
from chainrule.generation.sampling_strategies import STRATEGIES as STRATEGIES
from chainrule.generation.sampling_strategies import Strategy as Strategy
from chainrule.generation.sampling_strategies import SuppressTokens as SuppressTokens
from chainrule.generation.sampling_strategies import Temperature as Temperature
from chainrule.generation.sampling_strategies import TopK as TopK
from chainrule.generation.sampling_strategies import TopP as TopP
from chainrule.generation.sampling_strategies import strategies_of as strategies_of
from chainrule.generation.text import decoder_of as decoder_of
from chainrule.generation.text import generate_text as generate_text
from chainrule.generation.text import stream_text as stream_text
from chainrule.generation.text_to_speech import SpeechOutput as SpeechOutput
from chainrule.generation.text_to_speech import padded_rows as padded_rows
from chainrule.generation.word_bigram import WordBigram as WordBigram
from chainrule.generation.word_bigram import WordPrior as WordPrior
