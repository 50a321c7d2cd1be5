"""Connect four: a network learns the game from games against itself; an exact solver evaluates its moves.

Data: none; a network that predicts moves and values guides a tree search, and learns from the moves that the
search prefers and from the results. Baselines on the same problems: random moves, blocking, flat Monte Carlo,
alpha-beta search, and the search without a network.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chainrule.messages import in_language
from chainrule.metrics import SampledScore, mean_score
from chainrule.page import screen
from chainrule_examples import Count, Natural
from chainrule_examples.connect_four.alpha_beta_and_players import (
    AlphaBeta,
    FlatMonteCarlo,
    Player,
    Problems,
    block_and_center_columns,
    game,
    match,
    openings,
    problems,
)
from chainrule_examples.connect_four.display import NAMES, TEXTS, game_page, play_in_terminal
from chainrule_examples.connect_four.display import OPTIONS as OPTIONS
from chainrule_examples.connect_four.self_play import Form, Settings, evaluator, load_network, train_network
from chainrule_examples.connect_four.tree_search import Evaluate, PolicyPlayer, SearchPlayer, uniform
from chainrule_examples.score_table import Score, npz, print_scores, save_run

PROBLEMS, OPENINGS, SEED, VISITS, MORE_VISITS, PLAYOUTS = 400, 50, 2026, 100, 400, 700
KEEPS, WINS = "moves that keep the value", "games won against flat Monte Carlo"
QUICK = Form(32, 2, 400, 3, Settings(games=64, visits=40))
LONG = Form(32, 3, 700, 6, Settings(games=128, visits=64))


def measured(player: Player, tests: Problems) -> dict[str, SampledScore]:
    """The share of problems in which a player keeps the value, and of games that it wins."""
    results = match(player, FlatMonteCarlo(PLAYOUTS), openings(OPENINGS, 4, SEED))
    starts = np.tile(np.arange(OPENINGS), 2)  # of each game; two games are from the same position
    return {KEEPS: mean_score(tests.keeps_value(player)), WINS: mean_score(results == 1, starts)}


def compare(networks: list[Evaluate], tests: Problems, long: bool) -> list[Score]:
    """The scores of the baselines and of the networks, without and with search, which is long or not."""
    players: dict[str, list[Player]] = {
        "center": [block_and_center_columns],
        "flat": [FlatMonteCarlo(PLAYOUTS)],
        "classic": [AlphaBeta(6)],
        "deep": [AlphaBeta(10)],
        "search": [SearchPlayer(uniform, VISITS)],
        "alone": [PolicyPlayer(network) for network in networks],
        "net": [SearchPlayer(network, VISITS) for network in networks],
    }
    if long:
        players["more"] = [SearchPlayer(network, MORE_VISITS) for network in networks]
    scores = [Score.on_test_set(NAMES["random"], [{KEEPS: mean_score(tests.keeps_at_random())}])]
    for name, several in players.items():
        scores.append(Score.on_test_set(NAMES[name], (measured(player, tests) for player in several)))
    return scores


def main(
    lang: str = "en",
    long: bool = False,
    seeds: Count = 3,
    rounds: Natural = 0,
    play: bool = False,
    run: str = "",
    out: str = "",
) -> None:
    """Learn from self-play, evaluate on problems, and save the network of the first seed."""
    texts, form = in_language(TEXTS, lang), LONG if long else QUICK
    form = replace(form, rounds=rounds or form.rounds)
    models = [load_network(run)] if run else []
    if not play or not run or out:
        tests = problems(PROBLEMS, SEED)
        screen.line(texts["problems"].format(count=PROBLEMS))
        for seed in range(0 if run else 1 if play else seeds):
            models.append(train_network(form, tests, seed, texts["progress"]))
        networks = [evaluator(model) for model in models]
        scores = compare(networks, tests, long)
        print_scores(scores, lang, KEEPS, own=3 if long else 2)
        screen.block(texts["limits"])
        if out:
            boards = game(SearchPlayer(networks[0], VISITS), FlatMonteCarlo(PLAYOUTS))
            page = game_page(boards, networks[0], texts, lang)
            files = {"game.html": page, "positions.npz": npz(**tests.labeled_planes())}
            save_run(out, models[0], scores, files)
    if play:
        play_in_terminal(SearchPlayer(evaluator(models[0]), VISITS), texts)


if __name__ == "__main__":
    main()
