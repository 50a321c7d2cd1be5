"""``chainrule show`` of named models: the list, one model with its network, unknown names."""

from __future__ import annotations

import re

import pytest

from chainrule.models import MODELS

HAN = re.compile("[一-鿿]")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_all_models_have_a_line_with_their_count(chainrule, lang: str) -> None:
    head, *lines = chainrule("show", "models", "--lang", lang).out.splitlines()
    assert [line.split()[:2] for line in lines] == [[c.name, f"{c.parameters:,}"] for c in MODELS.values()]
    assert all(bool(HAN.search(line)) == (lang == "zh") for line in [head, *lines])


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_shown_with_its_network_and_reference(chainrule, name: str) -> None:
    card = MODELS[name]
    english, chinese = (chainrule("show", "model", name, "--lang", lang) for lang in ("en", "zh"))
    for outcome in (english, chinese):
        assert outcome.code == 0, outcome.err
        assert outcome.out.startswith(name)
        assert f"cr.models.{name}(" in outcome.out
        assert f"{card.parameters:,}" in outcome.out
        net = "\n".join(f"  {line}" for line in str(card.net()).splitlines())
        assert net in outcome.out
        assert card.reference in outcome.out
    assert card.chinese in chinese.out.splitlines()[0]
    assert card.says[1] in chinese.out
    assert not HAN.search(english.out)


@pytest.mark.parametrize(
    ("spelling", "name"), [("ResNet-18", "resnet18"), ("VGG_16", "vgg16"), ("U-Net", "unet")]
)
def test_a_model_is_shown_by_other_spellings(chainrule, spelling: str, name: str) -> None:
    assert chainrule("show", "model", spelling).out.startswith(f"{name}\n")


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (("model", "resnt18"), "chainrule show model resnet18"),
        (("model", "lenet"), "chainrule show model lenet5"),
        (("model", "x" * 500), "chainrule show model "),
        (("mdoel", "vgg16"), "chainrule show model vgg16"),
    ],
)
def test_an_unknown_model_is_refused_with_the_nearest(chainrule, words: tuple[str, str], fix: str) -> None:
    outcome = chainrule("show", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert fix in outcome.err
    assert len(outcome.err) < 2000


def test_a_folder_named_models_is_shown_as_a_run(chainrule, run) -> None:
    run.rename("models")
    assert "Network" in chainrule("show", "models").out


def test_arguments_are_described_in_chinese(chainrule) -> None:
    outcome = chainrule("show", "model", "vit", "--lang", "zh")
    assert "图像的边长；默认 224，tiny 为 32。" in outcome.out
    assert "inspect" not in outcome.out
