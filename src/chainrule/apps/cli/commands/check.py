"""``chainrule check``: what commonly goes wrong with data, looked for before a training."""

from __future__ import annotations

from typing import Annotated

import typer

from chainrule.apps.cli import run_writer, screen
from chainrule.apps.cli.options import Options
from chainrule.apps.cli.prepared_data import Study, without
from chainrule.apps.cli.tables import columns_table
from chainrule.apps.cli.texts import say
from chainrule.data import check as look
from chainrule.data import describe, read_table
from chainrule.diagnosis import RULE_OF, Finding, diagnose
from chainrule.settings import settings

Words = list[str] | None
_STANDARDIZED = ("scale_gap", "far_from_zero", "target_scale")  # corrected by the preparation of a table


def check(
    data: Annotated[str, typer.Argument(help="=data", metavar="DATA")],
    target: Annotated[str | None, typer.Option(help="=target")] = None,
    category: Annotated[Words, typer.Option(help="=category", metavar="COLUMN")] = None,
    number: Annotated[Words, typer.Option(help="=number", metavar="COLUMN")] = None,
    drop: Annotated[Words, typer.Option(help="=drop", metavar="COLUMN")] = None,
    net: Annotated[str | None, typer.Option(help="=check_net")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> int:
    """Show the columns and what a look at the data finds; errors among the findings give exit code 2."""
    kinds = {**dict.fromkeys(category or (), "category"), **dict.fromkeys(number or (), "number")}
    dropped = tuple(drop or ())
    table = without(read_table(data), dropped)
    findings = look(table, target, kinds)
    columns_table(describe(table, target, kinds))
    screen.line()
    gravest = {finding.severity for finding in findings}
    if findings:
        rows = [
            (say(f"severity_{f.severity}"), f.say(settings.lang), RULE_OF.get(f.code, "")) for f in findings
        ]
        screen.table([say("gravity"), say("finding"), say("rule")], rows)
        if any(finding.code in _STANDARDIZED for finding in findings):
            screen.line(say("standardized"))
    else:
        screen.line(say("nothing_found").format(rows=table.rows))
    if net is not None:
        asked = Options(
            data,
            target or "",
            net=net,
            drop=dropped,
            category=tuple(category or ()),
            number=tuple(number or ()),
        )
        gravest |= {finding.severity for finding in _net_findings(asked)}
    return 2 if "error" in gravest else 0


def _net_findings(options: Options) -> list[Finding]:
    """Show and give what is wrong with a net for this data before and in its first steps.

    Args:
        options: the data and the net; what was said of the table itself is not said again.
    """
    study = Study.of(options)
    model = run_writer.model_of(options, study)
    parts = [(part.x, run_writer.named(study, part)) for part in (study.training, study.validation)]
    found = diagnose(model.state, *parts[0], settings.lang, validation=parts[1])
    told = [finding for finding in found if finding.rule.id not in RULE_OF.values()]
    screen.heading(say("check_heading"))
    if not told:
        screen.line(say("net_well"))
        return told
    rows = [(say(f"severity_{f.severity}"), f.what(settings.lang), f.rule.id) for f in told]
    screen.table([say("gravity"), say("finding"), say("rule")], rows)
    return told
