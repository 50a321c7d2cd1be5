"""``model.plot``: the plots by name."""

from __future__ import annotations

import inspect
from dataclasses import replace
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from chainrule.errors import UsageError
from chainrule.plotting import font
from chainrule.plotting.figure import Plot
from chainrule.plotting.plot_card import PlotCard
from chainrule.plotting.registry import PLOTS
from chainrule.plotting.style import is_text_only, style
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.evaluation.rows import KnownRows, known_rows
from chainrule.validation import language, refuse_unknown, unknown

if TYPE_CHECKING:
    from chainrule.train.model_base import StateHolder
    from chainrule.train.model_state import ModelState


class PlotAccessor:
    """The plots of a model, each as a method: ``model.plot.confusion_matrix(x, y)``.

    Args:
        model: the model.

    Raises:
        UsageError E101: unknown plot; the message suggests the nearest name.

    Example:
        >>> from chainrule.model import Model
        >>> from chainrule.nn import Dense
        >>> print(*dir(Model(Dense(1), "mse").plot)[:3])
        activations attention calibration
    """

    def __init__(self, model: StateHolder) -> None:
        self._model = model

    def __getattr__(self, name: str) -> PlotMethod:
        if name.startswith("_"):  # attributes that Python and notebooks look up implicitly
            raise AttributeError(name)
        return PlotMethod(self._model.state, resolve_plot(name))

    def __repr__(self) -> str:
        return f"<plots: {', '.join(sorted(PLOTS))}>"

    def __dir__(self) -> list[str]:
        return sorted(PLOTS)


class PlotMethod:
    """A plot of one model, drawn by calling it with the arguments of the plot and ``lang=``.

    Args:
        model: the model.
        card: the card of the plot.
    """

    def __init__(self, model: ModelState, card: PlotCard) -> None:
        self.model, self.card = model, card
        self.__doc__ = card.draw.__doc__
        self.__name__ = card.name

    def __repr__(self) -> str:
        return f"<PlotMethod {self.card.name}: model.plot.{self.card.name}({self.card.needs})>"

    @property
    def __signature__(self) -> inspect.Signature:
        parameters = list(inspect.signature(self.card.draw).parameters.values())[1:]
        lang = inspect.Parameter("lang", inspect.Parameter.KEYWORD_ONLY, default=None)
        return inspect.Signature([*parameters, lang], return_annotation=Plot)

    def __call__(self, *rows: Any, lang: str | None = None, **options: Any) -> Plot:
        chosen = language(lang or None, f"plot.{self.card.name}")
        self._refuse(rows, options)
        with style(), settings.using(lang=chosen if is_text_only() else font.language(chosen)):
            plot = self.card.draw(self.model, *rows, **options)
            known = known_rows(self.model, rows[0]) if rows and self.card.is_evaluation else None
            return plot if known is None else _with_caption(plot, known)

    def _refuse(self, rows: tuple[Any, ...], options: dict[str, Any]) -> None:
        """Check the arguments of the plot.

        Raises:
            UsageError E101: unknown option. UsageError E564: rows are missing, or there are too many.
        """
        where, known = f"plot.{self.card.name}", self.__signature__.parameters
        refuse_unknown(where, options, known)
        try:
            self.__signature__.bind(*rows, **options)
        except TypeError as cause:
            raise missing_rows(self.card.name, self.card.needs, str(cause)) from cause


def _with_caption(plot: Plot, known: KnownRows) -> Plot:
    """Add a caption that states how many of the rows were used in training."""
    note = plot_text("known_rows", training=known.training, validation=known.validation)
    wide = 38 if settings.lang == "zh" else 74  # characters per line of a caption
    plot.figure.supxlabel("\n".join(wrap(note, wide)), fontsize=8)
    return replace(plot, note=note)


def missing_rows(kind: str, needs: str, received: str) -> UsageError:
    """Return the error for a plot whose rows are missing."""
    expected = f"plot.{kind}({needs})"
    fix = f"model.plot.{kind}({needs})"
    return UsageError("E564", where=f"plot.{kind}", plot=kind, expected=expected, received=received, fix=fix)


def resolve_plot(name: str, usage: str = "model.plot.{}(...)") -> PlotCard:
    """Return the card of a plot.

    Args:
        usage: how a plot is requested, with ``{}`` for its name, used in the error message.

    Raises:
        UsageError E101: unknown plot; the message suggests the nearest name.
    """
    if name not in PLOTS:
        raise unknown("plot", name, PLOTS, usage)
    return PLOTS[name]
