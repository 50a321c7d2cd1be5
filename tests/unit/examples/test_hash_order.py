"""The data of the examples is the same in every process, whatever the order of sets of strings."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

PROGRAM = """
import hashlib, sys
import numpy as np
from chainrule_examples.questions.answers import encode
from chainrule_examples.sentiment.baselines import NGrams
from chainrule_examples.questions.question_sets import question_parts
from chainrule.data.readers.csv_lines import ranking
from chainrule.data.sequences.question_input import QuestionInput

parts = question_parts("stories", sys.argv[1], "", (40, 10, 10))
questions = [question for part in parts for questions in part for question in questions]
reader = QuestionInput.learn([text for question in questions for text in question[:2]], 96, 48)
rows, targets = encode(reader, questions)
grams = NGrams.learn([question.passage for question in questions])
guesses = [(model.codec, mean) for model, mean in ranking("Müller fährt öfter über Straßen".encode("cp1252"))]
texts = repr([questions, reader.characters, list(grams.numbers.items()), guesses])
digest = hashlib.sha256(texts.encode())
for array in (*rows.inputs.values(), targets):
    digest.update(np.ascontiguousarray(array).tobytes())
print(digest.hexdigest())
"""


def digest(lang: str, hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", PROGRAM, lang]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return done.stdout.strip()


@pytest.mark.long
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_questions_do_not_depend_on_the_hashes_of_strings(lang: str) -> None:
    digests = {digest(lang, seed) for seed in ("0", "1", "2")}
    assert len(digests) == 1
    assert len(digests.pop()) == hashlib.sha256().digest_size * 2
