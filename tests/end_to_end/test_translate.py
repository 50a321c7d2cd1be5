"""The translation example: pairs are memorized, and the command trains, evaluates and translates."""

from __future__ import annotations

import re
import struct
import sys
from pathlib import Path

import pytest
from campaigns import translate as campaign

import chainrule as cr
from chainrule.errors import DataError
from chainrule.inputs import TranslationKind
from chainrule_examples.translate import lesson as translate
from chainrule_examples.translate.baselines import bleu
from chainrule_examples.translate.sentence_pairs import Pairs, pair_rows
from page_examples import DOCS
from saved_scores import check_gate, check_own_input, check_saved_scores

PAGE = DOCS / "translation.md"
ENGLISH = (
    "Open the file",
    "Save the file",
    "Close the window",
    "Open a new window",
    "Print",
    "Print preview",
    "Delete the row",
    "Delete the column",
    "Insert a row",
    "Insert a column",
    "Copy",
    "Paste",
    "Cut the text",
    "Copy the text",
    "Save ① as ②",
    "Undo",
    "Redo",
    "Select all",
    "Find and replace",
    "Show the grid",
)
CHINESE = (
    "打开文件",
    "保存文件",
    "关闭窗口",
    "打开新窗口",
    "打印",
    "打印预览",
    "删除行",
    "删除列",
    "插入行",
    "插入列",
    "复制",
    "粘贴",
    "剪切文本",
    "复制文本",
    "将 ① 另存为 ②",
    "撤消",
    "重做",
    "全选",
    "查找与替换",
    "显示网格",
)


@pytest.fixture(scope="module")
def translator() -> cr.Model:
    """A model that has memorized twenty pairs."""
    pairs = Pairs(ENGLISH, CHINESE, {})
    tokenizer = cr.Tokenizer.learn([*ENGLISH, *CHINESE], "byte_pair", 320)
    net = cr.models.transformer(
        "small", tokenizer.size, dropout=0.0, norm_first=True, width=32, depth=1, heads=2, units=64
    )
    loss = cr.CrossEntropy(ignore_index=0)
    model = cr.Model(net, loss, cr.Adam(0.005), metrics=[], tokenizer=tokenizer)
    x, y = pair_rows(pairs, tokenizer, 24)
    model.fit(x, y, epochs=60, batch_size=10, buckets=12, verbose=False)
    return model


@pytest.mark.long
@pytest.mark.parametrize("beams", [1, 3])
def test_twenty_pairs_are_memorized(translator: cr.Model, beams: int) -> None:
    translations = TranslationKind(beams).translate(translator, ENGLISH)
    assert translations == list(CHINESE)
    assert bleu()(translations, CHINESE) == pytest.approx(100)


@pytest.mark.long
def test_a_loaded_translator_accepts_unknown_text(translator: cr.Model, tmp_path: Path) -> None:
    translator.save(tmp_path / "model.safetensors")
    model = cr.load(tmp_path / "model.safetensors")
    assert model.generate("Open the file", greedy=True) == "打开文件"
    for text in ("Ωμέγα 🙂", "Öffne die Datei", "打开", "x"):
        assert isinstance(model.generate(text, greedy=True), str)
    for text, code in (("open " * 40, "E364"), ("", "E363"), (" \n", "E363")):
        with pytest.raises(DataError, match=code):
            model.generate(text, greedy=True)


def catalog(folder: Path) -> Path:
    """A catalog of many sentences, all different."""
    things = ("file", "row", "window", "text", "grid", "page")
    words = [f"{verb} {thing}" for verb in ("Open", "Save", "Print") for thing in things]
    more = [f"{first} and {second}" for first in words for second in words if first != second]
    entries = [(text.encode(), ("译" * (1 + i % 3)).encode()) for i, text in enumerate(sorted(words + more))]
    columns = [[pair[side] for pair in entries] for side in (0, 1)]
    start, numbers = 20 + 16 * len(entries), [0x950412DE, 0, len(entries), 20, 20 + 8 * len(entries)]
    for text in (text for column in columns for text in column):
        numbers += [len(text), start]
        start += len(text)
    path = folder / "zh_CN" / "LC_MESSAGES" / "a.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(struct.pack(f"<{len(numbers)}I", *numbers) + b"".join(b"".join(c) for c in columns))
    return folder


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that train in a second."""
    recipe = translate.Recipe({"width": 8, "depth": 1, "heads": 2, "units": 8}, 300, 2, 10)
    monkeypatch.setattr(translate, "QUICK", recipe)
    monkeypatch.setattr(translate, "LONG", recipe)


@pytest.mark.long
def test_the_command_trains_once_and_then_reads_the_file(
    chainrule, tiny: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("example", "translate", "--model", "m.safetensors", "--beams", 2, "--lang", "zh")
    outcome = chainrule(*words, "--out", "run", "--data", catalog(tmp_path / "sets"), "--text", "Open %1")
    assert outcome.code == 0, outcome.err
    assert "BLEU" in outcome.out
    assert outcome.out.count(" | ") >= 3 * 3
    check_saved_scores(Path("run"), Path("run/test.csv"), "Transformer", {"chrF": "chrF"}, capsys)
    check_gate(Path("run"))
    foreign = chainrule(
        "predict", "run", "--text", "Открыть файл", "--text", "Open page", "--only-predictions"
    )
    assert foreign.code == 0, foreign.err
    assert foreign.out.splitlines()[1] in ("", '""')
    check_own_input("run", ["--text", "Open file"], ["--text", " "], capsys, names=None)
    attributed = chainrule("attribute", "run", "run/test.csv", "--row", 1)
    assert attributed.code == 0, attributed.err
    *_, sentence, translation = outcome.out.splitlines()
    assert sentence == "Open %1"
    again = chainrule(*words, "--text", "Open %1")
    assert (again.code, again.out.split()) == (0, [*sentence.split(), *translation.split()]), again.err


def test_missing_data_or_library_is_reported_before_training(
    chainrule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = chainrule("example", "translate", "--data", tmp_path)
    assert (outcome.code, "E367" in outcome.err) == (2, True)
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    outcome = chainrule("example", "translate", "--data", tmp_path)
    assert (outcome.code, "E350" in outcome.err) == (2, True)
    assert "python -m pip install 'chainrule[translation]'" in outcome.err


@pytest.mark.long
def test_the_campaign_writes_its_result_into_the_page(
    tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "translation.md"
    page.write_text(f"before\n{campaign.BEGIN}\nold\n{campaign.END}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(campaign, "PAGE", page)
    words = ["data", "--data", str(catalog(tmp_path / "sets")), "--out", str(tmp_path / "runs")]
    assert campaign.main(words) == 0
    text = page.read_text(encoding="utf-8")
    assert re.match(r"before\n.*```text\n.*BLEU.*Transformer: .*```\n.*\nafter\n$", text, re.DOTALL)
    assert "\nold\n" not in text
    assert (
        cr.load(tmp_path / "runs" / "data.safetensors").generate("Save", max_new_tokens=3, greedy=True)
        is not None
    )
