"""Recurrent layers: nets that read a sequence cell by cell and remember.

``reading`` holds what all of them share, the loop over time, masks and what is handed on; ``cell`` the three
kinds of memory; ``around`` the layers that arrange others: both directions, several floors, masks.
"""

from chainrule.nn.recurrent.cells import GRU, LSTM, RNN
from chainrule.nn.recurrent.conv_lstm import ConvLSTM
from chainrule.nn.recurrent.sequence_loop import Recurrent
from chainrule.nn.recurrent.wrappers import Bidirectional, Masking, Stacked

LAYERS = (RNN, LSTM, GRU, ConvLSTM, Bidirectional, Stacked, Masking)

__all__ = ["GRU", "LAYERS", "LSTM", "RNN", "Bidirectional", "ConvLSTM", "Masking", "Recurrent", "Stacked"]
