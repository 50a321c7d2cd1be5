"""The example of the article: a network of 2 inputs, 3 hidden units and 1 output, derived in full.

The derivation contains the forward pass, the loss, all 13 partial derivatives by the chain rule with their
values, the update, and a check of each derivative by finite differences. It is generated from the graph, for
any network: ``model.explain`` has no special case for this one.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import typer

import chainrule as cr
from chainrule.messages import Texts, translated
from chainrule.store import atomic_write
from chainrule_examples.article_class import print_results
from chainrule_examples.article_page import article_page
from chainrule_examples.article_sheet import WRITTEN, print_exercise

OPTIONS: Texts = {
    "depth": "1: one line, 2: a page, 3: every number; with --html, the derivation as a page",
    "samples": "number of samples, 1 or 2",
    "html": "write a page to this file on which inputs, weights and learning rate can be changed",
    "exercise": "print an exercise: one training step of a random network, to be computed on paper",
    "seed": "number of the exercise",
    "sheet": "write the exercise to this new text file, with a line for each answer",
    "grade": "grade the answers of a sheet, or of a folder of sheets; a wrong number is explained",
    "csv": "with --grade FOLDER: write the grades to this file, a row for each student",
    "solution": "print the solution of an exercise",
}
X = np.array([[1.0, 0.5], [-0.5, 2.0]])
Y = np.array([[1.0], [0.0]])
PARAMETERS = {
    "dense1.weight": [[0.1, 0.4], [-0.3, 0.2], [0.5, -0.6]],
    "dense1.bias": [0.1, -0.1, 0.3],
    "dense2.weight": [[0.7, -0.5, 0.3]],
    "dense2.bias": [0.05],
}


def network() -> cr.Model:
    """The network of the article, with its parameters."""
    net = cr.Sequential(cr.Dense(3, "sigmoid"), cr.Dense(1, "sigmoid"))  # (B, 2) -> (B, 1)
    model = cr.Model(net, "half_mse", cr.SGD(0.5), dtype="float64", engine="reference")
    return model.initialize(X).load_parameters(PARAMETERS)


def main(
    *,
    lang: Literal["en", "zh"] = "en",
    depth: int | None = None,
    samples: Annotated[int, typer.Option(min=1, max=2)] = 1,
    html: str = "",
    exercise: bool = False,
    seed: Annotated[int | None, typer.Option(min=0, max=999_999_999)] = None,
    sheet: str = "",
    grade: str = "",
    csv: str = "",
    solution: bool = False,
) -> None:
    """Print the derivation of one training step, write a page, or print or grade an exercise.

    Args:
        lang: ``"en"`` or ``"zh"``.
        depth: 1: one line per step, 2: a page, 3: every number; without it 2.
        samples: number of training samples, 1 or 2; gradients are averaged.
        html: file for a page with numbers to change or, with ``depth``, with the derivation.
        exercise, seed, sheet, grade, csv, solution: see ``OPTIONS``; ``seed`` is 1 if it is not set.

    Raises:
        DataError E307, E316, FileError, UsageError E601, E609: see ``article_sheet``, ``article_class``.
    """
    if grade or csv:
        print_results(grade, lang, seed=seed, csv=csv)
        return
    if exercise or solution or sheet or seed is not None:
        print_exercise(1 if seed is None else seed, sheet, lang, solution=solution)
        return
    explanation = network().explain(X[:samples], Y[:samples], depth=2 if depth is None else depth, lang=lang)
    if not html:
        print(explanation)
        return
    page = explanation.to_html() if depth is not None else _page(samples, lang)
    atomic_write.write(html, page.encode())
    print(translated(WRITTEN, lang).format(file=html))


def _page(samples: int, lang: str) -> str:
    """Return the page on which the numbers can be changed."""
    weight, bias, output_weight, output_bias = PARAMETERS.values()
    parameters = {"w": weight, "b": bias, "v": output_weight[0], "c": output_bias[0]}
    rows = [{"x": x, "y": y} for x, (y,) in zip(X.tolist(), Y.tolist(), strict=True)]
    return article_page(rows, parameters, samples=samples, lang=lang)


if __name__ == "__main__":
    main()
