"""The language of messages is that of the environment, even if its locale is not installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule.settings import language_in_file, language_of, settings_file

CASES = {
    "nothing": ({}, "en"),
    "LANG": ({"LANG": "zh_CN.UTF-8"}, "zh"),
    "LANG without an encoding": ({"LANG": "zh"}, "zh"),
    "LC_ALL before LANG": ({"LC_ALL": "en_US.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
    "LC_MESSAGES before LANG": ({"LC_MESSAGES": "zh_TW", "LANG": "en_US"}, "zh"),
    "an empty LC_ALL": ({"LC_ALL": "", "LANG": "zh_CN"}, "zh"),
    "LANGUAGE before LC_ALL": ({"LANGUAGE": "zh_CN:en", "LC_ALL": "en_US.UTF-8"}, "zh"),
    "LANGUAGE alone": ({"LANGUAGE": "zh"}, "zh"),
    "LANGUAGE of unknown languages": ({"LANGUAGE": "fr:de", "LANG": "zh_CN"}, "zh"),
    "the C locale": ({"LANGUAGE": "zh", "LC_ALL": "C.UTF-8"}, "en"),
    "another language": ({"LANG": "de_DE.UTF-8"}, "en"),
    "the own variable before all": ({"CHAINRULE_LANG": "zh", "LC_ALL": "en_US.UTF-8"}, "zh"),
    "the own variable is unknown": ({"CHAINRULE_LANG": "fr", "LANG": "zh_CN"}, "zh"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_language_of_environment_variables(name: str) -> None:
    variables, lang = CASES[name]
    assert language_of(variables) == lang


@pytest.mark.parametrize(
    ("variables", "words", "text"),
    [
        ({"LANG": "zh_CN.UTF-8"}, [], "命令"),
        ({"CHAINRULE_LANG": "zh", "LANG": "en_US.UTF-8"}, [], "命令"),
        ({"CHAINRULE_LANG": "zh"}, ["--lang", "en"], "train a network"),
    ],
)
def test_the_command_line_obeys_the_environment(
    variables: dict[str, str], words: list[str], text: str
) -> None:
    names = ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE", "CHAINRULE_LANG")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    outcome = subprocess.run(
        [sys.executable, "-c", f"from chainrule.apps.cli.main import main; main({[*words, '--help']})"],
        env={**environment, **variables, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert text in outcome.stdout


def help_in(folder: Path, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``chainrule --help`` with a settings file."""
    file = folder / "chainrule" / "settings.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    own = {"XDG_CONFIG_HOME": str(folder), "PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-c", "from chainrule.apps.cli.main import main; main(['--help'])"],
        env=own | variables,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_a_line_of_the_settings_file_sets_the_language(tmp_path: Path) -> None:
    assert "命令" in help_in(tmp_path, 'lang = "zh"\n', LANG="en_US.UTF-8").stdout
    assert "train a network" in help_in(tmp_path, 'lang = "zh"\n', CHAINRULE_LANG="en").stdout


@pytest.mark.parametrize(
    "text", ["lang = zh", 'lang = "fr"', "lang = 1", 'language = "zh"', "\0", "[" * 5_000]
)
def test_a_damaged_settings_file_is_ignored_with_a_warning(tmp_path: Path, text: str) -> None:
    outcome = help_in(tmp_path, text, LANG="zh_CN.UTF-8")
    assert "命令" in outcome.stdout
    assert outcome.returncode == 0
    assert "settings.toml is ignored: " in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_a_folder_and_a_pipe_are_no_settings_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert language_in_file(tmp_path) is None
    assert language_in_file(tmp_path / "pipe") is None
    assert language_in_file(tmp_path / "missing") is None


def test_the_settings_file_is_in_the_folder_for_configurations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/folder/of/ada")
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert settings_file() == Path("/folder/of/ada/.config/chainrule/settings.toml")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/etc/ada")
    assert settings_file() == Path("/etc/ada/chainrule/settings.toml")
