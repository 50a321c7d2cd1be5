"""The article's own example: a network of 2 inputs, 3 hidden neurons and 1 output, derived in full.

Forward, the loss, every one of the 13 partial derivatives by the chain rule with its numbers, the update, and
a check of each derivative by a small step. Nothing here knows the network: the derivation is made from its
graph, as ``model.explain`` does it for any other.
"""

from __future__ import annotations

from chainrule.derive.article import article

OPTIONS = {
    "depth": ("1 one line, 2 a page, 3 every number", "1 一句话，2 一页，3 所有数字"),
    "samples": ("one sample or two", "一个或两个样本"),
}


def main(lang: str = "en", depth: int = 2, samples: int = 1) -> None:
    """Print the derivation.

    Args:
        lang: ``"en"`` or ``"zh"``.
        depth: 1 one line for each step, 2 a page, 3 every number.
        samples: one training sample, or two, whose gradients are averaged.
    """
    print(article(lang, depth, samples))


if __name__ == "__main__":
    main()
