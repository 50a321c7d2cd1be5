"""Tang poems: a small GPT learns to guess the next character, and writes poems of its own.

From some 250 poems, which is very little, a small net with much dropout learns until it gets no better on
poems it does not learn from; ``--data FOLDER`` gives a larger one 50,000 (npm's ``chinese-poetry``). Rare
characters are one token, judged like any other and never written.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

import numpy as np

import chainrule as cr
from chainrule.apps.examples.ngram import NGram, best_order
from chainrule.apps.examples.poem_corpus import PUNCTUATION, Poem, read_poems, split_poems
from chainrule.data.sequences.tokenizer import END, PAD, UNKNOWN

OPTIONS = {
    "data": ("the folder of the npm package chinese-poetry", "npm 包 chinese-poetry 所在的文件夹"),
    "first": ("what the poems begin with", "诗的开头"),
    "acrostic": ("characters that begin the lines of one more poem", "藏头诗的各行首字"),
    "epochs": ("passes over the poems at most; 0: what suits them", "最多训练多少轮；0 表示按数据选择"),
    "seed": ("decides the split, the training and the poems", "决定数据划分、训练和所写的诗"),
    "out": ("a file for the model, for chainrule generate", "保存模型的文件，供 chainrule generate 使用"),
}
SAYS = {
    "data": ("{0} poems to learn from, {1} to choose by, {2} to be judged by; {size} tokens, {rare:.1%} rare",
             "训练 {0} 首，验证 {1} 首，测试 {2} 首；{size} 个词元，罕见字占 {rare:.1%}"),
    "gpt": ("GPT, {size:,} parameters, {epochs} epochs", "GPT，{size:,} 个参数，训练 {epochs} 轮"),
    "head": ("Nats per character (perplexity): validation, test", "每字损失（nat）与困惑度：验证集，测试集"),
    "unigram": ("single characters", "单字频率"),
    "ngram": ("{order}-gram model, Kneser-Ney", "{order} 元模型（Kneser-Ney）"),
}  # fmt: skip


class Recipe(NamedTuple):
    """How large the net is and how it is taught."""

    stack: dict[str, int]
    dropout: float
    epochs: int
    batch: int
    least: int  # characters seen less often have no token of their own
    held: float  # the part of the poems for validation, and for the test


QUICK = Recipe({"width": 96, "depth": 2, "heads": 4}, 0.3, 24, 16, 2, 0.1)
LONG = Recipe({"width": 192, "depth": 4, "heads": 6}, 0.1, 4, 64, 5, 0.05)
LENGTH = 65  # characters that the net looks back at most: eight lines of seven
WAYS = (cr.Temperature(0.8), cr.TopP(0.9))


def acrostic_of(model: cr.Model, heads: str, seed: int) -> str:
    """A poem whose lines begin with these characters."""
    marks, text = [mark for mark in PUNCTUATION if mark in model.tokenizers[""].tokens], ""
    options = {"stop": marks, "min_new_tokens": 4, "suppress_tokens": [END], "seed": seed, "strategy": WAYS}
    for head in heads:
        text = str(model.generate(text + head, **options))
    return text


def main(lang: str = "en", data: str = "", first: str = "", acrostic: str = "",
         epochs: int = 0, seed: int = 0, out: str = "") -> None:  # fmt: skip
    """Train, judge once, write poems."""
    say, recipe = {key: pair[lang == "zh"] for key, pair in SAYS.items()}, LONG if data else QUICK
    poems = split_poems(read_poems(data or None), recipe.held, seed)
    parts = [[poem.text for poem in part] for part in poems]
    size = 4 + sum(times >= recipe.least for times in Counter("".join(parts[0])).values())
    tokenizer = cr.Tokenizer.learn(parts[0], "character", size)
    tokenizer.encode(first + acrostic, unknown=False)  # refused now, not after the training
    texts = [tokenizer.encode_all(part, ends=True) for part in parts]
    rare = np.mean(np.concatenate(texts[1]) == UNKNOWN)
    print(say["data"].format(*map(len, parts), size=size, rare=rare), flush=True)
    net = cr.models.gpt2("small", size, LENGTH, recipe.dropout, **recipe.stack)
    optimizer, loss = cr.AdamW(cr.OneCycle(2e-3), weight_decay=0.1), cr.CrossEntropy(ignore_index=PAD)
    model = cr.Model(net, loss, optimizer, metrics=[], clip=cr.ClipGlobalNorm(1.0), tokenizer=tokenizer)
    (x, y), *held = (cr.text_rows(part, LENGTH) for part in texts)
    model.fit(x, y, validation=held[0], epochs=epochs or recipe.epochs, seed=seed,
              batch_size=recipe.batch, buckets=13, callbacks=[cr.EarlyStopping(patience=5)])  # fmt: skip
    name = say["gpt"].format(size=sum(p.size for p in model.parameters().values()), epochs=len(model.history))
    scores = {name: [model.evaluate(*part)["loss"] for part in held]}  # the test poems are judged only here
    after = [[text[1:] for text in part] for part in texts]
    ngram, unigram = best_order(after[0], after[1], size), NGram(after[0], 1, size)
    for name, rival in (("ngram", ngram), ("unigram", unigram)):
        scores[say[name].format(order=rival.order)] = [rival.loss(part) for part in after[1:]]
    print(say["head"])
    for name, losses in scores.items():
        print(f"  {name}: " + ", ".join(f"{nats:.3f} ({math.exp(nats):.0f})" for nats in losses))
    written = [*model.generate(first, samples=3, seed=seed, strategy=WAYS)]
    for text in [*written, acrostic_of(model, acrostic, seed)] if acrostic else written:
        print("", *Poem("", "", text).lines, sep="\n")
    if out:
        model.save(out)


if __name__ == "__main__":
    main()
