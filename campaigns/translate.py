"""Run the example ``translate`` in its forms, and write its output to docs/translation.md.

Run it as ``python campaigns/translate.py quick long`` on an idle machine: the quick form takes minutes, the
long one less than half an hour. ``--data FOLDER`` adds the form ``data``, the larger network on the catalogs
of that folder. The output of each form is a file in the folder ``--out``; the page keeps the output of forms
that ran before.
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
from chainrule_examples.translate import lesson as translate

PAGE = Path(__file__).parents[1] / "docs" / "translation.md"
BEGIN, END = "<!-- scores -->", "<!-- end of scores -->"
FORMS = {"quick": "chainrule example translate", "long": "chainrule example translate --long"}
FORMS["data"] = f"{FORMS['long']} --data FOLDER"


class Both(io.StringIO):
    """Records what is printed, and prints it."""

    def write(self, text: str, /) -> int:
        sys.__stdout__.write(text)  # pyright: ignore[reportOptionalMemberAccess]
        return super().write(text)


def run(form: str, data: str, folder: Path) -> None:
    """Run a form and save its output and its model."""
    start, output = time.perf_counter(), Both()
    with contextlib.redirect_stdout(output):
        model = folder / f"{form}.safetensors"
        model.unlink(missing_ok=True)
        translate.main(data=data if form == "data" else "", long=form != "quick", model=str(model))
    spent = f"{time.perf_counter() - start:.0f} s, {cr.settings.threads} threads"
    text = f"`{FORMS[form]}`, {spent}:\n\n```text\n{output.getvalue().strip()}\n```\n"
    (folder / f"{form}.md").write_text(text, encoding="utf-8")


def write(folder: Path) -> None:
    """Write the outputs of the forms between the marks of the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    texts = [file.read_text(encoding="utf-8") for form in FORMS if (file := folder / f"{form}.md").exists()]
    text = "\n".join(["By `python campaigns/translate.py`.\n", *texts])
    PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{after}", encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    """Run the given forms; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("forms", nargs="*", choices=FORMS, default=["quick"])
    parser.add_argument("--data", default="")
    parser.add_argument("--out", type=Path, default=Path("runs/translate"))
    options = parser.parse_args(words)
    options.out.mkdir(parents=True, exist_ok=True)
    forms = [*options.forms, *(["data"] if options.data else [])]
    for form in FORMS:
        if form in forms:
            run(form, options.data, options.out)
            write(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
