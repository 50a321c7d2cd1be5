# Written by python -m pages.stub from __init__.py.

from chainrule.train.generation.generator import Generated as Generated
from chainrule.train.generation.generator import generate as generate
from chainrule.train.generation.generator import stream_tokens as stream_tokens
from chainrule.train.generation.strategy import Greedy as Greedy
from chainrule.train.generation.strategy import MinP as MinP
from chainrule.train.generation.strategy import RepetitionPenalty as RepetitionPenalty
from chainrule.train.generation.strategy import STRATEGIES as STRATEGIES
from chainrule.train.generation.strategy import Strategy as Strategy
from chainrule.train.generation.strategy import SuppressTokens as SuppressTokens
from chainrule.train.generation.strategy import Temperature as Temperature
from chainrule.train.generation.strategy import TopK as TopK
from chainrule.train.generation.strategy import TopP as TopP
from chainrule.train.generation.strategy import strategies_of as strategies_of
from chainrule.train.generation.text import decoder_of as decoder_of
from chainrule.train.generation.text import generate_text as generate_text
from chainrule.train.generation.text import stream_text as stream_text
