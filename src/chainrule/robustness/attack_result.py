"""The result of an attack: changed samples, robust accuracy, and whether it can be believed."""

from __future__ import annotations

import math
from dataclasses import field, replace
from typing import Any

import numpy as np

from chainrule.attribution.plots import append_plots, image_row
from chainrule.data import Table
from chainrule.messages import translated
from chainrule.notation import number
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section
from chainrule.page.page import Table as Grid
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.robustness.attacks import ATTACKS, COLUMNS, ENSEMBLE
from chainrule.robustness.gradient_masking import MaskingCheck
from chainrule.texts import LANGUAGES, render

MAX_LISTED = 5  # worst examples on a page
MAX_COLUMNS = 20  # columns that may change which are listed
MAX_CHANGES = 6  # changed elements that are listed for an example


@frozen
class Share:
    """A share of samples with its standard error.

    Args:
        count: samples that count.
        total: all samples.

    Example:
        >>> print(Share(80, 100))
        80.0 % ± 4.0 %
    """

    count: int
    total: int

    @property
    def value(self) -> float:
        """The share, from 0 to 1; NaN without samples."""
        return self.count / self.total if self.total else math.nan

    @property
    def standard_error(self) -> float:
        """The standard error of the share: the root of p (1 - p) / n; NaN without samples.

        Where all or none of the samples count, that would be 0 also for a single sample. Then p and n are
        those with two samples of either kind more.

        Reference: Agresti and Coull (1998), Approximate is better than "exact" for interval estimation of
        binomial proportions.
        """
        count, total = self.count, self.total
        if count in (0, total) and total:
            count, total = count + 2, total + 4
        share = count / total if total else math.nan
        return math.sqrt(share * (1 - share) / total) if total else math.nan

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} % ± {100 * self.standard_error:.1f} %"


@frozen
class Trial:
    """The result of one attack.

    Args:
        name: the attack.
        rows: the samples that it attacked.
        broken: those that it broke.
        evaluations: points that it evaluated, each a forward pass, with a gradient also a backward pass.
    """

    name: str
    rows: int
    broken: int
    evaluations: int


@frozen(eq=False)
class AttackResult:
    """The samples that an attack changed, and the accuracy under it. Printing it gives text.

    A sample counts as robust if the network classifies it correctly and no attack found a change in the ball
    with another prediction. This is an upper limit of the true robust accuracy: another attack may find more.

    Args:
        method: the attack, or ``"ensemble"``.
        norm: ``"inf"`` or ``"2"``.
        radius: the largest change.
        x, adversarial: (n, ...) the samples and the changed samples, as inputs of the network, or as
            embedding vectors of tokens.
        labels: (n,) the true classes, as indices.
        clean, attacked: (n,) the predicted classes of the samples and of the changed samples.
        confidence: (n,) the probability of the predicted class of each changed sample.
        classes: the names of the classes.
        broken_by: for each sample the attack that broke it; ``""`` if none did.
        trials: the attacks that ran.
        checks: comparisons that show masked gradients; empty if they were not requested.
        columns: the names of the elements of a sample; empty for images and tokens.
        is_embedded: whether embedding vectors were changed.
        cells: for rows of a table the changed cells: column, cell before, cell after.
        table: the table with the changed cells; ``None`` for arrays.
        allowed: the columns that may change, each with its limit, or with the number of its levels.
        is_exhaustive: whether every allowed combination of cells was tried for the rows that were not broken.
        scale: the size of a change of 1 in the units of the radius, broadcast to a sample: of images of a
            folder 1 / standard deviation.
        numbers: the row numbers of the samples in their file; by default they are counted from 1.
        seed: the seed of all random numbers.
        lang: the language of the text.
        goal: the index of the only class whose prediction counts as success; ``None``: each wrong one.
        token_distance: of embedding vectors, the median distance of a token from the nearest other one.
        threshold: from which probability the second of two classes is predicted; ``None``: the likelier one.
    """

    method: str
    norm: str
    radius: float
    x: np.ndarray
    adversarial: np.ndarray
    labels: np.ndarray
    clean: np.ndarray
    attacked: np.ndarray
    confidence: np.ndarray
    classes: tuple[Any, ...]
    broken_by: tuple[str, ...]
    trials: tuple[Trial, ...]
    checks: tuple[MaskingCheck, ...] = ()
    columns: tuple[str, ...] = ()
    is_embedded: bool = False
    cells: tuple[tuple[tuple[str, str, str], ...], ...] = ()
    table: Table | None = None
    allowed: tuple[tuple[str, float, int], ...] = ()
    is_exhaustive: bool = False
    scale: float | np.ndarray = 1.0
    numbers: tuple[int, ...] = ()
    seed: int = 0
    lang: str = field(default="en")
    goal: int | None = None
    token_distance: float = math.nan
    threshold: float | None = None

    @property
    def rows(self) -> int:
        """The number of samples."""
        return len(self.labels)

    @property
    def success(self) -> np.ndarray:
        """(n,) Whether the attack changed a correct prediction to a wrong one, or to that of the goal."""
        is_reached = self.attacked != self.labels if self.goal is None else self.attacked == self.goal
        return (self.clean == self.labels) & is_reached

    @property
    def clean_accuracy(self) -> Share:
        """The accuracy on the samples themselves."""
        return Share(int((self.clean == self.labels).sum()), self.rows)

    @property
    def robust_accuracy(self) -> Share:
        """The accuracy under the attack; with a goal, the share of correct samples that do not reach it."""
        return Share(self.clean_accuracy.count - int(self.success.sum()), self.rows)

    @property
    def strongest(self) -> str:
        """The attack that broke most samples."""
        return max(self.trials, key=lambda trial: trial.broken).name if self.trials else self.method

    @property
    def suspicions(self) -> tuple[MaskingCheck, ...]:
        """The checks that contradict the attack."""
        return tuple(check for check in self.checks if check.is_suspicious)

    def worst(self, count: int = MAX_LISTED) -> list[int]:
        """Return the indices of the broken samples with the most confident wrong predictions."""
        broken = np.flatnonzero(self.success)
        return broken[np.argsort(-self.confidence[broken], kind="stable")][:count].tolist()

    def page(self) -> Page:
        """Return the result as a page."""
        lang = self.lang
        sections = [Section("", (Items(self._facts()),))]
        if len(self.trials) > 1:
            sections.append(Section(render("attack_trials", lang), (self._trials(),)))
        if self.checks:
            sections.append(Section(render("attack_checks", lang), (Items(self._checks()),)))
        if self.success.any():
            sections.append(Section(render("attack_worst", lang), (self._worst(),)))
        return Page(render("attack_title", lang, method=self._title(self.method)), lang, tuple(sections))

    def _title(self, name: str) -> str:
        if name in (ENSEMBLE, COLUMNS):
            return render(f"attack_{name}", self.lang)
        return translated(ATTACKS[name].title, self.lang)

    def _facts(self) -> tuple[str, ...]:
        lang = self.lang
        kind = "embedding" if self.is_embedded else "table" if self.table is not None else "input"
        norm = render(f"attack_norm_{self.norm}", lang)
        texts = [
            render(f"attack_threat_{kind}", lang, norm=norm, radius=number(self.radius), rows=self.rows),
            *self._extra_facts(),
            render("attack_clean", lang, share=self.clean_accuracy),
            render(
                "attack_robust" if self.goal is None else "attack_robust_goal",
                lang,
                share=self.robust_accuracy,
                broken=int(self.success.sum()),
                name=self._goal,
            ),
        ]
        if len(self.trials) > 1 and self.success.any():
            texts.append(render("attack_strongest", lang, name=self._title(self.strongest)))
        if self.suspicions:
            texts.append(render("attack_unbelievable", lang))
        is_exact = self.is_exhaustive and self.robust_accuracy.count > 0  # else no row was left to be tried
        return (*texts, render("attack_exhaustive" if is_exact else "attack_limit", lang))

    @property
    def _goal(self) -> str:
        return "" if self.goal is None else str(self.classes[self.goal])

    def _extra_facts(self) -> list[str]:
        """Return the facts that only some attacks have: columns, distances of tokens, the goal."""
        texts = []
        if self.threshold is not None:
            limit = f"{self.threshold:.4g}"
            texts.append(render("why_threshold_raw", self.lang, label=self.classes[1], threshold=limit))
        if self.allowed:
            texts.append(render("attack_may_change", self.lang, columns=self._allowed()))
        if math.isfinite(self.token_distance):
            distance = number(self.token_distance)
            texts.append(render(f"attack_tokens_{self.norm}", self.lang, distance=distance))
        if self.goal is not None:
            texts.append(render("attack_goal", self.lang, name=self._goal))
        return texts

    def _allowed(self) -> str:
        parts = [
            render("attack_any_level", self.lang, column=column, count=levels)
            if levels
            else render("attack_by", self.lang, column=column, limit=f"{limit:.6g}")
            for column, limit, levels in self.allowed
        ]
        return ", ".join(parts[:MAX_COLUMNS]) + (", ..." if len(parts) > MAX_COLUMNS else "")

    def _trials(self) -> Grid:
        keys = ("attack_name", "attack_rows", "attack_broken", "attack_evaluations")
        rows = tuple(
            (self._title(t.name), str(t.rows), str(t.broken), str(t.evaluations)) for t in self.trials
        )
        return Grid(tuple(render(key, self.lang) for key in keys), rows, (1, 2, 3))

    def _checks(self) -> tuple[str, ...]:
        return tuple(
            render(
                "attack_suspicious" if check.is_suspicious else "attack_plausible",
                self.lang,
                text=render(f"masking_{check.name}", self.lang, against=check.against, rows=check.rows),
            )
            for check in self.checks
        )

    def _worst(self) -> Grid:
        keys = (
            "attack_row",
            "attack_true",
            "attack_before",
            "attack_after",
            "attack_confidence",
            "attack_change",
        )
        rows = []
        for i in self.worst():
            names = [str(self.classes[k]) for k in (self.labels[i], self.clean[i], self.attacked[i])]
            rows.append((str(self._number(i)), *names, f"{100 * self.confidence[i]:.1f} %", self._change(i)))
        return Grid(tuple(render(key, self.lang) for key in keys), tuple(rows), (0, 4))

    def _number(self, i: int) -> int:
        return self.numbers[i] if self.numbers else i + 1

    def _change(self, i: int) -> str:
        """Return the changed columns of a sample, or the size of the change."""
        if self.cells:
            parts = [f"{name} {old} → {new}" for name, old, new in self.cells[i]]
            return "; ".join(parts[:MAX_CHANGES]) + (
                render("attack_more", self.lang, count=len(parts) - MAX_CHANGES)
                if len(parts) > MAX_CHANGES
                else ""
            )
        before, after = self.x[i].reshape(-1), self.adversarial[i].reshape(-1)
        change = ((self.adversarial[i].astype(np.float64) - self.x[i]) / self.scale).reshape(-1)
        if len(self.columns) == len(before):
            order = np.argsort(-np.abs(change), kind="stable")[:MAX_CHANGES]
            parts = [
                f"{self.columns[k]} {number(float(before[k]))} → {number(float(after[k]))}"
                for k in order.tolist()
                if change[k]
            ]
            return "; ".join(parts)
        largest, length = float(np.abs(change).max()), float(np.sqrt((change**2).sum()))
        return render("attack_size", self.lang, largest=number(largest), length=number(length))

    def __str__(self) -> str:
        return text_page(self.page())

    def __repr__(self) -> str:
        return f"<AttackResult of {self.method}: {self.robust_accuracy} robust; print it>"

    def to_html(self) -> str:
        """Return one self-contained page in all languages, with images of the worst examples."""
        others = [replace(self, lang=lang).page() for lang in LANGUAGES if lang != self.lang]
        return append_plots(html_page(self.page(), others=others), self._images())

    def _images(self) -> list[str]:
        """Return original, change and changed image of the worst examples as SVG."""
        if self.x.ndim != 4 or self.x.shape[-1] > 4 or self.is_embedded:
            return []
        images = []
        for i in self.worst():
            names = [str(self.classes[k]) for k in (self.clean[i], self.attacked[i])]
            title = render("attack_picture", self.lang, row=self._number(i), before=names[0], after=names[1])
            change = self.adversarial[i].astype(np.float64) - self.x[i]
            images.append(image_row([self.x[i], change, self.adversarial[i]], title))
        return images

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False)
