"""The READMEs are correct: their Python runs, their commands exist, their quoted output is printed."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from article import article
from chainrule.apps.cli.main import main

ROOT = Path(__file__).parents[2]
READMES = {"README.md": "en", "README.zh-CN.md": "zh"}


@pytest.fixture(params=READMES, ids=lambda name: name)
def readme(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The text of a README and its language."""
    return (ROOT / request.param).read_text(encoding="utf-8"), READMES[request.param]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.S | re.M)


@pytest.mark.long
def test_the_python_runs(readme: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text, _ = readme
    exec(compile("\n".join(blocks(text, "python")), "README", "exec"), {})
    assert (tmp_path / "xor.safetensors").exists()


def test_the_quoted_derivation_is_what_is_printed(readme: tuple[str, str]) -> None:
    text, lang = readme
    printed = str(article(lang, 2))
    quoted = [line for line in text.splitlines() if re.match(r"\((B|反)\d", line)]
    assert quoted
    for line in quoted:
        assert line in printed


@pytest.mark.long
def test_the_quoted_result_is_what_train_prints(
    readme: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    text, lang = readme
    assert main(["train", "breast-cancer", "--seed", "0", "--lang", lang]) == 0
    printed = capsys.readouterr().out
    rows = [line for line in text.splitlines() if re.search(r"(0\.\d{4}\s+){2}", line)]
    assert len(rows) == 4
    for line in rows:
        assert line in printed


def test_every_command_exists(readme: tuple[str, str]) -> None:
    named = set(re.findall(r"^chainrule (\w+)", readme[0], re.M))
    assert {"predict", "evaluate", "explain", "show", "check", "train"} <= named
    for command in named:
        assert main([command, "--help"]) == 0


def test_the_numbers_of_the_chinese_readme_are_those_of_the_english_one() -> None:
    english, chinese = (
        Counter(re.findall(r"\d+(?:[.,]\d+)*", re.sub(r"\]\(\S+\)", "", (ROOT / name).read_text("utf-8"))))
        for name in READMES
    )
    assert len(chinese) > 50
    assert chinese - english == Counter()


def test_every_link_leads_to_a_file(readme: tuple[str, str]) -> None:
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", readme[0]) if "://" not in target]
    assert len(targets) > 20
    assert [target for target in targets if not (ROOT / target.partition("#")[0]).exists()] == []


def test_the_images_are_small(readme: tuple[str, str]) -> None:
    images = re.findall(r"!\[[^\]]+\]\(([^)\s]+)\)", readme[0])
    assert len(images) == 3
    assert all((ROOT / image).stat().st_size < 300_000 for image in images)
