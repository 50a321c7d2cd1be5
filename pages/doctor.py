"""The pages of the doctor, generated from its rules: docs/doctor.md and docs/doctor/.

The command is ``python -m pages.doctor``; a test compares the pages with the rules.
"""

from __future__ import annotations

from pathlib import Path

from chainrule.diagnosis import RULES, Rule
from chainrule.messages import LANGUAGES, translated
from pages.block_page import table
from pages.page import plain

DOCS = Path(__file__).parents[1] / "docs"
INDEX = DOCS / "doctor.md"
MARKS = ("<!-- suite -->", "<!-- end of suite -->")  # between them: the measurements of campaigns/doctor.py
_INDEX = """# Doctor: automatic diagnosis of training problems

The doctor detects common problems of data, network and training. `model.fit` checks data, network, loss and
optimizer before the first step, the first step, and the statistics of the training while it runs; each
finding is one line, and where nothing prints the notices, mistakes without any sign (such as images without
a channel axis) are warnings of Python. `model.check(x, y)` checks without training, and runs the first few
steps on a copy:

```python
import chainrule as cr

model = cr.Model(cr.Sequential(cr.Dense(8, "relu"), cr.Dense(2)), loss="cross_entropy")
x = [[i / 40, 1000.0 * (i * 7 % 40)] for i in range(40)]
y = [i % 2 for i in range(40)]
diagnosis = model.check(x, y)
for finding in diagnosis:
    print(finding.line("en"))
# first-loss: the initial loss is …; guessing among 2 classes gives 0.6931
# input-scale: the standard deviation of "x[1]" is 1.15e+04; standardize the inputs
print(diagnosis.findings[1].remedy)
# x = (x - x_train.mean(axis=0)) / x_train.std(axis=0)  # or cr.Normalization() as the first layer
```

Print the diagnosis for details of each finding: the evidence with its threshold and source, the cause, a
change to try, and the page of the rule.

| command or call | purpose |
|---|---|
| `chainrule check DATA --target COLUMN --net "64 relu"` | check before a training |
| `chainrule doctor RUN` | show the diagnosis of a training |
| `chainrule show rules` | list the rules |
| `chainrule show rule NAME` | describe a rule |
| `model.diagnosis` | the diagnosis of the last training |
| `fit(..., doctor=False)` | disable the doctor |

Findings never stop a training. A finding that was reported stays in the diagnosis; where the complete
training gives other numbers, or has it no longer, the diagnosis states that, too. Numbers that were measured
on some of the rows name how many.

## Rules

The column "checked" gives the time: P before training, I in the first steps, T during training, E at the end.

{rules}

## Accuracy

{suite}
"""


def rules() -> list[Rule]:
    """All rules by their number."""
    return sorted(RULES.values(), key=lambda rule: rule.number)


def page(rule: Rule) -> str:
    """The page of a rule, in English and Chinese."""
    english, chinese = (_paragraphs(rule, i) for i in (0, 1))
    title = f"# {rule.id}: {plain(rule.title)}"
    return "\n\n".join([title, *english, f"## {translated(rule.title, 'zh')}", *chinese]) + "\n"


def _paragraphs(rule: Rule, i: int) -> list[str]:
    """The paragraphs of a page in one language."""
    lang = LANGUAGES[i]
    labels = [
        ("Checked", "时机"),
        ("Threshold", "阈值"),
        ("Source", "来源"),
        ("Cause", "原因"),
        ("Try", "尝试"),
    ]
    checked, threshold, source, cause, attempt = (pair[i] for pair in labels)
    mark = "：" if i else ": "
    severity = {"error": "错误", "warning": "警告", "info": "提示"}[rule.severity] if i else rule.severity
    times_text = ("、" if i else ", ").join(rule.times(lang))
    return [
        _sentence(plain(translated(rule.symptom, lang)), i),
        f"**{checked}**{mark}{times_text}（{severity}）"
        if i
        else f"**{checked}**{mark}{times_text} ({severity}).",
        _sentence(f"**{threshold}**{mark}{plain(rule.threshold.render(lang))}", i),
        _sentence(f"**{source}**{mark}{plain(rule.source)}", i),
        f"**{cause}**{mark}{plain(translated(rule.why, lang))}",
        f"**{attempt}**{mark}`{rule.remedy_in(lang)}`",
    ]


def _sentence(text: str, i: int) -> str:
    """The text with an initial capital and a final period."""
    capitalized = text if text.startswith("*") else text[:1].upper() + text[1:]
    return capitalized + ("。" if i else ".")


def index(suite: str) -> str:
    """The overview page of all rules.

    Args:
        suite: the text between the marks, including the marks.
    """
    rows = [
        (f"{r.number}", f"[{r.id}](doctor/{r.id}.md)", r.when, *map(plain, (r.title, r.threshold)))
        for r in rules()
    ]
    head = ("", "rule", "checked", "problem", "threshold")
    return _INDEX.format(rules=table(head, rows), suite=suite)


def suite_of(text: str) -> str:
    """The measurements that the campaign wrote into the page, including the marks."""
    before, _, rest = text.partition(MARKS[0])
    inside, _, _ = rest.partition(MARKS[1])
    return f"{MARKS[0]}{inside or chr(10)}{MARKS[1]}" if before != text else "\n".join(MARKS)


def page_texts() -> dict[Path, str]:
    """The text of every page, by file."""
    suite = suite_of(INDEX.read_text(encoding="utf-8")) if INDEX.exists() else "\n".join(MARKS)
    return {INDEX: index(suite), **{DOCS / "doctor" / f"{rule.id}.md": page(rule) for rule in rules()}}


if __name__ == "__main__":
    for file, text in page_texts().items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    print(f"written: {INDEX} and {len(RULES)} pages beside it")
