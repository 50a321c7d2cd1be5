"""The example of the article: a network of 2 inputs, 3 hidden neurons and 1 output, derived in full.

The derivation contains the forward pass, the loss, all 13 partial derivatives by the chain rule with their
values, the update, and a check of each derivative by finite differences. It is generated from the graph, as
by ``model.explain`` for any other network.
"""

from __future__ import annotations

from chainrule.derive.article import article

OPTIONS = {
    "depth": ("1: one line, 2: a page, 3: every number", "1 一句话，2 一页，3 所有数字"),
    "samples": ("number of samples, 1 or 2", "样本数，1 或 2"),
}


def main(lang: str = "en", depth: int = 2, samples: int = 1) -> None:
    """Print the derivation.

    Args:
        lang: ``"en"`` or ``"zh"``.
        depth: 1: one line per step, 2: a page, 3: every number.
        samples: number of training samples, 1 or 2; gradients are averaged.
    """
    print(article(lang, depth, samples))


if __name__ == "__main__":
    main()
