"""``model.plot``: every kind of picture by its name."""

from __future__ import annotations

import inspect
from dataclasses import replace
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from chainrule.errors import UsageError, nearest
from chainrule.plotting import font
from chainrule.plotting.figure import Picture
from chainrule.plotting.plot_card import Kind
from chainrule.plotting.registry import PICTURES
from chainrule.plotting.style import style
from chainrule.settings import settings
from chainrule.texts import LANGUAGES
from chainrule.texts.plots import plot_text
from chainrule.train.evaluation.known_rows import KnownRows, known_rows

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState
    from chainrule.train.state_holder import StateHolder


class Plot:
    """The pictures that can be drawn of a model, each a method: ``model.plot.confusion(x, y)``.

    Args:
        model: what they are of.

    Fails:
        UsageError E101: no such kind; the nearest is offered.

    Example:
        >>> from chainrule.model import Model
        >>> from chainrule.nn import Dense
        >>> print(*dir(Model(Dense(1), "mse").plot)[:3])
        activations attention boundary
    """

    def __init__(self, model: StateHolder) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Drawer:
        if name.startswith("_"):  # what Python and notebooks look for by themselves
            raise AttributeError(name)
        return Drawer(self._model.state, known_kind(name))

    def __repr__(self) -> str:
        return f"<pictures: {', '.join(sorted(PICTURES))}>"

    def __dir__(self) -> list[str]:
        return sorted(PICTURES)


class Drawer:
    """Draws one kind of picture of one model; called with what that kind takes, and with ``lang=``.

    Args:
        model: what the picture is of.
        kind: the kind of picture.
    """

    def __init__(self, model: ModelState, kind: Kind) -> None:
        self.model, self.kind = model, kind
        self.__doc__ = kind.draw.__doc__
        self.__name__ = kind.name

    def __repr__(self) -> str:
        return f"<picture {self.kind.name}: model.plot.{self.kind.name}({self.kind.needs})>"

    @property
    def __signature__(self) -> inspect.Signature:
        taken = list(inspect.signature(self.kind.draw).parameters.values())[1:]
        lang = inspect.Parameter("lang", inspect.Parameter.KEYWORD_ONLY, default=None)
        return inspect.Signature([*taken, lang], return_annotation=Picture)

    def __call__(self, *rows: Any, lang: str | None = None, **options: Any) -> Picture:
        self._refuse(rows, options)
        chosen = lang or settings.lang
        if chosen not in LANGUAGES:
            raise UsageError(
                "E101", where="lang", name=chosen, expected=", ".join(LANGUAGES), received=chosen,
                fix='lang="en"',
            )  # fmt: skip
        with style(), settings.using(lang=font.language(chosen)):
            picture = self.kind.draw(self.model, *rows, **options)
            known = known_rows(self.model, rows[0]) if rows and self.kind.is_judged else None
            return picture if known is None else _noted(picture, known)

    def _refuse(self, rows: tuple[Any, ...], options: dict[str, Any]) -> None:
        """Refuse what this kind does not take.

        Fails:
            UsageError E101: an option it does not have. UsageError E564: rows that it needs and was not
                given, or more than it takes.
        """
        where, known = f"plot.{self.kind.name}", self.__signature__.parameters
        strange = next((name for name in options if name not in known), None)
        if strange is not None:
            close = nearest(strange, known)
            raise UsageError(
                "E101", where=where, name=strange, expected=", ".join(known), received=strange,
                fix=f"{close}=..." if close else "",
            )  # fmt: skip
        try:
            self.__signature__.bind(*rows, **options)
        except TypeError as cause:
            raise not_given(self.kind.name, self.kind.needs, str(cause)) from cause


def _noted(picture: Picture, known: KnownRows) -> Picture:
    """The picture with a caption that says which of its rows the training used."""
    note = plot_text("known_rows", training=known.training, validation=known.validation)
    wide = 38 if settings.lang == "zh" else 74  # letters of a line below a picture of the usual width
    picture.figure.supxlabel("\n".join(wrap(note, wide)), fontsize=8)
    return replace(picture, note=note)


def not_given(kind: str, needs: str, received: str) -> UsageError:
    """The error for a picture of rows that was given none."""
    return UsageError(
        "E564", where=f"plot.{kind}", picture=kind, expected=f"plot.{kind}({needs})", received=received,
        fix=f"model.plot.{kind}({needs})",
    )  # fmt: skip


def known_kind(name: str, asked: str = "model.plot.{}(...)") -> Kind:
    """The kind of picture of this name.

    Args:
        name: as it is typed.
        asked: how a picture is asked for, ``{}`` in the place of its name.

    Fails:
        UsageError E101: there is none; the nearest is offered.
    """
    if name not in PICTURES:
        close = nearest(name, PICTURES)
        raise UsageError(
            "E101", where="plot", name=name, expected=", ".join(PICTURES), received=name,
            fix=asked.format(close) if close else "",
        )  # fmt: skip
    return PICTURES[name]
