"""Sentence pairs: read as gettext reads them, cleaned, and split without overlap between the parts."""

from __future__ import annotations

import gettext
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data import Tokenizer
from chainrule.errors import DataError, UsageError
from chainrule_examples.translate import sentence_pairs
from chainrule_examples.translate.sentence_pairs import (
    LIBREOFFICE,
    Marked,
    Pairs,
    clean_pairs,
    normalized,
    pair_rows,
    read_catalog,
    read_pairs,
    split_pairs,
)

ENTRIES = {
    "": "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=1; plural=0;\n",
    "menu|open\x04_Open": "打开(_O)",
    "box|open\x04Open": "打开",
    "old|open\x04Open": "开启",
    "Save %1 as\n%PRODUCTNAME": "将 %1\n另存为 %PRODUCTNAME",
    "Lost %s": "丢失",
    "OK": "OK",
    "%d file\0%d files": "%d 个文件",
    "female^Elvish Archer": "精灵弓箭手",
    " ".join(["word"] * 40): "太长",
}
LETTERS = st.characters(exclude_categories=("Cs",), exclude_characters="\0\x04")
WORDS = st.sampled_from(["Open", "open", "file", "Sheet", "sheet", "1", "2", "...", ":", "Save", "all"])


def write(path: Path, entries: dict[str, str], order: str = "<") -> Path:
    """A catalog in the format of msgfmt."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [[text.encode() for text in column] for column in zip(*sorted(entries.items()), strict=True)]
    start = 28 + 16 * len(entries)
    numbers = [0x950412DE, 0, len(entries), 28, 28 + 8 * len(entries), 0, 0]
    for column in columns:
        for text in column:
            numbers += [len(text), start]
            start += len(text) + 1
    texts = b"".join(text + b"\0" for column in columns for text in column)
    path.write_bytes(struct.pack(f"{order}{len(numbers)}I", *numbers) + texts)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Catalogs of two languages."""
    write(tmp_path / "locale/zh_CN/LC_MESSAGES/a.mo", ENTRIES)
    write(tmp_path / "locale/de/LC_MESSAGES/a.mo", {"Open": "Öffnen"})
    return tmp_path


@pytest.mark.parametrize("order", ["<", ">"])
@given(
    st.dictionaries(
        st.text(LETTERS, min_size=1, max_size=8), st.text(LETTERS, min_size=1, max_size=8), min_size=1
    )
)
@settings(max_examples=40, deadline=None)
def test_a_catalog_is_read_as_gettext_reads_it(
    tmp_path_factory: pytest.TempPathFactory, order: str, entries: dict[str, str]
) -> None:
    path = write(tmp_path_factory.mktemp("mo") / "a.mo", {"": ENTRIES[""], **entries}, order)
    assert dict(read_catalog(path)) == entries
    with path.open("rb") as file:
        expected = gettext.GNUTranslations(file)
    assert all(expected.gettext(text) == translation for text, translation in entries.items())


def test_removed_pairs_are_counted_by_reason(folder: Path) -> None:
    pairs = read_pairs(folder)
    assert dict(zip(pairs.sources, pairs.targets, strict=True)) == {
        "Open": "打开",
        "Save ① as ②": "将 ① 另存为 ②",
        "① file": "① 个文件",
        "Elvish Archer": "精灵弓箭手",
    }
    assert pairs.dropped == {
        "other translation": 1,
        "nothing to translate": 1,
        "different placeholders": 1,
        "duplicate": 1,
        "too long": 1,
    }
    read = sum(len(read_catalog(file)) for file in folder.rglob("zh_CN/**/*.mo"))
    assert read == len(pairs) + sum(pairs.dropped.values())


@pytest.mark.parametrize(
    ("source", "target", "clean"),
    [
        ("Ran_ge for %VALUETYPE", "%VALUETYPE的区域(_G)", ("Range for ①", "①的区域")),
        ("~View", "视图(~V)", ("View", "视图")),
        ("Save &As...", "另存为（&A）...", ("Save As...", "另存为...")),
        ("S_ans-serif", "非衬线字体(S_ans-serif)", ("Sans-serif", "非衬线字体(Sans-serif)")),
        ("Black & white", "黑白", ("Black & white", "黑白")),
        ("<b>No</b> $name, %{link}", "<b>否</b> $name，%{link}", ("①No② ③, ④", "①否② ③，④")),
        ("100% of $100", "$100 的 100%", ("100% of $100", "$100 的 100%")),
        ("<All Files>", "<所有文件>", ("<All Files>", "<所有文件>")),
    ],
)
def test_menu_keys_are_removed_and_placeholders_replaced(
    source: str, target: str, clean: tuple[str, str]
) -> None:
    pairs = clean_pairs([(source, target)])
    assert (*pairs.sources, *pairs.targets) == clean


@given(st.lists(st.sampled_from(["%1", "%s", "$name", "<b>", "word", "字", " "]), max_size=12).map("".join))
@settings(max_examples=60, deadline=None)
def test_a_marked_text_is_restored(text: str) -> None:
    marked = Marked.of(text)
    assert marked.restored(marked.text) == text


@given(
    st.lists(st.lists(WORDS, min_size=1, max_size=3).map(" ".join), min_size=20, max_size=60, unique=True),
    st.integers(0, 9),
)
@settings(max_examples=40, deadline=None)
def test_parts_share_no_similar_sentence(texts: list[str], seed: int) -> None:
    pairs = Pairs(tuple(texts), tuple(texts), {})
    if len({normalized(text) for text in texts}) < 6:
        return
    parts = split_pairs(pairs, seed, (0.5, 0.25, 0.25))
    kinds = [{normalized(text) for text in part.sources} for part in parts]
    assert not kinds[0] & kinds[1] | kinds[0] & kinds[2] | kinds[1] & kinds[2]
    assert sorted(text for part in parts for text in part.sources) == sorted(texts)
    assert all(part.sources for part in parts)


def test_encoded_rows_have_source_decoder_input_and_target() -> None:
    tokenizer = Tokenizer.learn(["abcd"], "character")
    x, y = pair_rows(Pairs(("abc", "d"), ("d", "cba"), {}), tokenizer, 4)
    a, b, c, d = (int(tokenizer.encode(letter)[0]) for letter in "abcd")
    assert x["source"].tolist() == [[2, a, b, c], [2, d, 3, 0]]  # the first is truncated
    assert x["target"].tolist() == [[2, d, 0, 0], [2, c, b, a]]
    assert y.tolist() == [[d, 3, 0, 0], [c, b, a, 3]]


def test_malformed_catalogs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = write(tmp_path / "zh_CN/LC_MESSAGES/a.mo", ENTRIES)
    with pytest.raises(DataError, match="E301"):
        read_catalog(tmp_path / "none.mo")
    content = good.read_bytes()
    words = np.frombuffer(content[: len(content) // 4 * 4], "<u4").copy()
    words[7] = 2**31  # the length of the first text
    far = words.tobytes()
    words[2] = 2**30  # the number of texts
    for bad in (
        b"",
        b"\xde\x12\x04",
        b"PK" + content[2:],
        content[:300],
        far,
        words.tobytes(),
        content.replace("打".encode(), b"\xff\xff\xff"),
    ):
        good.write_bytes(bad)
        with pytest.raises(DataError, match="E316"):
            read_pairs(tmp_path)
    with pytest.raises(DataError, match="E301"):
        read_pairs(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="E102"):
        clean_pairs([], (0, 60))
    with pytest.raises(DataError, match="E367"):
        read_pairs(tmp_path, "zh_TW")
    write(good, {"OK": "OK"})
    with pytest.raises(DataError, match="1: nothing to translate"):
        read_pairs(tmp_path)
    monkeypatch.setattr(sentence_pairs, "LIBREOFFICE", tmp_path / "absent")
    with pytest.raises(DataError, match="apt install libreoffice-l10n-zh-cn"):
        read_pairs()


def test_libreoffice_gives_thousands_of_pairs() -> None:
    if not LIBREOFFICE.is_dir():
        pytest.skip("libreoffice-l10n-zh-cn is not installed")
    pairs = read_pairs()
    assert len(pairs) > 15_000
    assert not any("_O" in text or "%PRODUCTNAME" in text for text in (*pairs.sources, *pairs.targets))
