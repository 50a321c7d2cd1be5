"""microgpt: a GPT of four thousand numbers learns to invent names, and one training step is derived in full.

The network is that of a program of 200 lines in pure Python: one block of 4 heads, 16 channels, RMSNorm, no
biases, and a character as a token. Reference: Karpathy (2026), microgpt.
"""

from __future__ import annotations

import time

import numpy as np

import chainrule as cr
from chainrule.data import PAD
from chainrule.events import EpochDone, Event
from chainrule.messages import in_language
from chainrule_examples import Count, first_names
from chainrule_examples.first_names import LENGTH, TEXTS, Names, baseline_scores, perplexity, read_names
from chainrule_examples.first_names import OPTIONS as OPTIONS
from chainrule_examples.score_table import Score, npz, print_scores, save_run

BATCH, EPOCHS, SMALL = 128, 30, cr.SmallNormal(0.08)  # names per step; epochs; initial vectors


def build(size: int, width: int, depth: int) -> cr.Layer:
    """The scores of the next token for each token: (B, T) -> (B, T, size)."""
    norm = cr.RMSNorm(scale=False)
    block = cr.TransformerEncoderLayer(
        4,
        units=4 * width,
        activation="relu",
        dropout=0.0,
        norm_first=True,
        norm=norm,
        bias=False,
        causal=True,
    )
    words, position = cr.Embedding(size, width, weight_initializer=SMALL), cr.LearnedPosition(LENGTH)
    blocks, output = cr.TransformerEncoder(block, depth), cr.Dense(size, bias=False)
    return cr.Sequential(words=words, position=position, norm=norm, blocks=blocks, output=output)


def train_network(names: Names, seed: int, epochs: int, long: bool) -> tuple[cr.Model, float]:
    """Train a network; returns it with the tokens per CPU second of the fastest epoch, with validation."""
    (width, depth, learning_rate), ends = (64, 2, 0.003) if long else (16, 1, 0.02), []
    loss = cr.CrossEntropy(ignore_index=PAD)
    optimizer = cr.Adam(cr.OneCycle(learning_rate), beta1=0.85, beta2=0.99)
    net = build(names.tokenizer.size, width, depth)
    model = cr.Model(net, loss, optimizer, metrics=[], tokenizer=names.tokenizer)

    def on_event(event: Event) -> None:
        if isinstance(event, EpochDone):
            ends.append(time.process_time())

    model.fit(
        *names.rows[0],
        validation=names.rows[1],
        epochs=epochs or EPOCHS,
        batch_size=BATCH,
        buckets=4,
        seed=seed,
        callbacks=[on_event, cr.EarlyStopping(patience=5)],
        probes=False,
    )
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    return model, int((names.rows[0][1] != PAD).sum()) / max(float(np.diff(ends).min(initial=np.inf)), 1e-9)


def main(
    lang: str = "en", data: str = "", long: bool = False, seeds: Count = 3, epochs: int = 0, out: str = ""
) -> None:
    """Train networks, evaluate once on the test names, invent names, and derive one training step."""
    texts, names, models = in_language(TEXTS, lang), read_names(data), []
    print(texts["data"].format(*map(len, names.parts)), flush=True)
    for seed in range(seeds):
        model, speed = train_network(names, seed, epochs, long)
        models.append(model)
        facts = {"size": sum(a.size for a in model.parameters().values()), "epochs": len(model.history)}
        print(texts["done"].format(seed=seed, speed=speed, **facts), flush=True)
    print(texts["speed"].format(batch=BATCH))
    runs = [{"perplexity": perplexity(*first_names.losses_of(model, *names.rows[2]))} for model in models]
    scores = [*baseline_scores(names), Score.on_test_set("GPT", runs)]  # the only use of the test names
    print_scores(scores, lang, "perplexity")
    invented = list(models[0].generate("", samples=100, seed=0))
    share = len(set(invented).difference(*names.parts)) / len(set(invented))
    print(texts["names"].format(share=share, names=", ".join(invented[:20])), texts["note"], sep="\n")
    x, y = (array[:1] for array in names.rows[0])
    print(f"\n{names.parts[0][0]}: {models[0].explain(x, y, depth=1, lang=lang)}")
    if out:
        files = {
            "step.html": models[0].explain(x, y, depth=3, lang=lang).to_html(),
            "names.npz": npz(x=names.rows[2][0], y=names.rows[2][1]),
        }
        save_run(out, models[0], scores, files)


if __name__ == "__main__":
    main()
