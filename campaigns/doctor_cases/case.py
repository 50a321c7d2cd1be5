"""A case of the doctor's campaign: a model or data with one known fault, or none."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.records import frozen


@frozen
class Case:
    """One case.

    Args:
        rule: the rule that must report a finding; ``""``: none may.
        name: the case in a few words.
        run: creates the fault and returns the rules that report a finding.
    """

    rule: str
    name: str
    run: Callable[[], tuple[str, ...]]
