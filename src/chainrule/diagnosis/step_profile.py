"""The profile of a training step, as a page and a bar chart.

The table of layers lists each stage with its time and its share of all kernels, and below it its layers. Two
columns rate the efficiency: kernels that mostly compute are compared with the peak of a large matrix product,
kernels that mostly move data with the speed of a large copy. The difference between the sum of the kernels
and a whole step is the overhead of the engine.
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.engines.profile import STAGES, KernelTime, StepProfile
from chainrule.notation.number_format import amount
from chainrule.page.charts import Bar, bar_chart
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.plan.plan_record import operations_text
from chainrule.records import frozen
from chainrule.texts import render
from chainrule.train.monitor.profile import ProfileResult

COLORS = {
    "gather": "#868e96",
    "forward": "#2563a8",
    "backward": "#d1660f",
    "join": "#9c36b5",
    "update": "#2b8a3e",
}
STAGE_WORDS = {
    "gather": "stage_gather",
    "forward": "stage_forward",
    "backward": "stage_backward",
    "join": "stage_join",
    "update": "stage_update",
}
WITHOUT_LAYER = {"forward": "profile_loss", "backward": "profile_loss", "update": "profile_optimizer"}
FIRST = ("profile_stage", "profile_layer")
COSTS = tuple(
    (
        "profile_time profile_share profile_flops profile_flop_rate profile_of_peak profile_bytes "
        "profile_byte_rate profile_of_copy"
    ).split()
)
NONE = "–"
FINEST = 1e-8  # seconds; shorter times are below the resolution of the clock


@frozen
class Profile(Page):
    """The time of a training step per layer and kernel. Printing it gives text; a notebook shows it as HTML.

    Args:
        measured: the measurements.
    """

    measured: StepProfile

    def __str__(self) -> str:
        return text_page(self)

    def __repr__(self) -> str:
        return f"<Profile {self.title!r}: {len(self.measured.lines)} kernels; print it>"

    def to_html(self) -> str:
        """Return one self-contained HTML page without the chart."""
        return html_page(self)

    def to_svg(self) -> str:
        """Return a bar chart as SVG: a bar for each layer in each stage, in execution order."""
        bars = []
        stages = _stages(self.measured)
        for stage, lines in stages.items():
            name = render(STAGE_WORDS[stage], self.lang)
            for layer, part in _layers(lines, self.lang).items():
                seconds = sum(line.seconds for line in part)
                label = f"{amount(seconds, 's')}  {percent(seconds, self.measured.seconds)}"
                bars.append(Bar(layer or name, seconds, label, COLORS[stage], f"{name} {layer}".strip()))
        return bar_chart(bars, [(render(STAGE_WORDS[stage], self.lang), COLORS[stage]) for stage in stages])

    def _repr_html_(self) -> str:
        return html_page(self, standalone=False) + self.to_svg()


def profile_page(watch: ProfileResult, lang: str) -> Profile:
    """Return the page of a profile.

    Args:
        lang: ``"en"`` or ``"zh"``.
    """
    profile = watch.profile
    sections = (
        Section("", (Items(tuple(_circumstances(watch, lang))),)),
        Section(render("profile_layers", lang), (_layer_table(profile, lang),)),
        Section(render("profile_steps", lang), (_step_table(profile, lang),)),
        Section(
            render("profile_kernels", lang), (_kernel_table(profile, lang), render("profile_cached", lang))
        ),
    )
    return Profile(render("profile_title", lang), lang, sections, profile)


def _circumstances(watch: ProfileResult, lang: str) -> list[str]:
    """Return the texts on the measured rows and on the peak of one core."""
    profile = watch.profile
    divided = {
        "batch": profile.batch,
        "parts": profile.microbatches,
        "rows": profile.rows,
        "replicas": profile.replicas,
    }
    peak = {"flops": amount(profile.peak.flops, "flop/s"), "bytes": amount(profile.peak.bytes, "B/s")}
    rows_key = "profile_made_up" if watch.is_random else "profile_given"
    return [
        render("profile_divided" if profile.microbatches > 1 else "profile_whole", lang, **divided),
        render(rows_key, lang, rows=watch.rows, steps=profile.steps),
        render("profile_peak", lang, **peak),
    ]


def _layers(lines: Sequence[KernelTime], lang: str) -> dict[str, list[KernelTime]]:
    """Return the kernels of a stage by layer, in the order of their first run; ``""`` for no layer."""
    by_layer: dict[str, list[KernelTime]] = {}
    for line in lines:
        others = render(WITHOUT_LAYER[line.stage], lang) if line.stage in WITHOUT_LAYER else ""
        by_layer.setdefault(line.layer or others, []).append(line)
    return by_layer


def _layer_table(profile: StepProfile, lang: str) -> Table:
    """Return a table with a row for each stage, followed by its layers."""
    rows = []
    for stage, lines in _stages(profile).items():
        rows.append((render(STAGE_WORDS[stage], lang), "", *_costs(lines, profile)))
        layers = _layers(lines, lang)
        rows += [("", layer, *_costs(part, profile)) for layer, part in layers.items() if layer]
    rows.append((render("profile_all", lang), "", *_costs(profile.lines, profile)))
    return Table(tuple(render(key, lang) for key in (*FIRST, *COSTS)), tuple(rows), tuple(range(2, 10)))


def _stages(profile: StepProfile) -> dict[str, list[KernelTime]]:
    by_stage = {stage: [line for line in profile.lines if line.stage == stage] for stage in STAGES}
    return {stage: lines for stage, lines in by_stage.items() if lines}


def _costs(lines: Sequence[KernelTime], profile: StepProfile) -> tuple[str, ...]:
    """Return time and share; operations, their rate, its share of the peak; the same for bytes."""
    seconds = sum(line.seconds for line in lines)
    flops, moved = sum(line.flops for line in lines), sum(line.bytes for line in lines)
    computing = _throughput(flops, seconds, "flop/s", profile.peak.flops)
    moving = _throughput(moved, seconds, "B/s", profile.peak.bytes)
    time = f"<{amount(FINEST, 's')}" if seconds < FINEST else amount(seconds, "s")
    share = percent(seconds, profile.seconds)
    return time, share, amount(flops), *computing, amount(moved, "B"), *moving


def _throughput(work: int, seconds: float, unit: str, peak: float) -> tuple[str, str]:
    """Return the rate of some work, and its share of the peak of this machine."""
    if not work or seconds < FINEST:
        return NONE, NONE
    return amount(work / seconds, unit), percent(work / seconds, peak)


def percent(part: float, total: float) -> str:
    """Return a share as a percentage.

    Example:
        >>> percent(1, 8), percent(1, 0)
        ('12.5%', '–')
    """
    return f"{100 * part / total:.1f}%" if total else NONE


def _step_table(profile: StepProfile, lang: str) -> Table:
    """Return a table of the sum of the kernels and of complete steps, with the differences."""

    def row(name: str, seconds: float, cores: int, against: str = "") -> tuple[str, ...]:
        reached = percent(profile.flops / seconds, cores * profile.peak.flops) if seconds else NONE
        return name, amount(seconds, "s"), against, reached

    over = f"{100 * (profile.serial_seconds / profile.seconds - 1):+.1f}%" if profile.seconds else NONE
    rows = [row(render("profile_all", lang), profile.seconds, 1)]
    rows.append(row(render("profile_alone", lang), profile.serial_seconds, 1, over))
    if profile.threads > 1:
        name, faster = (
            render("profile_together", lang, threads=profile.threads),
            profile.serial_seconds / profile.parallel_seconds,
        )
        rows.append(row(name, profile.parallel_seconds, profile.threads, f"{faster:.2f}x"))
    head = (
        "",
        render("profile_time", lang),
        render("profile_against", lang),
        render("profile_of_peak", lang),
    )
    return Table(head, tuple(rows), (1, 2, 3))


def _kernel_table(profile: StepProfile, lang: str) -> Table:
    """Return a table with a row for each kernel, in execution order."""
    rows = []
    for line in profile.lines:
        seconds, share, _, *computing, _, speed, of_copy = _costs([line], profile)
        where = render(STAGE_WORDS[line.stage], lang), line.layer, line.kernel, f"{line.calls}"
        rows.append((*where, seconds, share, *computing, speed, of_copy, operations_text(line.operations)))
    costs = [key for key in COSTS if key not in ("profile_flops", "profile_bytes")]
    keys = (*FIRST, "profile_kernel", "profile_calls", *costs, "profile_computes")
    return Table(tuple(render(key, lang) for key in keys), tuple(rows), tuple(range(3, 10)))
