"""Spaces at the borders of the fields of Chinese sentences."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

import pytest
from pages import page_catalogs
from pages.translations import catalog_files, read_catalog

from chainrule.messages.spacing import Chinese, fill

CASES = [
    ("{metric} 为 {score}", {"metric": "准确率", "score": "0.9"}, "准确率为 0.9"),
    ("{metric} 为 {score}", {"metric": "F1", "score": "0.9"}, "F1 为 0.9"),
    ("由{name}训练", {"name": "Adam"}, "由 Adam 训练"),
    ("由{name}训练", {"name": "梯度下降"}, "由梯度下降训练"),
    ("{name} {value}", {"name": "梯度提升（scikit-learn）", "value": "100%"}, "梯度提升（scikit-learn）100%"),
    ("“{column}”为空", {"column": "age"}, "“age”为空"),
    ("共 {n:,} 行", {"n": 1234}, "共 1,234 行"),
    ("{a}{b}", {"a": "层", "b": ""}, "层"),
    ("没有字段", {}, "没有字段"),
]


@pytest.mark.parametrize(("template", "values", "sentence"), CASES)
def test_spaces_follow_the_values(template: str, values: dict[str, object], sentence: str) -> None:
    assert fill(template, values) == sentence
    assert Chinese(template).format(**values) == sentence


def templates() -> Iterator[tuple[str, str]]:
    """The texts of the package in Chinese, with their English ones."""
    catalogs = (read_catalog(file) for file in catalog_files() if "zh" in file.parts)
    texts = ((str(m.id), str(m.string)) for catalog in catalogs for m in catalog if m.id)
    yield from (
        (text, chinese) for text, chinese in texts if not re.search(r",\w", text)
    )  # heads of CSV files


def page_texts() -> Iterator[tuple[str, str]]:
    """The Chinese texts of pages, without targets of links, and their English ones."""
    for file in page_catalogs.catalog_files().values():
        texts = ((str(m.id), str(m.string)) for m in read_catalog(file) if m.id)
        yield from ((t, re.sub(r"\]\([^)]*\)", "", c)) for t, c in texts if not page_catalogs.is_code(t))


def test_no_text_lacks_a_space_or_has_one_too_many() -> None:
    wrong = re.compile(r"[一-鿿][A-Za-z0-9]|[A-Za-z0-9][一-鿿]|[一-鿿] +[一-鿿]|[一-鿿][,;:](?!\S*\})")
    faults, count = [], 0
    for key, text in (*templates(), *page_texts()):
        count += 1
        faults += [(key, text) for _ in wrong.finditer(re.sub(r"`[^`]*`|\{[^{}]*\}", "{}", text))]
    assert count > 2000
    assert faults == []


@pytest.mark.parametrize("value", ["准确率", "Adam"])
def test_every_sentence_has_the_spaces_of_its_values(value: str) -> None:
    border = r"[一-鿿] 准|率 [一-鿿]" if value == "准确率" else r"[一-鿿]Adam|Adam[一-鿿]"
    faults = []
    for key, text in templates():
        fields = [(field, spec) for _, field, spec, _ in string.Formatter().parse(text) if field is not None]
        if any(spec or not field.isidentifier() for field, spec in fields):
            continue  # the template formats a number
        sentence = fill(text, {field: value for field, _ in fields})
        faults += [(key, sentence)] if re.search(border, sentence) else []
    assert faults == []
