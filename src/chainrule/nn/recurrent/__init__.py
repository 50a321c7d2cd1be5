"""Recurrent layers: nets that read a sequence cell by cell and remember.

``reading`` holds what all of them share, the loop over time, masks and what is handed on; ``cell`` the three
kinds of memory; ``around`` the layers that arrange others: both directions, several floors, masks.
"""

from chainrule.nn.recurrent.around import Bidirectional, Masking, Stacked
from chainrule.nn.recurrent.cell import GRU, LSTM, RNN
from chainrule.nn.recurrent.images import ConvLSTM
from chainrule.nn.recurrent.reading import Recurrent

LAYERS = (RNN, LSTM, GRU, ConvLSTM, Bidirectional, Stacked, Masking)

__all__ = ["GRU", "LAYERS", "LSTM", "RNN", "Bidirectional", "ConvLSTM", "Masking", "Recurrent", "Stacked"]
