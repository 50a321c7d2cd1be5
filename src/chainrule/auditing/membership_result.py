"""The result of membership inference: how well each attack works, as a sentence, a table and a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from chainrule.auditing.separation import Detection, Estimate
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.texts import LANGUAGES, render

CLEAR_AREA, CLEAR_SHARE = 0.6, 0.1  # lower limits from which members are called clearly recognizable
MAX_LISTED = 10


@frozen
class Attack:
    """The success of one attack.

    Args:
        name: ``"loss_threshold"`` or ``"likelihood_ratio"``.
        area: under its ROC curve; guessing has 0.5.
        detections: at limited shares of false alarms.
    """

    name: str
    area: Estimate
    detections: tuple[Detection, ...]

    @property
    def is_better_than_chance(self) -> bool:
        """Whether an interval excludes guessing."""
        is_detected = any(d.is_measurable and d.share.low > d.false_alarms.high for d in self.detections)
        return self.area.low > 0.5 or is_detected

    @property
    def is_clear(self) -> bool:
        """Whether many members are recognized."""
        are_many = any(d.is_measurable and d.share.low >= CLEAR_SHARE for d in self.detections)
        return self.is_better_than_chance and (self.area.low >= CLEAR_AREA or are_many)


@frozen(eq=False)
class MembershipResult:
    """The success of attacks that distinguish the rows of a training from others. Printing it gives text.

    All intervals hold together with a probability of 95 %.

    Args:
        attacks: the attacks, the strongest method last.
        is_member: (n,) whether the training used each row.
        scores: (n,) of the last attack, larger for probable members.
        member_fit, other_fit: the accuracy, or the mean squared error in standardized units, on the rows of
            the training and on others.
        is_classification: whether these are accuracies.
        shadows: the number of shadow models.
        is_replaced: whether a model trained on a random half was attacked in place of the model.
        lang: the language of the text.
        numbers: the row numbers in their file; by default counted from 1.
    """

    attacks: tuple[Attack, ...]
    is_member: np.ndarray
    scores: np.ndarray
    member_fit: float
    other_fit: float
    is_classification: bool
    shadows: int
    is_replaced: bool
    lang: str = "en"
    numbers: tuple[int, ...] = ()

    @property
    def verdict(self) -> str:
        """``"chance"``, ``"recognizable"`` or ``"clear"``."""
        if any(attack.is_clear for attack in self.attacks):
            return "clear"
        return "recognizable" if any(a.is_better_than_chance for a in self.attacks) else "chance"

    @property
    def strongest(self) -> Attack:
        """The attack with the largest area."""
        return max(self.attacks, key=lambda attack: attack.area.value)

    @property
    def area(self) -> Estimate:
        """The area under the ROC curve of the strongest attack."""
        return self.strongest.area

    def exposed(self, count: int = MAX_LISTED) -> list[int]:
        """Return the indices of the members with the largest scores."""
        members = np.flatnonzero(self.is_member)
        return members[np.argsort(-self.scores[members], kind="stable")][:count].tolist()

    def page(self) -> Page:
        """Return the result as a page."""
        lang = self.lang
        sections = [
            Section("", (Items(self._facts()),)),
            Section(render("membership_attacks", lang), (self._table(),)),
        ]
        if self.shadows and self.verdict != "chance":
            sections.append(Section(render("membership_exposed", lang), (self._exposed(),)))
        return Page(render("membership_title", lang), lang, tuple(sections))

    def _facts(self) -> tuple[str, ...]:
        lang, members = self.lang, int(self.is_member.sum())
        words = {"members": members, "others": len(self.is_member) - members}
        texts = [render("membership_rows", lang, **words)]
        if self.is_replaced:
            texts.append(render("membership_replaced", lang))
        kind = "accuracy" if self.is_classification else "error"
        pair = self.member_fit, self.other_fit
        texts_of_fits = [f"{100 * fit:.1f} %" if self.is_classification else f"{fit:.4g}" for fit in pair]
        fits = dict(zip(("inside", "outside"), texts_of_fits, strict=True))
        texts.append(render(f"membership_{kind}", lang, **fits))
        best = self.strongest
        path = render(
            f"membership_{self.verdict}",
            lang,
            attack=render(f"membership_{best.name}", lang),
            area=estimate_text(best.area),
        )
        texts.append(path)
        return (*texts, render("membership_level", lang), render("membership_limit", lang))

    def _table(self) -> Table:
        lang = self.lang
        limits = [d.limit for d in self.attacks[0].detections]
        heads = (
            render("membership_attack", lang),
            render("membership_area", lang),
            *(render("membership_detected", lang, limit=f"{100 * limit:g} %") for limit in limits),
        )
        rows = tuple(
            (render(f"membership_{a.name}", lang), estimate_text(a.area), *map(self._detected, a.detections))
            for a in self.attacks
        )
        return Table(heads, rows, tuple(range(1, len(heads))))

    def _detected(self, one: Detection) -> str:
        if not one.is_measurable:
            return render("membership_too_few", self.lang, count=math.ceil(1 / one.limit))
        share = one.share
        return f"{100 * share.value:.1f} % ({100 * share.low:.1f} … {100 * share.high:.1f})"

    def _exposed(self) -> Table:
        heads = tuple(render(key, self.lang) for key in ("membership_row", "membership_score"))
        rows = tuple((str(self._number(i)), f"{self.scores[i]:.2f}") for i in self.exposed())
        return Table(heads, rows, (0, 1))

    def _number(self, i: int) -> int:
        return self.numbers[i] if self.numbers else i + 1

    def with_numbers(self, numbers: Sequence[int]) -> MembershipResult:
        """Return the result with the row numbers of a file."""
        return replace(self, numbers=tuple(numbers))

    def __str__(self) -> str:
        return text_page(self.page())

    def __repr__(self) -> str:
        return f"<MembershipResult: area {estimate_text(self.area)}, {self.verdict}; print it>"

    def to_html(self) -> str:
        """Return one self-contained page in all languages."""
        others = [replace(self, lang=lang).page() for lang in LANGUAGES if lang != self.lang]
        return html_page(self.page(), others=others)

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False)


def estimate_text(estimate: Estimate) -> str:
    """Return a number with its interval.

    Example:
        >>> estimate_text(Estimate(0.5, 0.4, 0.612345))
        '0.500 (0.400 … 0.612)'
    """
    return f"{estimate.value:.3f} ({estimate.low:.3f} … {estimate.high:.3f})"
