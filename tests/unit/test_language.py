"""The language of messages is that of the environment, even if its locale is not installed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from chainrule.settings import language_of

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


@pytest.mark.parametrize(("variables", "words", "text"), [
    ({"LANG": "zh_CN.UTF-8"}, [], "命令"),
    ({"CHAINRULE_LANG": "zh", "LANG": "en_US.UTF-8"}, [], "命令"),
    ({"CHAINRULE_LANG": "zh"}, ["--lang", "en"], "train a network"),
])  # fmt: skip
def test_the_command_line_obeys_the_environment(
    variables: dict[str, str], words: list[str], text: str
) -> None:
    names = ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE", "CHAINRULE_LANG")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    outcome = subprocess.run(
        [sys.executable, "-c", f"from chainrule.apps.cli.main import main; main({[*words, '--help']})"],
        env={**environment, **variables, "PYTHONIOENCODING": "utf-8"},
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert text in outcome.stdout
