"""The pages of the doctor, written from the cards of its rules: docs/doctor.md and docs/doctor/.

The command is ``python -m pages.doctor``; a test holds the pages to the cards.
"""

from __future__ import annotations

from pathlib import Path

from chainrule.diagnosis import RULES, TIMES, Rule
from pages.block_page import table
from pages.page import plain

DOCS = Path(__file__).parents[1] / "docs"
INDEX = DOCS / "doctor.md"
MARKS = ("<!-- suite -->", "<!-- end of suite -->")  # between them stands what a campaign measured
_INDEX = """# The doctor

`model.fit` looks at data, net, loss and optimizer before the first step, listens while it trains, and says in
one line each what it finds. `model.check(x, y)` looks without training, and also at the first few steps, made
on a copy:

```python
import chainrule as cr

model = cr.Model(cr.Sequential(cr.Dense(8, "relu"), cr.Dense(2)), loss="cross_entropy")
x = [[i / 40, 1000.0 * (i * 7 % 40)] for i in range(40)]
y = [i % 2 for i in range(40)]
diagnosis = model.check(x, y)
for finding in diagnosis:
    print(finding.line("en"))
# first-loss: the first loss is …; guessing among 2 classes gives 0.6931
# input-scale: the spread of "x[1]" is 1.15e+04 (standard deviation); standardise the inputs
print(diagnosis.findings[1].remedy)
# x = (x - x_train.mean(axis=0)) / x_train.std(axis=0)  # or cr.Normalization() as the first layer
```

Printing the diagnosis itself says more of each: the evidence with its threshold and source, why it happens,
one change to try, and the page below.

In the terminal: `chainrule check DATA --target COLUMN --net "64 relu"` before a training,
`chainrule doctor RUN` after one, `chainrule show rules` for this list and `chainrule show rule NAME` for one
of them. `model.diagnosis` is what the last training left, `fit(..., doctor=False)` sends the doctor away.
Findings never end a training.

中文：`model.fit` 在训练前、训练中和结束时检查问题，每个发现一行；`model.check(x, y)` 不训练，
只检查数据、网络和最初几步；`chainrule doctor RUN` 查看诊断；`fit(..., doctor=False)` 关闭。

P before training, I in the first steps, T during training, E at the end.

{rules}

{suite}
"""


def rules() -> list[Rule]:
    """All rules by their number."""
    return sorted(RULES.values(), key=lambda rule: rule.number)


def page(rule: Rule) -> str:
    """All that is known of a rule, in English and Chinese."""
    english, chinese = (_told(rule, i) for i in (0, 1))
    title = f"# {rule.id}: {plain(rule.names[0])}"
    return "\n\n".join([title, *english, f"## {rule.names[1]}", *chinese]) + "\n"


def _told(rule: Rule, i: int) -> list[str]:
    """The paragraphs of a page in one language."""
    times = [place[1 + i] for place in TIMES.values() if place[0] in rule.when]
    words = [
        ("Looks", "时机"), ("Speaks when", "阈值"), ("Source", "来源"), ("Why", "原因"), ("Try", "尝试"),
    ]  # fmt: skip
    looks, speaks, source, why, attempt = (pair[i] for pair in words)
    mark = "：" if i else ": "
    severity = {"error": "错误", "warning": "警告", "info": "提示"}[rule.severity] if i else rule.severity
    joined = "、".join(times) if i else ", ".join(times)
    return [
        _ended(plain(rule.symptom[i]), i),
        f"**{looks}**{mark}{joined}（{severity}）" if i else f"**{looks}**{mark}{joined} ({severity}).",
        _ended(f"**{speaks}**{mark}{plain(rule.threshold[i])}", i),
        _ended(f"**{source}**{mark}{plain(rule.source)}", i),
        f"**{why}**{mark}{plain(rule.why[i])}",
        f"**{attempt}**{mark}`{rule.remedy}`",
    ]


def _ended(text: str, i: int) -> str:
    """A sentence with a capital at its beginning and a stop at its end."""
    begun = text if text.startswith("*") else text[:1].upper() + text[1:]
    return begun + ("。" if i else ".")


def index(suite: str) -> str:
    """The page that leads to all rules.

    Args:
        suite: what stands between the marks, the marks included.
    """
    rows = [
        (f"{r.number}", f"[{r.id}](doctor/{r.id}.md)", r.when, *map(plain, (*r.names, r.threshold[0])))
        for r in rules()
    ]
    head = ("", "rule", "looks", "problem", "中文", "speaks when")
    return _INDEX.format(rules=table(head, rows), suite=suite)


def suite_of(text: str) -> str:
    """What a campaign wrote into the page: all between the marks, with them."""
    before, _, rest = text.partition(MARKS[0])
    inside, _, _ = rest.partition(MARKS[1])
    return f"{MARKS[0]}{inside or chr(10)}{MARKS[1]}" if before != text else "\n".join(MARKS)


def written() -> dict[Path, str]:
    """Every page by its place."""
    kept = suite_of(INDEX.read_text(encoding="utf-8")) if INDEX.exists() else "\n".join(MARKS)
    return {INDEX: index(kept), **{DOCS / "doctor" / f"{rule.id}.md": page(rule) for rule in rules()}}


if __name__ == "__main__":
    for place, text in written().items():
        place.parent.mkdir(exist_ok=True)
        place.write_text(text, encoding="utf-8")
    print(f"written: {INDEX} and {len(RULES)} pages beside it")
