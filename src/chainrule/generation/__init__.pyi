# Written by python -m pages.stub from __init__.py.

from chainrule.generation.ctc_search import Transcript as Transcript
from chainrule.generation.ctc_search import search_ctc as search_ctc
from chainrule.generation.generator import Generated as Generated
from chainrule.generation.generator import generate as generate
from chainrule.generation.generator import stream_tokens as stream_tokens
from chainrule.generation.speech import SpeechOutput as SpeechOutput
from chainrule.generation.speech import padded_rows as padded_rows
from chainrule.generation.strategy import Greedy as Greedy
from chainrule.generation.strategy import MinP as MinP
from chainrule.generation.strategy import RepetitionPenalty as RepetitionPenalty
from chainrule.generation.strategy import STRATEGIES as STRATEGIES
from chainrule.generation.strategy import Strategy as Strategy
from chainrule.generation.strategy import SuppressTokens as SuppressTokens
from chainrule.generation.strategy import Temperature as Temperature
from chainrule.generation.strategy import TopK as TopK
from chainrule.generation.strategy import TopP as TopP
from chainrule.generation.strategy import strategies_of as strategies_of
from chainrule.generation.text import decoder_of as decoder_of
from chainrule.generation.text import generate_text as generate_text
from chainrule.generation.text import stream_text as stream_text
