"""Run the example ``translate`` in its forms, and write what it prints onto docs/translation.md.

Run it as ``python campaigns/translate.py quick long`` on a quiet machine: the quick form takes minutes, the
long one less than half an hour. ``--data FOLDER`` adds the form ``data``, the larger net on the catalogs of
that folder. What a form printed lies in a file of the folder ``--out``; forms that ran before keep their
place on the page.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import chainrule as cr
from chainrule.apps.examples import translate

PAGE = Path(__file__).parents[1] / "docs" / "translation.md"
BEGIN, END = "<!-- scores -->", "<!-- end of scores -->"
FORMS = {"quick": "chainrule example translate", "long": "chainrule example translate --long"}
FORMS["data"] = f"{FORMS['long']} --data FOLDER"


class Both(io.StringIO):
    """Keeps what is printed, and shows it."""

    def write(self, text: str, /) -> int:
        sys.__stdout__.write(text)  # pyright: ignore[reportOptionalMemberAccess]
        return super().write(text)


def run(form: str, data: str, folder: Path) -> None:
    """Run a form and keep what it printed, and its model."""
    begun, said = time.perf_counter(), Both()
    with contextlib.redirect_stdout(said):
        model = folder / f"{form}.safetensors"
        model.unlink(missing_ok=True)
        translate.main(data=data if form == "data" else "", long=form != "quick", model=str(model))
    spent = f"{time.perf_counter() - begun:.0f} s, {cr.settings.threads} threads"
    text = f"`{FORMS[form]}`, {spent}:\n\n```text\n{said.getvalue().strip()}\n```\n"
    (folder / f"{form}.md").write_text(text, encoding="utf-8")


def write(folder: Path) -> None:
    """Put what the forms printed between the marks of the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    texts = [file.read_text(encoding="utf-8") for form in FORMS if (file := folder / f"{form}.md").exists()]
    told = "\n".join(["By `python campaigns/translate.py`.\n", *texts])
    PAGE.write_text(f"{before}{BEGIN}\n{told}{END}{after}", encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    """Run the forms that are asked for; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("forms", nargs="*", choices=FORMS, default=["quick"])
    parser.add_argument("--data", default="")
    parser.add_argument("--out", type=Path, default=Path("runs/translate"))
    asked = parser.parse_args(words)
    asked.out.mkdir(parents=True, exist_ok=True)
    wanted = [*asked.forms, *(["data"] if asked.data else [])]
    for form in FORMS:
        if form in wanted:
            run(form, asked.data, asked.out)
            write(asked.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
