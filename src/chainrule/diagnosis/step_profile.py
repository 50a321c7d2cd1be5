"""The profile of a training step, as a page and a bar chart.

The table of layers lists each stage with its time and its share of all kernels, and below it its layers. Two
columns rate the efficiency: kernels that mostly compute are compared with the peak of a large matrix product,
kernels that mostly move data with the speed of a large copy. The difference between the sum of the kernels
and a whole step is the overhead of the engine.
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.engines.profile import STAGES, KernelTime, StepProfile
from chainrule.notation.units import amount
from chainrule.page.bar_chart import Bar, bar_chart
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.plan.plan_table import operations_text
from chainrule.records import frozen
from chainrule.texts import render
from chainrule.train.monitor.profile import Stopwatch

COLORS = {
    "gather": "#868e96", "forward": "#2563a8", "backward": "#d1660f", "join": "#9c36b5", "update": "#2b8a3e",
}  # fmt: skip
STAGE_WORDS = {
    "gather": "stage_gather", "forward": "stage_forward", "backward": "stage_backward", "join": "stage_join",
    "update": "stage_update",
}  # fmt: skip
WITHOUT_LAYER = {"forward": "profile_loss", "backward": "profile_loss", "update": "profile_optimizer"}
FIRST = ("profile_stage", "profile_layer")
COSTS = (
    "profile_time", "profile_share", "profile_flops", "profile_flop_rate", "profile_of_peak", "profile_bytes",
    "profile_byte_rate", "profile_of_copy",
)  # fmt: skip
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
        """A picture: a bar for each layer in each stage, in the order in which they run."""
        bars = []
        stages = _stages(self.measured)
        for stage, lines in stages.items():
            name = render(STAGE_WORDS[stage], self.lang)
            for layer, part in _layers(lines, self.lang).items():
                took = sum(line.seconds for line in part)
                said = f"{amount(took, 's')}  {percent(took, self.measured.seconds)}"
                bars.append(Bar(layer or name, took, said, COLORS[stage], f"{name} {layer}".strip()))
        return bar_chart(bars, [(render(STAGE_WORDS[stage], self.lang), COLORS[stage]) for stage in stages])

    def _repr_html_(self) -> str:
        return html_page(self, standalone=False) + self.to_svg()


def profile_page(watch: Stopwatch, lang: str) -> Profile:
    """The page of what was measured.

    Args:
        watch: the numbers.
        lang: ``"en"`` or ``"zh"``.
    """
    made = watch.measured
    sections = (
        Section("", (Items(tuple(_circumstances(watch, lang))),)),
        Section(render("profile_layers", lang), (_layer_table(made, lang),)),
        Section(render("profile_steps", lang), (_step_table(made, lang),)),
        Section(render("profile_kernels", lang), (_kernel_table(made, lang), render("profile_cached", lang))),
    )
    return Profile(render("profile_title", lang), lang, sections, made)


def _circumstances(watch: Stopwatch, lang: str) -> list[str]:
    """On what it was measured, and how much one core can do at most."""
    made = watch.measured
    divided = {"batch": made.batch, "parts": made.microbatches, "rows": made.rows, "replicas": made.replicas}
    best = {"flops": amount(made.peak.flops, "flop/s"), "bytes": amount(made.peak.bytes, "B/s")}
    known = "profile_made_up" if watch.is_made_up else "profile_given"
    return [
        render("profile_divided" if made.microbatches > 1 else "profile_whole", lang, **divided),
        render(known, lang, rows=watch.rows, steps=made.steps),
        render("profile_peak", lang, **best),
    ]  # fmt: skip


def _layers(lines: Sequence[KernelTime], lang: str) -> dict[str, list[KernelTime]]:
    """The lines of a stage by layer, in the order in which they first run; ``""``: no layer is meant."""
    found: dict[str, list[KernelTime]] = {}
    for line in lines:
        others = render(WITHOUT_LAYER[line.stage], lang) if line.stage in WITHOUT_LAYER else ""
        found.setdefault(line.layer or others, []).append(line)
    return found


def _layer_table(made: StepProfile, lang: str) -> Table:
    """A row for each stage, and below it one for each layer."""
    rows = []
    for stage, lines in _stages(made).items():
        rows.append((render(STAGE_WORDS[stage], lang), "", *_costs(lines, made)))
        layers = _layers(lines, lang)
        rows += [("", layer, *_costs(part, made)) for layer, part in layers.items() if layer]
    rows.append((render("profile_all", lang), "", *_costs(made.lines, made)))
    return Table(tuple(render(key, lang) for key in (*FIRST, *COSTS)), tuple(rows), tuple(range(2, 10)))


def _stages(made: StepProfile) -> dict[str, list[KernelTime]]:
    """The lines by stage, of the stages there are."""
    found = {stage: [line for line in made.lines if line.stage == stage] for stage in STAGES}
    return {stage: lines for stage, lines in found.items() if lines}


def _costs(lines: Sequence[KernelTime], made: StepProfile) -> tuple[str, ...]:
    """Time and share; operations, their speed, its part of the peak; bytes, their speed, its part of it."""
    took = sum(line.seconds for line in lines)
    flops, moved = sum(line.flops for line in lines), sum(line.bytes for line in lines)
    computing = _speed(flops, took, "flop/s", made.peak.flops)
    moving = _speed(moved, took, "B/s", made.peak.bytes)
    said = f"<{amount(FINEST, 's')}" if took < FINEST else amount(took, "s")
    share = percent(took, made.seconds)
    return said, share, amount(flops), *computing, amount(moved, "B"), *moving


def _speed(work: int, took: float, unit: str, best: float) -> tuple[str, str]:
    """How fast something is done, and how that compares with the best this machine can do."""
    if not work or took < FINEST:
        return NONE, NONE
    return amount(work / took, unit), percent(work / took, best)


def percent(part: float, whole: float) -> str:
    """A share of something.

    Example:
        >>> percent(1, 8), percent(1, 0)
        ('12.5%', '–')
    """
    return f"{100 * part / whole:.1f}%" if whole else NONE


def _step_table(made: StepProfile, lang: str) -> Table:
    """The kernels' sum beside whole steps, with what is lost or won from one to the next."""

    def row(name: str, took: float, cores: int, against: str = "") -> tuple[str, ...]:
        reached = percent(made.flops / took, cores * made.peak.flops) if took else NONE
        return name, amount(took, "s"), against, reached

    over = f"{100 * (made.serial_seconds / made.seconds - 1):+.1f}%" if made.seconds else NONE
    rows = [row(render("profile_all", lang), made.seconds, 1)]
    rows.append(row(render("profile_alone", lang), made.serial_seconds, 1, over))
    if made.threads > 1:
        name, faster = (
            render("profile_together", lang, threads=made.threads),
            made.serial_seconds / made.parallel_seconds,
        )
        rows.append(row(name, made.parallel_seconds, made.threads, f"{faster:.2f}x"))
    head = (
        "",
        render("profile_time", lang),
        render("profile_against", lang),
        render("profile_of_peak", lang),
    )
    return Table(head, tuple(rows), (1, 2, 3))


def _kernel_table(made: StepProfile, lang: str) -> Table:
    """A row for each kernel, in the order in which they run."""
    rows = []
    for line in made.lines:
        took, share, _, *computing, _, speed, of_copy = _costs([line], made)
        where = render(STAGE_WORDS[line.stage], lang), line.layer, line.kernel, f"{line.calls}"
        rows.append((*where, took, share, *computing, speed, of_copy, operations_text(line.operations)))
    kept = [key for key in COSTS if key not in ("profile_flops", "profile_bytes")]
    keys = (*FIRST, "profile_kernel", "profile_calls", *kept, "profile_computes")
    return Table(tuple(render(key, lang) for key in keys), tuple(rows), tuple(range(3, 10)))
