"""Learning curves: loss and metrics over the epochs."""

from __future__ import annotations

import numpy as np

from chainrule.engines.dispatch import evaluate
from chainrule.errors import TrainingError
from chainrule.graph import input_node
from chainrule.metrics import METRICS, larger_is_better
from chainrule.nn.schedule import plateau_of
from chainrule.plotting.figure import Plot
from chainrule.plotting.plot_card import PlotCard
from chainrule.plotting.style import BLUE, GRAY, GREEN, RED, grid, integer_ticks
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.checkpoint.training_identity import depends_on_horizon
from chainrule.train.history import TrainingFacts
from chainrule.train.model_state import ModelState

FEW = 3  # up to this many epochs, points are marked
FACTOR = 30.0  # ratio of largest to smallest loss from which the axis is logarithmic


def draw(model: ModelState) -> Plot:
    """Draw loss and metrics over the epochs, for training and validation, with best epoch and learning rate.

    The learning rate is shown if it changes and depends only on the step.

    Args:
        model: a trained one.

    Raises:
        TrainingError E503: the model has not been trained.
    """
    if not model.history:
        raise TrainingError("E503", where="plot.learning_curves", fix="model.fit(x, y)")
    history = {name: _column(model, name) for name in dict.fromkeys(k for row in model.history for k in row)}
    epochs = history.pop("epoch")
    metrics = [name for name in history if name not in ("loss", "val_loss")]
    learning_rate = _learning_rates(model, epochs)
    is_drawn = learning_rate is not None and learning_rate.min() < learning_rate.max()
    figure, frames = grid(plot_text("learning_curves"), 1 + len(metrics) + is_drawn, 2, (4.4, 3.1))
    best = _best_epoch(model, history)
    _loss(frames[0], epochs, history, best)
    for frame, name in zip(frames[1:], metrics, strict=False):
        _line(frame, epochs, history[name], GREEN, "")
        frame.set_ylabel(_metric_label(name))
    if is_drawn and learning_rate is not None:
        _line(frames[-1], epochs, learning_rate, GRAY, "")
        frames[-1].set_ylabel(plot_text("rate"))
    for frame in frames:
        frame.set_xlabel(plot_text("epoch"))
        if best is not None and "val_loss" in history:
            frame.axvline(best, color=GRAY, linestyle=":", linewidth=1)
    return Plot(
        "learning_curves",
        plot_text("learning_curves"),
        figure,
        settings.lang,
        _text(history, metrics, best, learning_rate),
    )


def _best_epoch(model: ModelState, history: dict[str, np.ndarray]) -> int | None:
    """Return the epoch whose weights the model has, with early stopping; else that of the smallest loss.

    Each member of an ensemble has another one.
    """
    training = TrainingFacts.of(model.facts)
    if training is not None and training.keeps_best:
        return training.best_epoch
    watched = history.get("val_loss", history["loss"])
    return int(np.nanargmin(watched)) + 1 if np.isfinite(watched).any() else None


def _metric_label(name: str) -> str:
    short = name.removeprefix("val_")
    metric = METRICS.get(short)
    return short if metric is None else metric.title(settings.lang)


def _title(name: str) -> str:
    """Return the name of a column of the history in a text."""
    if settings.lang != "zh":
        return name
    part = name.removeprefix("val_")
    title = plot_text(part) if part in ("loss", "data_loss") else _metric_label(part)
    return title if part == name else plot_text("validation_of", title=title)


def _column(model: ModelState, name: str) -> np.ndarray:
    return np.array([np.nan if row.get(name) is None else row[name] for row in model.history], float)


def _loss(frame, epochs: np.ndarray, history: dict[str, np.ndarray], best: int | None) -> None:
    lines = [(history["loss"], BLUE, plot_text("training"))]
    lines += [(history["val_loss"], RED, plot_text("validation"))] if "val_loss" in history else []
    for values, color, label in lines:
        _line(frame, epochs, values, color, label, "-" if color == BLUE else "--")
    losses = np.concatenate([values for values, _, _ in lines])
    losses = losses[np.isfinite(losses)]
    if losses.size and losses.min() > 0 and losses.max() > FACTOR * losses.min():
        frame.set_yscale("log")
        frame.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        frame.yaxis.set_minor_formatter(lambda value, _: "")
    frame.set_ylabel(plot_text("loss"))
    title = plot_text("best", epoch=best) if best is not None and "val_loss" in history else None
    frame.legend(fontsize=8, title=title, title_fontsize=8)


def _line(frame, x: np.ndarray, y: np.ndarray, color: str, label: str, kind: str = "-") -> None:
    frame.plot(x, y, kind, color=color, label=label, marker="o" if len(x) <= FEW else "", markersize=4)
    integer_ticks(frame)


def _learning_rates(model: ModelState, epochs: np.ndarray) -> np.ndarray | None:
    """Return the learning rate at the end of each epoch; ``None`` if it depends on more than the step."""
    schedule, facts = model.recipe.optimizer.schedule, model.facts
    if not facts.get("steps") or not facts.get("epochs") or plateau_of(schedule) is not None:
        return None
    if depends_on_horizon(schedule) and facts.get("ended") != "epochs":
        return None  # the horizon of a training that ended early is not known
    steps_per_epoch = int(facts["steps"]) // max(1, int(facts["epochs"]))
    node = schedule(input_node("step", (), "float64", "step"), int(facts["steps"]))
    return np.array([float(evaluate(node, {"step": e * steps_per_epoch - 1.0}, "reference")) for e in epochs])


def _text(
    history: dict[str, np.ndarray], metrics: list[str], best: int | None, learning_rate: np.ndarray | None
) -> str:
    """Return the last and the best values as text."""
    lines = [] if best is None else [plot_text("best", epoch=best)]
    lines += [] if learning_rate is None else [plot_text("rate_at_end", value=f"{learning_rate[-1]:.4g}")]
    for name in ["loss", *(["val_loss"] if "val_loss" in history else []), *metrics]:
        values = history[name]
        finite = values[np.isfinite(values)]
        if finite.size:
            top = finite.max() if larger_is_better(name) else finite.min()
            last, best_value = f"{finite[-1]:.4g}", f"{top:.4g}"
            lines.append(plot_text("last_and_best", name=_title(name), last=last, best=best_value))
    return "\n".join(lines)


LEARNING_CURVES = PlotCard("learning_curves", draw)
