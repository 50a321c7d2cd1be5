"""Speech recognition: convolutions and recurrent layers transcribe utterances of unknown speakers.

Letters, spaces and blanks get scores every 40 ms; CTC sums over all alignments. Reference: Graves et al.
(2006), Connectionist temporal classification (ICML).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import typer

import chainrule as cr
from chainrule.messages import Text, in_language
from chainrule_examples.listen.spoken_digits import recognize_digits
from chainrule_examples.listen.transcripts import GREEDY as GREEDY_SEARCH
from chainrule_examples.listen.transcripts import choose_search, nearest_texts, rates_of, transcript_page
from chainrule_examples.listen.utterances import MAX_LABELS, STRIDE, SYMBOLS, TEXTS, Utterances, read_parts
from chainrule_examples.listen.utterances import OPTIONS as OPTIONS
from chainrule_examples.score_table import Score, credit_line, npz, print_scores, save_run

EMPTY, GREEDY = "empty text", "most probable path"
NEAREST: Text = "text of the nearest recording, aligned in time"
BEAM: Text = "beam search with a word bigram"
Seeds = Annotated[int, typer.Option(min=0)]
QUICK, LONG = (96, 1, 25), (160, 2, 60)  # channels, recurrent layers, epochs


def train_network(training: Utterances, valid: Utterances, seed: int, epochs: int, long: bool) -> cr.Model:
    """Train a network; targets begin with the number of frames that count."""
    channels, depth, usual_epochs = LONG if long else QUICK
    layers: list[cr.Layer] = []
    for _ in range(2):  # (B, T, C) -> (B, T / 2, C)
        layers += [cr.Conv(channels, 5, stride=2, padding="same", activation="relu"), cr.Dropout(0.2)]
    for _ in range(depth):  # -> (B, T, 2 C)
        layers += [cr.Bidirectional(cr.GRU(channels, returns="sequence")), cr.Dropout(0.2)]
    loss = cr.CTC(max_target_length=MAX_LABELS, time_major=True)
    optimizer, clip = cr.AdamW(cr.OneCycle(4e-3)), cr.ClipGlobalNorm(5.0)
    model = cr.Model(cr.Sequential(*layers, cr.Dense(len(SYMBOLS))), loss, optimizer, metrics=[], clip=clip)
    model.fit(
        training.x,
        training.y,
        validation=(valid.x, valid.y),
        epochs=epochs or usual_epochs,
        batch_size=16,
        buckets=40 * STRIDE,
        seed=seed,
    )
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    return model


def main(
    *,
    lang: str = "en",
    digits: bool = False,
    data: str = "",
    long: bool = False,
    seeds: Seeds = 0,
    epochs: int = 0,
    out: str = "",
) -> None:
    """Train networks, choose the language model's weight on validation utterances, and evaluate once."""
    if digits:
        recognize_digits(lang, data, long, seeds or 3, epochs, out)
        return
    texts, parts = in_language(TEXTS, lang), read_parts(data)
    people = [len(np.unique(part.speakers)) for part in parts]
    print(texts["data"].format(*(len(part.texts) for part in parts), *people), flush=True)
    training, validation, test = parts
    models, searches = [], []
    for seed in range(seeds or 1):
        models.append(model := train_network(training, validation, seed, epochs, long))
        searches.append(search := choose_search(model, training.texts, validation))
        search.attach(model)
        size = sum(array.size for array in model.parameters().values())
        spoken = [kind.transcribe(model, validation.x) for kind in (GREEDY_SEARCH, search)]
        greedy, beam = (rates_of(own, validation)["WER"].value for own in spoken)
        print(texts["done"].format(seed=seed, size=size, greedy=greedy, beam=beam), flush=True)
    transcripts = {
        EMPTY: [[""] * len(test.texts)],
        NEAREST: [nearest_texts(test, training)],
        GREEDY: [GREEDY_SEARCH.transcribe(model, test.x) for model in models],
        BEAM: [own.transcribe(model, test.x) for own, model in zip(searches, models, strict=True)],
    }
    scores = [
        Score.on_test_set(name, (rates_of(own, test) for own in every)) for name, every in transcripts.items()
    ]
    print_scores(scores, lang, "WER", own=2)
    print(texts["note"], credit_line("speech", lang), sep="\n")
    if out:
        page = transcript_page(test, transcripts[GREEDY][0], transcripts[BEAM][0], lang)
        files = {"transcripts.html": page, "test.npz": npz(x=test.x, y=test.y)}
        save_run(out, models[0], scores, files, known=(training.x, validation.x))


if __name__ == "__main__":
    main()
