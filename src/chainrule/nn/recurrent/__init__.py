"""Recurrent layers: they read a sequence step by step and carry a state.

``sequence_loop`` holds what all of them share, the loop over time, masks and outputs; ``cells`` the three
kinds of cell; ``wrappers`` the layers that combine others: both directions, stacks, masks.
"""

from chainrule.nn.recurrent.bidirectional_and_stacked import Bidirectional, Masking, Stacked
from chainrule.nn.recurrent.rnn_lstm_and_gru import GRU, LSTM, RNN, ConvLSTM
from chainrule.nn.recurrent.sequence_loop import Recurrent

__all__ = ["GRU", "LSTM", "RNN", "Bidirectional", "ConvLSTM", "Masking", "Recurrent", "Stacked"]
