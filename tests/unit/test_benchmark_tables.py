"""The tables that benchmarks write into a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import results_page
from benchmarks.measure import Row
from benchmarks.sections import Section


def row(engine: str, variant: str, seconds: float, memory: int | None = None) -> Row:
    return Row(engine, variant, 0.0, 0.0, [seconds], [seconds], memory)


def test_a_table_has_the_fastest_variant_of_each_engine_and_its_ratio_to_the_fastest_peer() -> None:
    rows = [
        row("chainrule", "program.run", 1e-3),
        row("chainrule", "model(x)", 2e-3),
        row("PyTorch", "fused", 4e-3),
        row("PyTorch", "foreach", 5e-3),
        row("JAX", "scan", 3e-3),
    ]
    section = Section("a step", "a step", rows, flops=1e9, peak=2e12, standing="model(x)")
    assert results_page.table([section]) == [
        "| case | chainrule | PyTorch | JAX | ratio to best | of peak |",
        "|---|---|---|---|---|---|",
        "| a step | 2.00 ms | 4.00 ms | 3.00 ms | 1.50 | 25% |",
    ]


def test_a_table_with_memory_compares_it_with_pytorch() -> None:
    rows = [row("chainrule", "multi-step", 1.0, 2**20), row("PyTorch", "fused", 2.0, 3 * 2**20)]
    assert results_page.table([Section("LSTM", "a step", rows)])[-1] == (
        "| LSTM | 1.00 s | 2.00 s | 2.00 |  | 1.0 MiB | 3.0 MiB |"
    )


def test_a_text_replaces_only_that_between_the_marks_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "results.md"
    page.write_text(
        "first\n<!-- steps, float32 -->\nold\n<!-- end of steps, float32 -->\nlast\n", encoding="utf-8"
    )
    monkeypatch.setattr(results_page, "PAGE", page)
    results_page.write("steps, float32", r"new \1")
    results_page.write("steps, bfloat16", "added")
    assert page.read_text(encoding="utf-8") == (
        "first\n<!-- steps, float32 -->\nnew \\1\n<!-- end of steps, float32 -->\nlast\n"
        "\n## Steps, bfloat16\n\n<!-- steps, bfloat16 -->\nadded\n<!-- end of steps, bfloat16 -->\n"
    )
