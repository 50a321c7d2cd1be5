"""The example of the article: a network of 2 inputs, 3 hidden units and 1 output, derived in full.

The derivation contains the forward pass, the loss, all 13 partial derivatives by the chain rule with their
values, the update, and a check of each derivative by finite differences. It is generated from the graph, as
by ``model.explain`` for any other network.
"""

from __future__ import annotations

from chainrule.apps.cli.texts import text_of
from chainrule.derive.article import article
from chainrule.messages import Texts
from chainrule.store import atomic_write

OPTIONS: Texts = {
    "depth": "1: one line, 2: a page, 3: every number",
    "samples": "number of samples, 1 or 2",
    "html": "write an HTML page to this file",
}


def main(lang: str = "en", depth: int = 2, samples: int = 1, html: str = "") -> None:
    """Print the derivation, or write it as a page.

    Args:
        lang: ``"en"`` or ``"zh"``.
        depth: 1: one line per step, 2: a page, 3: every number.
        samples: number of training samples, 1 or 2; gradients are averaged.
        html: file for a page.
    """
    explanation = article(lang, depth, samples)
    if not html:
        print(explanation)
        return
    atomic_write.write(html, explanation.to_html().encode())
    print(text_of("page_written").format(file=html))


if __name__ == "__main__":
    main()
