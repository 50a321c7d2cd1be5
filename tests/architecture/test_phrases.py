"""Chinese errors are entirely Chinese: the expected and received values and the remedies too."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from chainrule.errors import DataError
from chainrule.errors.translation import PHRASES, in_chinese

PACKAGE = Path(__file__).parents[2] / "src" / "chainrule"
FACTS = ("expected", "received", "fix", "notes")
CODE = re.compile(
    r"^(return|chainrule|python -m|apt install|npm pack|iconv|mv|ulimit) |\w\(|\w=|--\w|\"[^\"]*\""
)
PROSE = re.compile(r"(?<![\w.\"'`(=/{])[A-Za-z]?[a-z]+,? [a-z]{2,}(?![\w.(=/}])")


def templates(node: ast.expr) -> Iterator[str]:
    """The possible texts of an expression, with ``7`` for each value that is filled in."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else "7" for v in values)
        case ast.IfExp(body=body, orelse=orelse):
            yield from templates(body)
            yield from templates(orelse)
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.BoolOp(values=parts):
            for part in parts:
                yield from templates(part)
        case ast.ListComp(elt=part) | ast.GeneratorExp(elt=part):
            yield from templates(part)


def facts(file: Path) -> Iterator[str]:
    calls = (n for n in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(n, ast.Call))
    for word in (word for call in calls for word in call.keywords if word.arg in FACTS):
        yield from templates(word.value)


def is_prose(text: str) -> bool:
    """Whether a text contains English: two consecutive plain words outside code and quotes."""
    return not CODE.match(text) and bool(PROSE.search(re.sub(r'"[^"]*"|\([^)]*\)', "", text)))


def test_facts_that_are_prose_have_a_chinese_text() -> None:
    texts = {text for file in sorted(PACKAGE.rglob("*.py")) for text in facts(file)}
    assert len(texts) > 300
    missing = sorted(text for text in texts if is_prose(text) and in_chinese(text) == text)
    assert missing == []


def test_a_chinese_phrase_has_every_gap_of_the_english_one() -> None:
    for key, chinese in PHRASES.items():
        gaps = re.findall(r"\{#?\}", key)
        filled = in_chinese(re.sub(r"\{#?\}", "7", key)) if gaps else chinese
        assert filled.count("7") >= len(gaps), key
        assert re.search(r"[一-鿿]", chinese) or not is_prose(key), key


def test_every_line_of_an_error_is_rendered_in_chinese() -> None:
    error = DataError("E326", where="a.csv line 3", expected="x, y", received='no "z"',
                      fix='rename "zz" to "z"', notes=["0 such numbers in all"])  # fmt: skip
    assert error.render("zh").splitlines() == [
        "DataError E326 位于 a.csv 第 3 行：表格缺少模型训练时使用的列",
        "  期望  x, y",
        "  收到  缺少“z”",
        "  　　  这样的数共 0 个",
        "  修正  把“zz”改名为“z”",
        "  帮助  chainrule show error E326",
    ]
    assert in_chinese('"5 rows"') == '"5 rows"', "a quoted text belongs to the user"
