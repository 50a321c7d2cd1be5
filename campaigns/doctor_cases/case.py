"""What a case of the doctor's campaign is: something that has one known fault, or none."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.records import frozen


@frozen
class Case:
    """One case.

    Args:
        rule: the rule that must speak; ``""``: none may.
        name: what the case is, in a few words.
        run: makes the fault and gives the rules that speak.
    """

    rule: str
    name: str
    run: Callable[[], tuple[str, ...]]
