"""Translation: a small Transformer reads English and writes Chinese.

It learns from what programs say: the menus and messages of LibreOffice with their translations, some 17,000
pairs, or those of other programs in a folder of yours. One vocabulary of byte pairs serves both languages, so
every text can be read. Sentences that read alike stay together: none that is tested was learned from. What
needs no net is scored beside it: ``chainrule.apps.examples.translation_baseline``.

Reference: Vaswani et al. (2017), Attention is all you need (NeurIPS).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import chainrule as cr
from chainrule.apps.examples import Count
from chainrule.apps.examples.bleu import bleu_and_chrf, translated
from chainrule.apps.examples.sentence_pairs import Marked, Pairs, pair_rows, read_pairs, split_pairs
from chainrule.apps.examples.translation_baseline import rivals
from chainrule.data.sequences.tokenizer import PAD

OPTIONS = {
    "text": ("a sentence to translate", "要翻译的句子"),
    "data": ("a folder with zh_CN/LC_MESSAGES/*.mo at any depth", "含 zh_CN/LC_MESSAGES/*.mo 的文件夹"),
    "long": ("a larger net that learns longer", "用更大的网络，训练更久"),
    "epochs": ("passes over the pairs at most; 0: what suits the net", "最多训练多少轮；0 表示按网络选择"),
    "beams": ("how many translations are kept in view; 1: greedy", "束搜索的宽度；1 表示贪心"),
    "model": ("the model's file: read if there is one, else written", "模型文件：已有则读取，否则训练后写入"),
}
SAYS = {
    "data": ("{0:,} pairs to learn from, {1:,} to choose by, {2:,} to be judged by; left out: {dropped}",
             "训练 {0:,} 对，验证 {1:,} 对，测试 {2:,} 对；未采用：{dropped}"),
    "size": ("{size:,} parameters, {epochs} epochs; BLEU and chrF of the test sentences",
             "{size:,} 个参数，训练 {epochs} 轮；测试句的 BLEU 与 chrF"),
    "copy": ("the English, copied", "照抄英文"),
    "memory": ("the translation of the nearest sentence", "最相近句子的译文"),
    "lexicon": ("a dictionary and phrases", "词典与短语"),
    "net": ("the Transformer", "Transformer"),
    "samples": ("English | reference | dictionary | Transformer", "英文 | 参考译文 | 词典 | Transformer"),
}  # fmt: skip
LENGTH = 64  # tokens of a sentence at most


class Recipe(NamedTuple):
    """How large the net is and how it is taught."""

    net: dict[str, Any]  # options of ``cr.models.transformer``
    vocabulary: int
    epochs: int
    warm: int  # updates until the rate is highest


QUICK = Recipe({"width": 128, "depth": 2, "heads": 4}, 3000, 10, 400)
LONG = Recipe({"width": 256, "depth": 3, "heads": 8, "dropout": 0.2}, 5000, 16, 1000)


def learn(train: Pairs, held: Pairs, recipe: Recipe, epochs: int = 0) -> cr.Model:
    """A trained net."""
    tokenizer = cr.Tokenizer.learn([*train.sources, *train.targets], "byte_pair", recipe.vocabulary)
    net = cr.models.transformer(vocabulary_size=tokenizer.size, norm_first=True, **recipe.net)
    adam = cr.Adam(cr.Noam(recipe.net["width"], warmup_steps=recipe.warm, scale=0.7), beta2=0.98)
    loss = cr.CrossEntropy(ignore_index=PAD, label_smoothing=0.1)
    model = cr.Model(net, loss, adam, metrics=[], tokenizer=tokenizer)
    (x, y), validation = (pair_rows(pairs, tokenizer, LENGTH) for pairs in (train, held))
    model.fit(x, y, validation=validation, epochs=epochs or recipe.epochs,
              batch_size=32, buckets=8, callbacks=[cr.EarlyStopping(patience=3)])  # fmt: skip
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    return model


def main(lang: str = "en", text: str = "Open the file", data: str = "", long: bool = False,
         epochs: int = 0, beams: Count = 4, model: str = "") -> None:  # fmt: skip
    """Train and judge once, or read the model; translate a sentence."""
    say = {key: pair[lang == "zh"] for key, pair in SAYS.items()}
    if model and Path(model).is_file():
        net = cr.load(model)
    else:
        score, pairs = bleu_and_chrf(), read_pairs(data or None)
        train, held, test = split_pairs(pairs)
        print(say["data"].format(len(train), len(held), len(test), dropped=pairs.dropped), flush=True)
        net = learn(train, held, LONG if long else QUICK, epochs)
        size, epochs = sum(array.size for array in net.parameters().values()), len(net.history)
        print(say["size"].format(size=size, epochs=epochs), flush=True)
        said = rivals(train, test.sources, net.tokenizers[""])
        said["net"] = translated(net, test.sources, beams)  # the test is judged only here
        for name, texts in said.items():
            print("  {}: {:.1f}, {:.1f}".format(say[name], *score(texts, test.targets)))
        print(f"\n{say['samples']}")
        lines = list(zip(test.sources, test.targets, said["lexicon"], said["net"], strict=True))
        print(*(" | ".join(line) for line in lines[:: -(-len(lines) // 12)]), sep="\n")
        if model:
            net.save(model)
    marked = Marked.of(text)
    print(f"\n{text}\n{marked.restored(str(net.generate(marked.text, num_beams=beams)))}")


if __name__ == "__main__":
    main()
