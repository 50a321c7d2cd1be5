"""The options of a training are read back from their file; an invalid config is refused."""

from __future__ import annotations

import shlex
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.errors import ChainruleError, UsageError
from chainrule.store import RunFolder
from chainrule.tabular.options import KIND_OPTIONS, OF_RECIPE, Options, require_equal
from chainrule.tabular.run_folder import CONFIG, read_config, to_toml

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
OPTIONS = st.builds(
    Options,
    data=TEXTS,
    target=TEXTS,
    net=TEXTS,
    epochs=st.integers(1, 10**6),
    learning_rate=st.floats(1e-12, 1e12),
    penalty=st.floats(0, 1e6),
    seed=st.integers(0, 2**63 - 1),
    category=st.lists(TEXTS, max_size=3, unique=True).map(tuple),
    date=st.just(("since \n",)),
    text=st.just(("note",)),
    drop=st.just(()),
    passed=st.lists(st.sampled_from(OF_RECIPE), unique=True).map(tuple),
)


@given(OPTIONS, st.text(st.sampled_from("0123456789abcdef"), max_size=64))
def test_config_round_trip(
    tmp_path_factory: pytest.TempPathFactory, options: Options, fingerprint: str
) -> None:
    folder = RunFolder.create(tmp_path_factory.mktemp("run"))
    folder.write_text(CONFIG, to_toml(options, fingerprint))
    assert read_config(folder) == (options, fingerprint)


@given(OPTIONS)
def test_the_command_line_contains_every_option(options: Options) -> None:
    words = shlex.split(options.command("run"))
    assert words[:3] == ["chainrule", "train", options.data]
    assert words[-2:] == ["--out", "run"]
    flags = shlex.split(replace(options, quick=True, learning_curve=True).command("run"))
    assert [word for word in flags if word not in words] == ["--quick", "--learning-curve"]
    pairs = dict(zip(words[3::2], words[4::2], strict=True))
    assert pairs["--target"] == options.target
    assert float(pairs.get("--learning-rate", Options("").learning_rate)) == options.learning_rate
    assert all(f"--{name.replace('_', '-')}" in pairs for name in OF_RECIPE if options.is_passed(name))
    assert [v for k, v in zip(words[3::2], words[4::2], strict=True) if k == "--category"] == list(
        options.category
    )


def test_columns_have_the_kind_of_their_option() -> None:
    options = Options("t.csv", **{kind: (f"{kind} column",) for kind in KIND_OPTIONS})
    assert options.kinds == {f"{kind} column": kind for kind in KIND_OPTIONS}
    with pytest.raises(UsageError, match="E608"):
        Options("t.csv", date=("sold",), text=("sold",))


def test_option_values_that_toml_cannot_store_are_refused() -> None:
    with pytest.raises(UsageError, match="E601"):
        to_toml(Options("\udc80.csv"), "")


@given(
    text=st.text(max_size=60) | st.sampled_from(["epochs = 1e999", "seed = -1", 'drop = "x"', "a = {", "'''"])
)
def test_an_invalid_config_raises_a_chainrule_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = RunFolder.create(tmp_path_factory.mktemp("run"))
    (folder.path / CONFIG).write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(ChainruleError) as caught:
        read_config(folder)
    assert caught.value.code in ("E605", "E411")


@pytest.mark.parametrize(
    "text",
    [
        "a" + ".a" * 100_000 + " = 1",
        "[a" + ".a" * 100_000 + "]",
        "a = {" + "a.a" * 100_000 + " = 1}",
        "a = " + "[" * 100_000,
        "epochs = " + "1" * 5_000,
        "#" * (2**20 + 1),
    ],
)
def test_a_hostile_config_is_refused_at_once(text: str, tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path)
    folder.write_text(CONFIG, text)
    start = time.process_time()
    with pytest.raises(ChainruleError) as caught:
        read_config(folder)
    assert caught.value.code in ("E605", "E404")
    assert time.process_time() - start < 2


def test_a_config_edited_by_hand_is_read(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path)
    lines = to_toml(Options("iris", drop=("a", 'b "c"')), "5f2c").splitlines()
    lines = [line.replace("epochs = 200", "epochs=50  # fewer") for line in lines]
    folder.write_text(CONFIG, "\r\n".join(["# mine", "", *lines]))
    options, fingerprint = read_config(folder)
    assert (options.epochs, options.drop, fingerprint) == (50, ("a", 'b "c"'), "5f2c")


def test_a_value_out_of_its_range_in_a_config(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path)
    folder.write_text(CONFIG, to_toml(Options("iris"), "").replace("epochs = 200", "epochs = 0"))
    with pytest.raises(UsageError, match="E102"):
        read_config(folder)


def test_options_that_contradict_the_config_are_refused() -> None:
    saved = Options("old.csv", epochs=5)
    assert require_equal(saved, {"epochs": 5}, "moved.csv", "run") == replace(saved, data="moved.csv")
    with pytest.raises(UsageError) as caught:
        require_equal(saved, {"epochs": 6, "net": "8"}, "old.csv", "run")
    assert caught.value.code == "E603"
    assert caught.value.received == "epochs: 5, now 6"
    assert len(caught.value.notes) == 1


@pytest.mark.parametrize("name", OF_RECIPE)
def test_an_option_with_its_default_is_passed_only_where_it_was_on_the_command_line(name: str) -> None:
    value = getattr(Options(""), name)
    without, passed = Options("t.csv"), Options("t.csv").with_passed({name: value})
    assert [options.is_passed(name) for options in (without, passed)] == [False, True]
    assert require_equal(passed, {name: value}, "t.csv", "run") == passed
    with pytest.raises(UsageError, match="E603") as caught:
        require_equal(without, {name: value}, "t.csv", "run")
    assert caught.value.received == f"{name}: not passed, now {value!r}"
    small = Options("t.csv", quick=True)  # its values are those of the options
    assert require_equal(small, {name: value}, "t.csv", "run") == small
    pictures = Options("pets")  # a single network, too
    assert require_equal(pictures, {name: value}, "pets", "run", has_images=True) == pictures
