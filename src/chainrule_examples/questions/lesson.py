"""Questions: a network marks the answer to a question in a passage.

Data: generated stories, or paragraphs of the Chinese Wikipedia (--set drcd). Network: embeddings, features
that compare passage and question, attention between both, gated convolutions. Loss: cross-entropy of the
positions where the answer starts and ends; one more position means that the passage has none. Evaluation:
exact matches (EM) and common characters (F1) on new people or articles; answers in doubt are refused.

Reference: Chen, Fisch, Weston and Bordes (2017), Reading Wikipedia to answer open-domain questions (ACL).
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import typer

import chainrule as cr
from chainrule.data import QuestionInput
from chainrule.inputs import QuestionRows
from chainrule.messages import Text, in_language
from chainrule_examples.questions.answers import (
    METHODS,
    TEXTS,
    encode,
    measure,
    overlapping_clauses,
    random_clauses,
    refusal_line,
    table_and_page,
    with_threshold,
)
from chainrule_examples.questions.answers import OPTIONS as OPTIONS
from chainrule_examples.questions.question_sets import question_parts
from chainrule_examples.questions.reading_baseline import read_answers
from chainrule_examples.score_table import Score, credit_line, print_scores, save_run

NET: Text = "network"
Seeds = Annotated[int, typer.Option(min=0)]
SIZES, LENGTHS = (4000, 400, 500), (128, 48)  # of the parts of the stories; of passages and questions
FORMS = {"stories": ((64, 4, 4), (64, 4, 8)), "drcd": ((64, 4, 5), (96, 4, 6))}  # units, convolutions, epochs


def train_network(
    reader: QuestionInput, rows: QuestionRows, targets: np.ndarray, form: tuple[int, int, int], seed: int
) -> cr.Model:
    """Train a network on questions with and without an answer."""
    units, convolutions, epochs = form
    net = cr.SpanReader(reader.size, units, convolutions=convolutions, dropout=0.3, no_answer=True)
    optimizer, clip = cr.AdamW(cr.OneCycle(3e-3)), cr.ClipGlobalNorm(1.0)
    model = cr.Model(net, "cross_entropy", optimizer, metrics=[], clip=clip)  # (B, 2, T + 1), targets (B, 2)
    model.fit(rows.inputs, targets, epochs=epochs, batch_size=32, seed=seed)
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    return model


def main(
    *,
    lang: str = "en",
    set: Literal["stories", "drcd"] = "stories",
    data: str = "",
    long: bool = False,
    seeds: Seeds = 0,
    epochs: int = 0,
    out: str = "",
) -> None:
    """Train, choose the threshold on the validation questions, and evaluate once on the test questions."""
    texts = in_language(TEXTS, lang)
    is_story, (units, depth, usual) = set == "stories", FORMS[set][long]
    learned, chosen, tested = question_parts(set, lang, data, SIZES)
    counts = [len(own) for part in (learned, chosen, tested) for own in part]
    print(texts["data"].format(*counts), flush=True)
    reader = QuestionInput.learn([text for q in learned.questions for text in q[:2]], *LENGTHS)
    train, targets = encode(reader, learned.questions + learned.unanswerable)
    (validation, _), (test, _) = (encode(reader, part.questions) for part in (chosen, tested))
    models, runs = [], []
    read = read_answers(learned.questions, chosen.questions, tested.questions)
    for seed in range(seeds or (3 if is_story else 1)):
        model = train_network(reader, train, targets, (units, depth, epochs or usual), seed)
        models.append(with_threshold(model, reader, validation, chosen.questions))
        facts = {"size": sum(a.size for a in model.parameters().values()), "seed": seed}
        own = measure(validation.answers(model)[0], chosen.questions)
        facts |= {name: score.value for name, score in own.items()}
        print(texts["done"].format(**facts), flush=True)
        questions = tested.questions
        own = random_clauses(questions, seed), overlapping_clauses(questions), read, test.answers(model)[0]
        runs.append([measure(outputs, questions) for outputs in own])
    by_method = zip((*METHODS, NET), zip(*runs, strict=True), strict=True)
    scores = [Score.on_test_set(name, values) for name, values in by_method]
    print_scores(scores, lang, "F1")
    print(refusal_line(models[0], reader, tested, lang), texts[set], sep="\n")
    if not is_story:
        print(credit_line("questions", lang))
    if out:
        save_run(out, models[0], scores, table_and_page(models[0], tested, test, lang))


if __name__ == "__main__":
    main()
