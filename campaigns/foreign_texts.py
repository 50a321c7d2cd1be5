"""Which share of texts of another kind a trained network of texts refuses.

The novelty gate of a RUN of ``chainrule example sentiment`` names texts unlike those of the training
``unknown``, and that of ``translate`` leaves their translation empty; a text without a token of the
vocabulary has no prediction (E365). The program predicts texts of each kind with
``chainrule predict RUN FILE --damaged skip`` and prints how many were refused in either way, and how many of
the test rows of the RUN.

    python -m campaigns.foreign_texts runs/sentiment
    python -m campaigns.foreign_texts runs/translate --catalogs /usr/share/locale

With ``--catalogs``, sentences of the catalogs of installed programs (of gettext) are predicted instead:
messages in each language, and in English.

The gate was designed on other texts than these: English, German, Korean, Russian, traditional Chinese, Python
code, numbers; its order of tokens on some sentences of German, French and Russian, and random letters.
"""

from __future__ import annotations

import argparse
import csv
import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from chainrule_examples.translate.sentence_pairs import read_catalog

COMMAND = "import sys; from chainrule.apps.cli.main import main; sys.exit(main())"
UNKNOWN = "unknown"  # the class of a refused text
COUNT = 100  # of each kind that is generated, or read
WORDS = range(3, 16)  # in a sentence
LANGUAGES = "English cs da el es fi hu id it ja nl pl pt_BR sv tr vi zh_TW".split()  # of the catalogs
SENTENCES = {
    "French": (
        "Ce livre est un cadeau pour ma mère.",
        "Le train part demain matin à huit heures.",
        "Il fait très froid en hiver dans les montagnes.",
        "Merci beaucoup !",
    ),
    "Spanish": (
        "El niño corre por la playa con su perro.",
        "¿Dónde está la estación de autobuses?",
        "La cena estuvo deliciosa y el servicio también.",
        "Buenos días",
    ),
    "Japanese": (
        "昨日、友達と映画を見に行きました。",
        "この本はとても面白いと思います。",
        "駅まで歩いて十分かかります。",
        "ありがとうございます",
    ),
    "Arabic": ("هذا كتاب جميل جدا", "أين تقع المحطة؟", "الطقس بارد في الشتاء", "شكرا جزيلا"),
    "SQL and HTML": (
        "SELECT name, price FROM orders WHERE id = 7;",
        '<div class="menu"><a href="/home">Home</a></div>',
        "UPDATE items SET stock = 0 WHERE stock < 0;",
        "<p>Hello</p>",
    ),
    "Chinese of other subjects": (
        "北京市位于华北平原的北部，是一座历史悠久的城市。",
        "水在零摄氏度时结成冰，在一百摄氏度时沸腾。",
        "床前明月光，疑是地上霜。",
        "三角形的内角和等于一百八十度。",
    ),
}


def texts() -> dict[str, list[str]]:
    """Return the texts of each kind."""
    draw = np.random.default_rng(1)
    dates = [
        f"20{draw.integers(10, 30)}-{draw.integers(1, 13):02}-{draw.integers(1, 29):02}" for _ in range(COUNT)
    ]
    codes = ["".join(draw.choice(list("0123456789abcdef"), 32)) for _ in range(COUNT)]
    return {
        **{kind: list(own) for kind, own in SENTENCES.items()},
        "dates": dates,
        "hexadecimal codes": codes,
    }


def sentences(catalogs: Path) -> dict[str, list[str]]:
    """Return sentences of installed programs by language, at most ``COUNT`` for each of ``LANGUAGES``.

    Args:
        catalogs: the folder ``locale``.
    """
    by_language: dict[str, set[str]] = {}
    for file in sorted(catalogs.glob("*/LC_MESSAGES/*.mo")):
        for english, other in read_catalog(file):
            if english.isascii() and english != other and all(map(_is_sentence, (english, other))):
                by_language.setdefault(file.parts[-3], set()).add(other)
                by_language.setdefault("English", set()).add(english)
    draw = np.random.default_rng(0)
    own = {lang: sorted(by_language[lang]) for lang in LANGUAGES if lang in by_language}
    return {lang: draw.permutation(texts)[:COUNT].tolist() for lang, texts in own.items()}


def _is_sentence(text: str) -> bool:
    """Return whether a text consists of words alone."""
    words = text.split()
    return len(words) in WORDS and all(word.rstrip(",.:;!?").isalpha() for word in words)


def refused(run: str, file: Path) -> tuple[int, int]:
    """Return how many rows of a file with texts a RUN refuses, and how many there are."""
    command = [sys.executable, "-c", COMMAND, "predict", run, str(file), "--damaged", "skip"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        sys.exit(f"chainrule predict: {done.stderr.strip()}")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    return sum(row["prediction"] in ("", UNKNOWN) for row in rows), len(rows)


def main() -> int:
    """Print the share of each kind of text that a RUN refuses."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", metavar="RUN")
    place = "of gettext, such as /usr/share/locale"
    parser.add_argument("--catalogs", metavar="FOLDER", type=Path, help=place)
    options = parser.parse_args()
    run = options.run
    with Path(run, "test.csv").open(encoding="utf-8", newline="") as stream:
        column = next(csv.reader(stream))[0]
    print("| texts | refused | of |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for kind, own in (texts() if options.catalogs is None else sentences(options.catalogs)).items():
            file = Path(folder, "texts.csv")
            with file.open("w", encoding="utf-8", newline="") as stream:
                csv.writer(stream).writerows([[column], *([text] for text in own)])
            print("| {} | {} | {} |".format(kind, *refused(run, file)), flush=True)
    print("| own test rows | {} | {} |".format(*refused(run, Path(run, "test.csv"))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
