"""The texts of the example ``connect-four`` in English and Chinese."""

from __future__ import annotations

from chainrule.messages import Texts
from chainrule_examples import COMMON

OPTIONS: Texts = {
    "seeds": "number of trainings, with seeds 0, 1, ...; with --play the first one",
    "out": COMMON["out"],
    "long": "more games and a larger network",
    "play": "then play against the network in the terminal",
    "run": "folder of a saved network that is used instead of training",
    "rounds": "rounds of a training, a move in every game each; 0: chosen for the form",
}
TEXTS: Texts = {
    "progress": "seed {seed}, round {done}/{rounds}: {games:,} games, {rows:,} positions, loss {loss:.3f}",
    "problems": "{count} test positions of 16 to 29 stones with exact values, excluded from training",
    "limits": (
        "The test positions come from random moves and have at least 16 stones: the score does not\n"
        "measure openings. Connect four is solved: an exact solver makes no errors, the network does."
    ),
    "title": "Connect four: a network that learned from its own games",
    "game": "A game of the network (X) against flat Monte Carlo (O)",
    "numbers": "The numbers count the moves; blue: the network.",
    "curve": "Value for X after each move",
    "legend": "Line: estimate of the network. Dots: exact value from 16 stones on (1 win, 0 draw, -1 loss).",
    "start": "You are X and move first. Enter a column from 1 to 7; q ends the game.",
    "prompt": "column: ",
    "column": "expected a column from 1 to 7, received “{text}”; enter another one",
    "full": "column {column} is full; open: {open}",
    "values": "values for O by column: {values}",
    "plays": "network plays {column}",
    "X": "You win.",
    "O": "The network wins.",
    "draw": "Draw.",
    "end": "The game ends here.",
}
NAMES: Texts = {
    "random": "random",
    "center": "block and center",
    "flat": "flat Monte Carlo, 700 playouts",
    "search": "search of 100 visits without network",
    "alone": "network without search",
    "net": "network with search of 100 visits",
    "more": "network with search of 400 visits",
}
