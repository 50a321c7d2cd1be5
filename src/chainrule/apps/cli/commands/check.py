"""``chainrule check``: common problems of data, found before a training."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from chainrule.apps.cli.reading_options import READING, take_reading
from chainrule.apps.cli.signature import Choice, with_options
from chainrule.apps.cli.tables import columns_table
from chainrule.apps.cli.texts import text_of
from chainrule.data.readers.sources import read_source
from chainrule.data.tables.checks import STANDARDIZED, described_and_checked
from chainrule.diagnosis import RULE_OF, Finding, diagnose
from chainrule.page import screen
from chainrule.settings import settings
from chainrule.tabular.options import KIND_OPTIONS, Options
from chainrule.tabular.training_plan import drop_columns, plan_of, prepare_data

Words = list[str] | None


@with_options({**{kind: Choice(list[str], kind, "COLUMN") for kind in KIND_OPTIONS}, **READING})
def check(
    data: Annotated[str, typer.Argument(help="=rows_file", metavar="DATA")],
    target: Annotated[str | None, typer.Option(help="=target")] = None,
    drop: Annotated[Words, typer.Option(help="=drop", metavar="COLUMN")] = None,
    net: Annotated[str | None, typer.Option(help="=check_net")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> int:
    """Print the columns and the findings; findings of severity error result in exit code 2."""
    dropped = tuple(drop or ())
    reading = take_reading(options)
    columns = {kind: tuple(names or ()) for kind, names in options.items()}
    chosen = Options(data, target or "", drop=dropped, **columns, **asdict(reading))
    kinds = chosen.kinds
    table = drop_columns(read_source(data, reading), dropped)
    described, findings = described_and_checked(table, target, kinds)
    columns_table(described)
    screen.line()
    severities = {finding.severity for finding in findings}
    if findings:
        rows = [
            (text_of(f"severity_{f.severity}"), f.render(settings.lang), RULE_OF.get(f.code, ""))
            for f in findings
        ]
        screen.table([text_of("severity"), text_of("finding"), text_of("rule")], rows)
        if any(finding.code in STANDARDIZED for finding in findings):
            screen.line(text_of("standardized"))
    else:
        screen.line(text_of("nothing_found").format(rows=table.rows))
    if net is not None:
        severities |= {finding.severity for finding in _network_findings(replace(chosen, net=net))}
    return 2 if "error" in severities else 0


def _network_findings(options: Options) -> list[Finding]:
    """Print and return the findings about a network for this data, before and in its first steps.

    Findings about the table itself are left out.
    """
    prepared = prepare_data(options)
    plan, training = plan_of(options, prepared), prepared.training
    named = {k: v for k, v in plan.fit_options().items() if k in ("validation", "sample_weight")}
    all_findings = diagnose(plan.model().state, training.x, prepared.labels(training), settings.lang, **named)
    findings = [finding for finding in all_findings if finding.rule.id not in RULE_OF.values()]
    screen.heading(text_of("check_heading"))
    if not findings:
        screen.line(text_of("net_ok"))
        return findings
    rows = [(text_of(f"severity_{f.severity}"), f.what(settings.lang), f.rule.id) for f in findings]
    screen.table([text_of("severity"), text_of("finding"), text_of("rule")], rows)
    return findings
