"""The result of a section of the campaign."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Section:
    """The result of one kind of hostile input.

    Args:
        name: its title in the published table.
        cases: how many inputs were tried.
        events: one line for each input that was not handled; there must be none.
        worst_seconds: the longest time that one case took.
        worst_megabytes: the most memory that one case took over the baseline.
        remark: what a reader of the table must know, such as the bound that was checked.
    """

    name: str
    cases: int = 0
    events: list[str] = field(default_factory=list)
    worst_seconds: float = 0.0
    worst_megabytes: float = 0.0
    remark: str = ""
