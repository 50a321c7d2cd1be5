"""Learning curves: how loss and metrics changed over the epochs."""

from __future__ import annotations

import numpy as np

from chainrule.engines.dispatch import evaluate
from chainrule.errors import TrainingError
from chainrule.graph import input_node
from chainrule.nn.schedule import plateau_of
from chainrule.plotting.figure import Picture
from chainrule.plotting.plot_card import Kind
from chainrule.plotting.style import BLUE, GREEN, GREY, RED, grid, whole_numbers
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.checkpoint.identity import looks_ahead
from chainrule.train.evaluation.metric import METRICS, larger_is_better
from chainrule.train.model_state import ModelState

FEW = 3  # epochs up to which a line alone would hardly be seen
FACTOR = 30.0  # between the largest and the least loss, from which on the axis counts powers of ten


def draw(model: ModelState) -> Picture:
    """Loss and metrics over the epochs, training beside validation, the best epoch, and the learning rate.

    The rate is shown where it changes and follows from the number of the step alone.

    Args:
        model: a trained one.

    Fails:
        TrainingError E503: it has not been trained.
    """
    if not model.history:
        raise TrainingError("E503", where="plot.curves", fix="model.fit(x, y)")
    history = {name: _column(model, name) for name in dict.fromkeys(k for row in model.history for k in row)}
    epochs = history.pop("epoch")
    metrics = [name for name in history if name not in ("loss", "val_loss")]
    rate = _rates(model, epochs)
    is_drawn = rate is not None and rate.min() < rate.max()
    figure, frames = grid(plot_text("curves"), 1 + len(metrics) + is_drawn, 2, (4.4, 3.1))
    watched = history.get("val_loss", history["loss"])
    best = int(epochs[np.nanargmin(watched)]) if np.isfinite(watched).any() else None
    _loss(frames[0], epochs, history, best)
    for frame, name in zip(frames[1:], metrics, strict=False):
        _line(frame, epochs, history[name], GREEN, "")
        frame.set_ylabel(_called(name))
    if is_drawn and rate is not None:
        _line(frames[-1], epochs, rate, GREY, "")
        frames[-1].set_ylabel(plot_text("rate"))
    for frame in frames:
        frame.set_xlabel(plot_text("epoch"))
        if best is not None and "val_loss" in history:
            frame.axvline(best, color=GREY, linestyle=":", linewidth=1)
    return Picture("curves", plot_text("curves"), figure, settings.lang, _told(history, metrics, best, rate))


def _called(name: str) -> str:
    """What a metric is called at its axis."""
    short = name.removeprefix("val_")
    known = METRICS.get(short)
    return known.chinese[0] if known is not None and settings.lang == "zh" else short


def _column(model: ModelState, name: str) -> np.ndarray:
    return np.array([np.nan if row.get(name) is None else row[name] for row in model.history], float)


def _loss(frame, epochs: np.ndarray, history: dict[str, np.ndarray], best: int | None) -> None:
    """The frame of the loss."""
    lines = [(history["loss"], BLUE, plot_text("training"))]
    lines += [(history["val_loss"], RED, plot_text("validation"))] if "val_loss" in history else []
    for values, colour, label in lines:
        _line(frame, epochs, values, colour, label, "-" if colour == BLUE else "--")
    found = np.concatenate([values for values, _, _ in lines])
    found = found[np.isfinite(found)]
    if found.size and found.min() > 0 and found.max() > FACTOR * found.min():
        frame.set_yscale("log")
        frame.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        frame.yaxis.set_minor_formatter(lambda value, _: "")
    frame.set_ylabel(plot_text("loss"))
    title = plot_text("best", epoch=best) if best is not None and "val_loss" in history else None
    frame.legend(fontsize=8, title=title, title_fontsize=8)


def _line(frame, x: np.ndarray, y: np.ndarray, colour: str, label: str, kind: str = "-") -> None:
    frame.plot(x, y, kind, color=colour, label=label, marker="o" if len(x) <= FEW else "", markersize=4)
    whole_numbers(frame)


def _rates(model: ModelState, epochs: np.ndarray) -> np.ndarray | None:
    """The learning rate of the last step of each epoch; ``None`` where the number of the step does not say
    it."""
    schedule, facts = model.recipe.optimizer.schedule, model.facts
    if not facts.get("steps") or not facts.get("epochs") or plateau_of(schedule) is not None:
        return None
    if looks_ahead(schedule) and facts.get("ended") != "epochs":
        return None  # how far it looked ahead is not known of a training that ended before
    each = int(facts["steps"]) // max(1, int(facts["epochs"]))
    node = schedule(input_node("step", (), "float64", "step"), int(facts["steps"]))
    return np.array([float(evaluate(node, {"step": e * each - 1.0}, "reference")) for e in epochs])


def _told(
    history: dict[str, np.ndarray], metrics: list[str], best: int | None, rate: np.ndarray | None
) -> str:
    """The last and the best values in letters."""
    lines = [] if best is None else [plot_text("best", epoch=best)]
    lines += [] if rate is None else [f"{plot_text('rate')}: {rate[-1]:.4g}"]
    for name in ["loss", *(["val_loss"] if "val_loss" in history else []), *metrics]:
        values = history[name]
        known = values[np.isfinite(values)]
        if known.size:
            top = known.max() if larger_is_better(name) else known.min()
            lines.append(f"{name}: {known[-1]:.4g} ({top:.4g})")
    return "\n".join(lines)


CURVES = Kind("curves", draw)
