"""Poems are read from both collections without titles and notes; the split leaks no sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chainrule.errors import ChainruleError
from chainrule_examples.poems import poem_corpus
from chainrule_examples.poems.poem_corpus import Poem, read_poems, split_poems

FORTUNES = (
    "\x1b[32m《静夜思》\x1b[m\n\x1b[33m作者：李白\x1b[m\n"
    "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。\n%\n"
    "\x1b[32m《出塞》\x1b[m\n\x1b[33m作者：王之涣\x1b[m\n黄河远上白云间，一片孤城万仞山。\n%\n"
    "《又》\n作者：李白\n床前明月光，疑是地上霜。\n举头望明月，低头思故乡。\n%\n"
    "《残》\n作者：佚名\n一片孤城□□山。\n%\n"
)


def package(folder: Path, files: dict[Any, Any]) -> Path:
    """A folder like that of the npm package."""
    place = folder / "package" / "dist" / "quantangshi"
    place.mkdir(parents=True)
    for number, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        (place / f"poet.tang.{number}.json").write_text(text, encoding="utf-8")
    return folder


def record(*paragraphs: str) -> dict[str, Any]:
    return {"title": "題", "author": "某", "paragraphs": list(paragraphs), "id": "1"}


def test_the_fortune_file_is_read_from_debians_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tang300"
    path.write_text(FORTUNES, encoding="utf-8")
    monkeypatch.setattr(poem_corpus, "FORTUNES", path)
    first, second = read_poems()
    assert first == Poem("静夜思", "李白", "床前明月光，疑是地上霜。举头望明月，低头思故乡。")
    assert first.lines == ["床前明月光，疑是地上霜。", "举头望明月，低头思故乡。"]
    assert second.title == "出塞"


@pytest.mark.skipif(
    not poem_corpus.FORTUNES.is_file(), reason="the Debian package fortunes-zh is not installed"
)
def test_debians_own_file_has_three_hundred_poems() -> None:
    poems = read_poems()
    assert 300 <= len(poems) <= 320
    assert any("春眠不觉晓" in poem.text and poem.author == "孟浩然" for poem in poems)


def test_notes_and_marks_are_removed_and_malformed_poems_left_out(tmp_path: Path) -> None:
    verses = [
        record("童子解吟《長恨曲》，", "胡兒能唱〖一作歌〗《琵琶篇》（注）。"),
        record("[煙]燎上，「懷靈」惠。"),
        record("御柳新□綠。"),
        record("（無正文。）"),
        record("abc，御柳。"),
    ]
    folder = package(tmp_path, {1000: [record("後來者。")], 0: verses})
    assert [poem.text for poem in read_poems(folder)] == [
        "童子解吟長恨曲，胡兒能唱琵琶篇。",
        "煙燎上，懷靈惠。",
        "後來者。",
    ]


FAULTS: dict[str, tuple[dict[Any, Any] | None, str]] = {
    "no folder": (None, "E301"),
    "another folder": ({}, "E315"),
    "no JSON": ({0: "[{"}, "E316"),
    "no poems": ({0: {"a": 1}}, "E316"),
    "a poem without verses": ({0: [{"title": "a", "author": "b"}]}, "E316"),
    "numbers": ({0: [record(3)]}, "E316"),  # type: ignore[arg-type]
    "nested beyond reason": ({0: "[" * 100_000}, "E316"),
    "a word in place of the number of a file": ({"song": [record("御柳。")]}, "E315"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_folder_without_poems_is_refused(fault: str, tmp_path: Path) -> None:
    files, code = FAULTS[fault]
    folder = tmp_path / "gone" if files is None else package(tmp_path, files)
    with pytest.raises(ChainruleError) as caught:
        read_poems(folder)
    assert caught.value.code == code


def test_the_error_for_a_missing_package_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poem_corpus, "FORTUNES", tmp_path / "tang300")
    with pytest.raises(ChainruleError) as caught:
        read_poems()
    assert caught.value.code == "E315"
    assert "apt install fortunes-zh" in caught.value.fix
    (tmp_path / "tang300").write_bytes(b"\xff\xff")
    with pytest.raises(ChainruleError) as caught:
        read_poems()
    assert caught.value.code == "E316"


def test_no_sentence_is_in_training_and_test_poems() -> None:
    every = [Poem("", "", f"第{i}首，{i % 7}。" + f"第{i}首又，完。") for i in range(40)]
    every += [Poem("", "", f"第{i}首，{i % 7}。" + f"另{i}一版，完。") for i in range(40)]
    parts = split_poems(every, 0.2, seed=1)
    training, *test = ({line for poem in part for line in poem.lines} for part in parts)
    assert all(training.isdisjoint(part) for part in test)
    assert [len(part) > 0 for part in parts] == [True] * 3
    assert split_poems(every, 0.2, seed=1) == parts
    assert split_poems(every, 0.2, seed=2) != parts
