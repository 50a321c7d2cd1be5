"""``chainrule data``: the data sets of the examples: list them, download one, or print where it is."""

from __future__ import annotations

from typing import Annotated

import typer

from chainrule.apps.cli.texts import text_of
from chainrule.data.datasets import DATASETS, copy_of, downloads_folder, open_dataset
from chainrule.data.datasets.cached_download import dataset_of
from chainrule.data.datasets.dataset import Dataset
from chainrule.errors import DataError, UsageError, fact
from chainrule.messages import translated
from chainrule.page import screen
from chainrule.settings import settings
from chainrule.validation import choice

ACTIONS = ("list", "get", "where")


def data(
    action: Annotated[str, typer.Argument(help="=data_action", metavar="list|get|where")] = "list",
    name: Annotated[str | None, typer.Argument(help="=data_name", metavar="NAME")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> None:
    """List the data sets, download one, or print the path of its copy."""
    choice(action, ACTIONS, "chainrule data")
    if action == "list" and name is None:
        _list()
    elif action == "list":
        _describe(dataset_of(name or ""))
    elif name is None:
        fix = f"chainrule data {action} {DATASETS[0].name}"
        raise UsageError("E601", where="chainrule data", option="NAME", received=fact("no name"), fix=fix)
    elif action == "get":
        archive = open_dataset(name)
        screen.line(archive.path)
        screen.line(text_of("data_credit").format(**_facts(dataset_of(name))))
    else:
        _where(dataset_of(name))


def _list() -> None:
    """Print one line for each data set."""
    has_copy = {dataset.name: copy_of(dataset.name) is not None for dataset in DATASETS}
    rows = [
        (
            d.name,
            translated(d.title, settings.lang),
            f"{d.megabytes:g}",
            text_of("data_here") if has_copy[d.name] else "",
        )
        for d in DATASETS
    ]
    screen.table(
        [text_of("data_set"), text_of("data_contents"), "MB", text_of("data_copy")], rows, numbers=[2]
    )


def _describe(dataset: Dataset) -> None:
    """Print what is known about a data set."""
    screen.line(f"{dataset.name}: {translated(dataset.title, settings.lang)}")
    screen.line(text_of("data_credit").format(**_facts(dataset)))
    screen.line(text_of("data_source").format(source=dataset.source, members=", ".join(dataset.members)))
    md5 = getattr(dataset.source, "md5", "")
    key = "data_checksum" if dataset.digest else "data_md5" if md5 else "data_unchecked"
    screen.line(text_of(key).format(digest=dataset.digest or md5))


def _where(dataset: Dataset) -> None:
    """Print the path of a copy; raises E315 if there is none."""
    path = copy_of(dataset.name)
    if path is None:
        raise DataError(
            "E315",
            where=dataset.name,
            name=dataset.name,
            expected=fact("a copy in {folder}, or a connection to the network", folder=downloads_folder()),
            received=fact("no copy"),
            fix=f"chainrule data get {dataset.name}",
        )
    screen.line(path)


def _facts(dataset: Dataset) -> dict[str, str]:
    return {"license": dataset.license_in(settings.lang), "credit": dataset.credit}
