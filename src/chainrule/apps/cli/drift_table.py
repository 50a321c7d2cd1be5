"""The differences of a table from the training rows of a model, as a table on standard error."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.apps.cli.texts import text_of
from chainrule.data import Finding, Preparation, Table
from chainrule.data.tables.drift import COVERED, Drift, drift_of, short_number
from chainrule.page import screen

MAX_ROWS = 40


def print_differences(preparation: Preparation, table: Table, notices: Sequence[Finding]) -> bool:
    """Print notices of a table, empty columns and a table of other differences; returns whether any are."""
    drifts = drift_of(preparation, table)
    others = [f for f in notices if not preparation.profiles or f.code not in COVERED]
    empty = [f for drift in drifts if (f := drift.finding) is not None]
    screen.notices([*others, *empty], to_errors=True)
    _difference_table(drifts)
    return bool(drifts)


def _difference_table(drifts: Sequence[Drift]) -> None:
    others = [drift for drift in drifts if drift.kind != "empty"]
    if not others:
        return
    screen.line(text_of("drift_title"), "yellow", to_errors=True)
    header = [text_of(f"drift_{key}") for key in ("column", "what", "values", "example", "training")]
    screen.table(header, map(_row, others[:MAX_ROWS]), numbers=(2,), to_errors=True)
    if len(others) > MAX_ROWS:
        screen.line(text_of("drift_more").format(count=len(others) - MAX_ROWS), to_errors=True)


def _row(drift: Drift) -> tuple[str, str, str, str, str]:
    profile, values = drift.profile, f"{drift.count:,}"
    if drift.kind == "missing":
        values, training = _percent(drift.count / drift.rows), _percent(profile.missing_share)
    elif profile.low is not None and profile.high is not None:
        low, high = short_number(profile.low), short_number(profile.high)
        training = text_of("drift_range").format(low=low, high=high)
    else:
        training = text_of("drift_levels").format(count=f"{len(profile.levels):,}")
    return drift.column, text_of(f"drift_is_{drift.kind}"), values, drift.example, training


def _percent(share: float) -> str:
    """Return a share as a percentage; a positive one is never printed as 0.

    Example:
        >>> _percent(0.1234), _percent(0.0), _percent(1e-6)
        ('12.3%', '0%', '<0.1%')
    """
    if 0 < share < 0.001:
        return "<0.1%"
    return f"{100 * share:.1f}".removesuffix(".0") + "%"
