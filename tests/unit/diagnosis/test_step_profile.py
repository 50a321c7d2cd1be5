"""A profile is printed in both languages, its times add up, and it has a chart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

import chainrule as cr
from chainrule.diagnosis.step_profile import Profile, profile_page
from chainrule.engines.profile import CorePeak, KernelTime, StepProfile
from chainrule.errors import UsageError
from chainrule.page.charts import Bar, bar_chart
from chainrule.train.monitor.profile import ProfileResult

MEASURED = StepProfile(
    lines=(
        KernelTime("update", "", "loop", ("cast", "add"), 1, 2e-9, 2, 24),
        KernelTime("gather", "", "take_rows", ("x",), 4, 12e-6, 0, 401_408),
        KernelTime("forward", "dense1", "matmul", ("matmul",), 4, 400e-6, 51_380_224, 1_200_000),
        KernelTime("forward", "dense1", "loop", ("add", "relu"), 4, 3e-6, 65_536, 260_000),
        KernelTime("forward", "", "log_softmax", ("log_softmax",), 4, 5e-6, 1280, 10_240),
        KernelTime("backward", "", "loop", ("exp", "multiply", "subtract"), 4, 1e-6, 3840, 20_480),
        KernelTime("backward", "dense1", "matmul", ("matmul",), 4, 500e-6, 51_380_224, 1_300_000),
        KernelTime("join", "", "loop", ("add",), 1, 40e-6, 200_704, 2_408_448),
        KernelTime("update", "dense1", "loop", ("multiply",) * 7, 1, 39e-6, 1_404_928, 4_014_080),
    ),
    serial_seconds=1.05e-3,
    parallel_seconds=0.6e-3,
    threads=2,
    batch=128,
    rows=32,
    replicas=2,
    steps=200,
    peak=CorePeak(2e11, 1e10),
)


def page(measured: StepProfile = MEASURED, lang: str = "en", is_random: bool = False) -> Profile:
    return profile_page(ProfileResult(measured, 1797, is_random), lang)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_profile_matches_the_golden_file(golden: Callable[[str, str], None], lang: str) -> None:
    golden(f"profile/step.{lang}.txt", str(page(lang=lang, is_random=lang == "zh")))
    golden(f"profile/step.{lang}.svg", page(lang=lang).to_svg())


def test_times_and_shares_add_up() -> None:
    layers = page().sections[1].parts[0]
    stages = [row for row in layers.rows if row[0] and row[2] != ""]
    shares = [float(row[3].rstrip("%")) for row in stages[:-1]]
    assert stages[-1][3] == "100.0%"
    assert sum(shares) == pytest.approx(100, abs=0.3)
    assert MEASURED.seconds == pytest.approx(1.000002e-3)


def test_the_overhead_of_the_engine_is_listed() -> None:
    steps = page().sections[2].parts[0].rows
    assert [row[:3] for row in steps] == [
        ("all kernels", "1 ms", ""),
        ("one step, 1 thread", "1.05 ms", "+5.0%"),
        ("one step, 2 threads", "600 µs", "1.75x"),
    ]


def test_one_thread_and_one_part_are_not_repeated() -> None:
    text = str(page(replace(MEASURED, threads=1, rows=128, replicas=1)))
    assert "threads" not in text
    assert "Batch size 128.\n" in text


def test_kernels_without_time_have_no_throughput() -> None:
    lines = tuple(replace(line, seconds=0.0) for line in MEASURED.lines)
    text = str(page(replace(MEASURED, lines=lines)))
    assert "<10 ns" in text
    assert "inf" not in text
    assert "nan" not in text


def test_the_chart_has_a_bar_per_layer_and_stage() -> None:
    svg = page().to_svg()
    tree = ElementTree.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    bars = [r for r in tree.iter(f"{space}rect") if r.find(f"{space}title") is not None]
    assert [bar.find(f"{space}title").text for bar in bars] == [
        "gather",
        "forward dense1",
        "forward (loss)",
        "backward (loss)",
        "backward dense1",
        "merge",
        "update (optimizer)",
        "update dense1",
    ]
    longest = max(bars, key=lambda bar: float(bar.get("width")))
    assert longest.find(f"{space}title").text == "backward dense1"
    assert "<script" not in svg


def test_names_are_escaped_in_chart_and_page() -> None:
    hostile = replace(MEASURED.lines[2], layer="<script>a&b</script>")
    profile = page(replace(MEASURED, lines=(hostile,)))
    for text in (profile.to_svg(), profile.to_html(), profile._repr_html_()):
        assert "<script" not in text
        assert "&lt;script&gt;a&amp;b" in text
    ElementTree.fromstring(profile.to_svg())


def test_an_empty_chart_is_well_formed() -> None:
    ElementTree.fromstring(bar_chart([]))
    ElementTree.fromstring(bar_chart([Bar("a", 0.0, "0", "#000")]))


def test_profiling_does_not_change_the_model() -> None:
    x = np.random.Generator(np.random.Philox(2)).normal(size=(60, 5))
    model = cr.Model(cr.Sequential(cr.Dense(4, "relu"), cr.Dense(2)), "cross_entropy", engine="native")
    model.fit(x, np.arange(60) % 2, epochs=1, batch_size=16, verbose=False)
    before = {name: array.tobytes() for name, array in model.parameters().items()}
    on_random_rows = model.profile(steps=5)
    assert (on_random_rows.measured.batch, on_random_rows.lang) == (16, "en")
    assert "60 random rows" in str(on_random_rows)
    on_given_rows = model.profile(x, np.arange(60) % 2, batch_size=8, steps=5, lang="zh")
    assert (on_given_rows.measured.batch, on_given_rows.lang) == (8, "zh")
    assert "给定的 60 行" in str(on_given_rows)
    assert repr(on_given_rows).startswith("<Profile")
    assert {name: array.tobytes() for name, array in model.parameters().items()} == before
    with pytest.raises(UsageError, match="E101"):
        model.profile(lang="fr")
    assert str(model.plan(16)).startswith("plan for B=16")
