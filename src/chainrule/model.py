"""``Model``: a network that trains, predicts, is saved, and explains itself.

A model holds one ``ModelState`` and computes nothing itself: every method passes the state to a function of
``train`` or of the packages above it, and keeps the state that comes back. Rarer methods are in groups, such
as ``model.robustness``, each in the ``accessor.py`` of its package, and have shortcuts on the model.

Where does a second ``fit`` begin? From the seed again, as in scikit-learn: the same call gives the same bits
whatever was called before, and a notebook's cell can be run twice. There are two exceptions, both explicit:
parameters set by hand (``initialize``, ``load_parameters``) are where the next training begins, and
``warm_start=True`` continues from the present parameters and labels. Continuing silently, as Keras does,
was rejected: the optimizer's state is not kept, so it would be neither the old training nor a new one. The
training that continues exactly is ``resume=True``.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack

import numpy as np

# These packages are lazy: a program that only trains never loads what explains.
from chainrule import attribution, diagnosis, interop, plotting, robustness, step_explanation, trace, train
from chainrule.attribution.accessor import Attributions
from chainrule.auditing.accessor import PrivacyAudits
from chainrule.data.sample_types import BatchIterable, Samples, SampleWeight, Targets
from chainrule.diagnosis.accessor import TrainingAnalysis
from chainrule.errors import explain_method_calls
from chainrule.extension import Extensible
from chainrule.generation.accessor import Generation
from chainrule.memoization import Memo
from chainrule.nn.layer import Layer
from chainrule.nn.loss import Loss
from chainrule.nn.optimizer import Optimizer
from chainrule.nn.regularization.clip import Clip
from chainrule.nn.regularization.penalty import Penalty
from chainrule.nn.summary import summary_html
from chainrule.robustness.accessor import Robustness
from chainrule.settings import Language, settings
from chainrule.symbolic_shape import Spec
from chainrule.train.checkpoint import model_file
from chainrule.train.evaluation import evaluate, frame_predictions, prediction
from chainrule.train.evaluation.quantize import quantize
from chainrule.train.evaluation.rows import encode_labeled
from chainrule.train.fit import fit
from chainrule.train.fit_options import (
    FitKeywords,
    FitOptions,
    LossName,
    Metrics,
    OptimizerName,
    with_fit_options,
)
from chainrule.train.fit_preparation import TrainingData
from chainrule.train.history import History
from chainrule.train.inputs.batch_source import is_source
from chainrule.train.model_base import Shortcut, StateHolder
from chainrule.train.model_state import NOVELTY_GATE, ModelOptions, untrained
from chainrule.train.parameter_loading import initialize, load_parameters, load_states
from chainrule.uncertainty.accessor import Uncertainty

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from chainrule.diagnosis import Diagnosis
    from chainrule.generation.cached_decoder import Decoder
    from chainrule.interop.export.formats import Exported
    from chainrule.page.explanation import Explanation
    from chainrule.plotting.plot import PlotAccessor
    from chainrule.step_explanation.weight_change import WhatIf
    from chainrule.trace import Trace
    from chainrule.train.shared_parameters import Parameters
    from chainrule.train.trainer import Trainer
    from chainrule.uncertainty.calibration import Calibration


@explain_method_calls("model", "Model")
class Model(StateHolder):
    """A network with a loss and an optimizer.

    Args:
        net: the layers.
        loss: a loss by name or as a record; for several outputs one for each by name.
        optimizer: by name or as a record.
        metrics: what is measured, by name (``cr.METRICS``) or as functions; by default the usual metrics of
            the task.
        penalty: a penalty on every weight matrix, such as ``cr.L2(1e-4)``.
        clip: how the gradients are clipped, such as ``cr.ClipGlobalNorm(1.0)``.
        options: ``loss_weights`` (the factor of each output's loss in the objective, by output; 1 by
            default); ``dtype`` (``"float32"`` or ``"float64"``), ``engine`` (what runs the graphs) and
            ``precision`` (``"bfloat16"`` rounds the factors of products, ``"float32"`` does not; see
            docs/precision.md), by default those of the settings; ``frozen`` (paths of parts that are not
            trained; see ``freeze``);
            ``classes`` (the labels in the order of the outputs, for several outputs by name; without them,
            integers below the number of outputs are the outputs' numbers, and other labels are sorted);
            ``tokenizer`` (of the texts it learns from, one or one for each input, so that it can generate
            text).

    Raises:
        UsageError E101: a name that does not exist.

    Example:
        >>> from chainrule.nn import Dense, SGD, Sequential
        >>> model = Model(Sequential(Dense(3, "sigmoid"), Dense(1, "sigmoid")), "half_mse", SGD(0.5))
        >>> x, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0.0, 1.0, 1.0, 1.0]
        >>> history = model.fit(x, y, epochs=200, batch_size=4, seed=0, verbose=False)
        >>> history[-1]["loss"] < 0.1
        True
        >>> model
        <Model: 13 parameters; loss half_mse, sgd; see print(model.summary())>
        >>> print(model.explain(x[1], y[1], depth=1, lang="en").title)
        One training step, explained with the numbers of one sample
    """

    def __init__(
        self,
        net: Layer,
        loss: LossName | Loss | Mapping[str, LossName | Loss],
        optimizer: OptimizerName | Optimizer = "adam",
        *,
        metrics: Metrics = None,
        penalty: Penalty | None = None,
        clip: Clip | None = None,
        **options: Unpack[ModelOptions],
    ) -> None:
        super().__init__(
            untrained(net, loss, optimizer, metrics=metrics, penalty=penalty, clip=clip, **options)
        )

    def __repr__(self) -> str:
        network, recipe = self.state.network, self.state.recipe
        size = "not trained yet" if network is None else f"{network.count:,} parameters"
        names = [getattr(part, "name", part) for part in (recipe.loss, recipe.optimizer)]
        return f"<Model: {size}; loss {names[0]}, {names[1]}; see print(model.summary())>"

    def __copy__(self) -> Self:
        return type(self).of(self.state)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return type(self).of(self.state)  # a state never changes, so two models may share it

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickle holds the bytes of a model file and names the user's own classes; it never holds objects.
        content = model_file.to_bytes(self.state)
        return _from_bytes, (type(self), content, model_file.custom_classes(self.state), self.state.engine)

    # --- training

    @with_fit_options
    def fit(self, x: Samples | BatchIterable, y: Targets = None, **options: Unpack[FitKeywords]) -> History:
        """Train the model.

        Args:
            x: samples (N, ...), arrays by input name, a table (path, frame, name of a bundled data set), or
                batches: an iterable such as a DataLoader of ``(x, y)``, ``(x, y, weights)`` or dicts, or a
                function that returns one (docs/batches.md).
            y: labels or values (N,), values (N, O), arrays by output name; for a table the name of the target
                column, or the targets; for batches that are dicts the name of the target; ``None`` where the
                loss takes no targets (``"triplet_margin"``).
            epochs: maximum number of passes over the data.
            batch_size: samples per update; 1 is stochastic gradient descent, ``None`` uses all samples.
            steps_per_epoch: the number of batches in an epoch of an iterable; ``None``: all of them.
            validation: ``(x, y)``, ``(x, y, weights)``, an iterable of batches, which is read once, or a
                fraction between 0 and 1 that is split off; evaluated after each epoch. ``class_weight`` and
                penalties do not count in ``val_loss``.
            seed: of the initial values, the order of the samples and every random number of the training.
            shuffle: whether each epoch has its own order of the samples.
            class_weight: ``"balanced"``, or a number for each label.
            sample_weight: a number for each sample, (N,), or for each of its positions, (N, T).
            kinds: the kinds of columns of a table where they are not to be inferred, by name: ``{"zip":
                "category"}``; see ``cr.TabularClassifier``.
            augmentation: a ``cr.Augmentation`` that transforms images in every epoch.
            callbacks: stopping rules, callbacks, and functions that receive every event and stop the training
                by returning ``True``.
            metrics: metrics of the validation rows instead of the model's.
            warm_start: start from the present parameters; a table is encoded as in the training before.
            buckets: sequences whose lengths differ by less than this number share a batch, which is trimmed
                to its longest sequence; zeros at the end of inputs and ignored labels at the end of targets
                count as padding.
            run: a folder for checkpoints.
            resume: continue the training in ``run``, with more ``epochs`` if the learning rate schedule does
                not depend on their number.
            save_every: seconds between two checkpoints.
            probes: record statistics of some steps in ``model.probes``; not for batches of an iterable.
            doctor: report problems, as ``check`` does; of batches of an iterable only the order of the axes.
            robust: train against changes of the inputs: ``cr.AdversarialTraining``, ``cr.TRADES``,
                ``cr.IntervalTraining`` or ``cr.NoiseTraining``.
            privacy: bound what the model reveals about single rows: ``cr.Privacy(epsilon, delta)``. Losses of
                training rows are then withheld, and so are probes and the doctor.
            verbose: show a progress bar; by default if the output is a terminal or a notebook.

        Returns:
            the history: one row for each epoch, with ``loss``, ``val_loss``, the metrics of the validation
                rows (``val_accuracy``), with several outputs the loss of each (``NAME_loss``,
                ``val_NAME_loss``), and with a penalty ``data_loss``, the loss without it.

        Raises:
            DataError, ShapeError: invalid samples, or samples that do not fit the network; the model does not
                change.
            UsageError E102: an option that does not apply to batches of an iterable, such as ``run``.
            TrainingError E501: a value became NaN or infinite; the model has the last finite parameters.
            TrainingError E508: a step does not fit into the free memory.
            FileError E505: ``run`` holds another training.
            TrainingError E590, E592: ``privacy`` with a layer or option that reads rows unprotected, or with
                an epsilon that is too small for the rows.
        """
        values: dict[str, Any] = dict(options)
        validation = values.pop("validation", None)
        chosen = FitOptions(**values)
        if chosen.doctor and chosen.privacy is None:
            check = diagnosis.FirstBatch() if is_source(x, y) else diagnosis.Doctor()
            chosen = replace(chosen, callbacks=(*chosen.callbacks, check))
        fit(self.state, TrainingData(x, y, validation), chosen, self.adopt)
        return self.history

    def initialize(self, inputs: Mapping[str, Spec | np.ndarray] | np.ndarray, seed: int = 0) -> Self:
        """Build the graphs for these inputs and sample initial parameters, without training.

        The next ``fit`` begins with them.

        Args:
            inputs: the spec of each input by name, or arrays of samples with the same shapes and dtypes.
            seed: of the parameters.
        """
        self.adopt(initialize(self.state, inputs, seed))
        return self

    def load_parameters(self, values: Mapping[str, ArrayLike]) -> Self:
        """Set parameters by path; those not named stay as they are. The next ``fit`` begins with them.

        Args:
            values: arrays by path, such as ``"dense1.weight"``, in the shapes of ``parameters()``.

        Raises:
            TrainingError E503: there are no parameters yet.
            UsageError E101: no such parameter. UsageError E113: not numbers.
            ShapeError E209: another shape; all mismatches are listed.
        """
        self.adopt(load_parameters(self.state, values))
        return self

    def load_states(self, values: Mapping[str, ArrayLike]) -> Self:
        """Set layers' running values by path, such as ``"batch_norm1.mean"``; those not named stay.

        Args:
            values: arrays by path, in the shapes of ``states()``.

        Raises:
            As ``load_parameters``.
        """
        self.adopt(load_states(self.state, values))
        return self

    def trainer(
        self,
        x: Samples,
        y: Targets = None,
        *,
        classes: Sequence[object] | None = None,
        sample_weight: SampleWeight = None,
        seed: int = 0,
        steps: int | None = None,
        parameters: Parameters | None = None,
    ) -> Trainer:
        """Return a trainer of single updates by ``step(x, y)``; the model changes at ``commit()``.

        It begins with the present parameters; where there are none, the seed samples them.

        Args:
            x, y: an example batch, which fixes shapes and classes; it is not trained on.
            classes: all labels, where the example batch does not contain each.
            sample_weight: of the example batch: then every step takes weights.
            seed: of the initial parameters and of each step's random numbers.
            steps: how many updates a learning rate schedule spans that depends on it, such as ``cr.Cosine``.
            parameters: a ``cr.Parameters`` that several trainers update.

        Example:
            >>> from chainrule.nn import SGD, Dense
            >>> model = Model(Dense(1), "mse", SGD(0.1), dtype="float64")
            >>> x, y = np.array([[1.0], [2.0]]), np.array([2.0, 4.0])
            >>> trainer = model.trainer(x, y)
            >>> losses = [trainer.step(x, y) for _ in range(50)]
            >>> losses[-1] < losses[0], trainer.steps
            (True, 50)
            >>> trainer.commit()
        """
        example = train.Batch(x, y, sample_weight)
        return train.Trainer(self, example, classes=classes, seed=seed, steps=steps, parameters=parameters)

    def partial_fit(
        self,
        x: Samples,
        y: Targets = None,
        *,
        classes: Sequence[object] | None = None,
        sample_weight: SampleWeight = None,
    ) -> Self:
        """Make one update on a batch, keeping the optimizer's state from call to call.

        Args:
            x, y: the batch.
            classes: all labels; needed in the first call where its batch does not contain each.
            sample_weight: how much each sample counts; in all calls or in none.

        Raises:
            TrainingError E501: a value is not finite; the model stays as it is.
        """
        train.partial_fit(self, x, y, classes, sample_weight)
        return self

    def freeze(self, *paths: str) -> Self:
        """Freeze these parts and no others; without paths, unfreeze everything.

        Gradients of frozen parameters are not computed. A frozen layer runs as in inference: batch
        normalization uses its running statistics and does not update them, dropout drops nothing. The next
        ``fit`` starts from the present parameters. The list of frozen parts is saved with the model.

        Args:
            paths: of layers or parameters, prefixes (``"stage1"``) or patterns (``"stage*"``, ``"*.bias"``).

        Raises:
            UsageError E101: a path that matches nothing.
        """
        self.adopt(train.freeze(self.state, *paths))
        return self

    def quantize(self, samples: Samples | None) -> Self:
        """Compute predictions with weights and inputs of products in 8 bits.

        Each output channel of a matrix product or a convolution has a factor for its weights; the range of
        the product's input is measured on the samples. The float weights are kept: trainings, explanations,
        attributions and exports use them, and ``quantize(None)`` returns to them. A training, or other
        parameters, end the quantization.

        Args:
            samples: some hundred rows as for ``predict``, such as those of the training; ``None``:
                predictions with the float weights again.

        Returns:
            the model itself, whose ``summary`` lists what is computed in 8 bits, and whose file has it.

        Raises:
            TrainingError E503: the model is not trained. UsageError E102: no product that can be quantized.

        Example:
            >>> from chainrule.nn import SGD, Dense
            >>> model = Model(Dense(1), "mse", SGD(0.1))
            >>> x = np.linspace(0, 1, 50)[:, None].astype("float32")
            >>> history = model.fit(x, 2 * x[:, 0], epochs=50, verbose=False)
            >>> exact = model.predict(x)
            >>> bool(abs(model.quantize(x).predict(x) - exact).max() < 0.02)
            True
        """
        self.adopt(self.state.in_float() if samples is None else quantize(self.state, samples))
        return self

    # --- predictions

    def __call__(self, x: Samples) -> np.ndarray | Any:
        """Return the network's raw outputs (of a classifier: scores, not probabilities).

        Returns:
            an array; for several outputs a dict of arrays by name.
        """
        return prediction.raw_outputs(self.state, x)

    def predict(self, x: Samples) -> np.ndarray | Any:
        """Return labels for a classifier, values for a regressor (in the units of the training's table).

        Args:
            x: samples, or batches of an iterable such as a DataLoader, as in ``Model.fit``.

        Returns:
            an array; for several outputs a dict of arrays by name.
        """
        return prediction.predict(self.state, x)

    def predict_proba(self, x: Samples) -> np.ndarray | Any:
        """Return the probability of each class, in the order of ``labels``: (N, K).

        Args:
            x: samples, or batches of an iterable such as a DataLoader, as in ``Model.fit``.

        Raises:
            TrainingError E507: the model predicts values, not classes.
        """
        return prediction.predict_proba(self.state, x)

    def predict_frame(self, frame: Any, proba: bool = False) -> Any:
        """Return a frame with the columns of its predictions behind its own.

        The bits of a row do not depend on the other rows, as in ``predict_batches``.

        Args:
            frame: a frame of pandas, polars or pyarrow (also a ``RecordBatch``), or of another library with
                ``__arrow_c_stream__``, such as a relation of DuckDB. It has the columns of the training;
                others stay as they are.
            proba: add the probability of each class, ``probability of LABEL``.

        Returns:
            a frame of the same class with the same rows, order and index, and the columns ``prediction``, or
            ``prediction NAME`` for each of several outputs, ``prediction[0]``, ... for a vector of up to 20
            numbers; a name that is used becomes ``NAME (2)``. For other libraries a frame of polars.

        Raises:
            UsageError E113: no frame. E102: a network in which a row depends on the other rows.
            TrainingError E503: the model is not trained. E507: probabilities of a model that predicts values.
            DataError E326: a column is missing; E311 and others for cells, as ``predict``.

        Example:
            >>> import polars as pl
            >>> from chainrule.nn import SGD, Dense
            >>> model = Model(Dense(1), "mse", SGD(0.1))
            >>> frame = pl.DataFrame({"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]})
            >>> history = model.fit(frame, "y", epochs=2, verbose=False)
            >>> model.predict_frame(frame.select("x")).columns
            ['x', 'prediction']
        """
        return frame_predictions.predict_frame(self.state, frame, proba)

    def predict_batches(self, batches: Any, proba: bool = False) -> Any:
        """Return frames with the columns of their predictions, for frames that come one after another.

        It can be passed as it is to engines that divide a table into partitions:
        ``table.mapInArrow(model.predict_batches, schema)`` of Spark,
        ``table.map_batches(model.predict_batches, batch_format="pyarrow")`` of Ray,
        ``table.map_partitions(model.predict_batches)`` of Dask. The bits of a row do not depend on how the
        rows are divided. A process that receives the model several times reads it once.

        Args:
            batches: an iterable of frames with the same columns, as of ``predict_frame``; only one is in
                memory at a time. Or a single frame.
            proba: as of ``predict_frame``.

        Returns:
            an iterator of frames, or the frame, as of ``predict_frame``.

        Raises:
            DataError E326: a batch has other columns than the first one, or lacks one. Others as
                ``predict_frame``, when the batch is reached.
        """
        return frame_predictions.predict_batches(self.state, batches, proba)

    def activations(self, x: Samples, layer: str) -> np.ndarray:
        """Return the output of a layer in inference, (N, ...).

        Args:
            x: samples, as for ``predict``.
            layer: its path, such as ``"dense1"``; see ``summary``.

        Raises:
            UsageError E101: no layer at this path.
        """
        return prediction.activations(self.state, x, layer)

    def evaluate(
        self, x: Samples, y: Targets = None, sample_weight: SampleWeight = None, metrics: Metrics = None
    ) -> dict[str, float]:
        """Return the loss and the metrics on labeled samples.

        Values of a model that was trained on a table are measured in the units of its column.

        Args:
            x, y: as in ``fit``; batches of an iterable are joined.
            sample_weight: how much each sample counts, (N,), or each of its places, (N, T).
            metrics: what is measured besides the loss, by name; by default the metrics of the model, else
                the usual ones of the task.

        Raises:
            TrainingError E503: the model is not trained yet.
            UsageError E101: no such metric for this task.
        """
        return evaluate.evaluate(self.state, x, y, sample_weight, metrics)

    # --- explanations

    def explain(
        self,
        x: Samples,
        y: Targets = None,
        weight: str | None = None,
        depth: int = 2,
        lang: Language | None = None,
        member: int | str | None = None,
    ) -> Explanation:
        """Derive one training step on these samples: every value, every gradient, the update and its effect.

        With ``depth=0``, explain one prediction instead: the inputs that mattered most. The explanation of an
        ensemble begins with that, and derives one of its networks.

        Args:
            x: one sample (I,), several (n, I), arrays by input name, or rows of a table.
            y: the target: a label or value, or one for each sample; by default the target column of a table,
                or the predicted class.
            weight: one element of a parameter, such as ``"dense1.weight[0,1]"``: its derivative is derived
                factor by factor.
            depth: 0 for the reasons alone; 1 for one line per value; 2 for a page; 3 for every number.
            lang: ``"en"`` or ``"zh"``; by default ``cr.settings.lang``.
            member: of an ensemble, the network that is derived, from 1; ``"all"`` for all as one network; by
                default 1, or all with ``weight``.

        Raises:
            TrainingError E503: the model is not trained yet.
            ShapeError E209: a sample of the wrong width.
            UsageError E101, E102, E120, E121: no such language, depth, member, parameter or index. E122: no
                target of a model that predicts values.
        """
        lang = lang or settings.lang
        step_explanation.check_options(1 if depth == 0 and not isinstance(depth, bool) else depth, lang)
        if weight is not None:
            step_explanation.weight_of(weight, self.state.parameters)
        return attribution.explain_prediction(
            attribution.Request(self.state, x, y, weight, depth, member), lang
        )

    def trace(self, x: Samples, y: Targets = None) -> Trace:
        """Return the values that ``explain`` describes, without text.

        Args:
            x: samples, as in ``explain``.
            y: their targets.
        """
        return trace.trace_rows(encode_labeled(self.state, x, y, "trace"))

    def what_if(
        self,
        changes: Mapping[str, float],
        x: Samples,
        y: Targets = None,
        depth: int = 2,
        lang: Language | None = None,
    ) -> WhatIf:
        """Compare one training step before and after changing some weights.

        Args:
            changes: the new value of each weight, ``{"dense1.weight[0,1]": 0.7}``; the model does not change.
            x, y, depth, lang: as in ``explain``.

        Raises:
            UsageError E102: no change, or a value that is not finite. Otherwise as ``explain``.
        """
        return step_explanation.what_if(self.trace(x, y), changes, lang or settings.lang, depth)

    @property
    def diagnosis(self) -> Diagnosis | None:
        """The doctor's findings about the last training; ``None`` if it ran without the doctor."""
        findings = self.state.findings
        return None if findings is None else diagnosis.Diagnosis.of(findings, settings.lang)

    @property
    def plot(self) -> PlotAccessor:
        """The plots of this model, each a method: ``model.plot.roc(x, y).save("roc.svg")``."""
        return plotting.PlotAccessor(self)

    def studio(self, x: Samples | None = None, y: Targets = None, *, height: int = 640) -> Any:
        """Show the model in a notebook: the derivation of every weight, and predictions.

        With the extra ``studio`` it is a widget, which works offline. Where no widget runs, it is a page
        without scripts: the explanation of the first row.

        Args:
            x: rows whose steps are derived; without them the widget only predicts.
            y: their targets, as in ``explain``.
            height: of the widget, in pixels.

        Raises:
            TrainingError E503: the model is not trained yet. UsageError E102: a height below 200.
            UsageError E122: no target of a model that predicts values.
        """
        return import_module("chainrule.studio.notebook").studio_of(self.state, x, y, height)

    def _repr_html_(self) -> str:
        network = self.state.network
        return summary_html(self.state.recipe.net, None if network is None else network.inference)

    # --- groups of methods, and shortcuts to them

    @property
    def robustness(self) -> Robustness:
        """Attacks, certificates, corruptions, novelty, drift and wrong labels."""
        return Robustness(self)

    @property
    def privacy(self) -> PrivacyAudits:
        """Audits of what the model reveals about its training rows, and the privacy that it spent."""
        return PrivacyAudits(self)

    @property
    def uncertainty(self) -> Uncertainty:
        """Calibration, prediction intervals, members of an ensemble, dropout samples."""
        return Uncertainty(self)

    @property
    def attribution(self) -> Attributions:
        """Attributions, importance of columns, counterfactuals, influence of training rows."""
        return Attributions(self)

    @property
    def training(self) -> TrainingAnalysis:
        """Checks before a training, learning rates, profile, plan, replayed updates, parity of engines."""
        return TrainingAnalysis(self)

    @property
    def generation(self) -> Generation:
        """Texts that the model generates."""
        return Generation(self)

    attack = Shortcut(Robustness, Robustness.attack)
    certify = Shortcut(Robustness, Robustness.certify)
    corruption_sweep = Shortcut(Robustness, Robustness.corruption_sweep)
    label_issues = Shortcut(Robustness, Robustness.label_issues)
    novelty = Shortcut(Robustness, Robustness.novelty)
    unlike = Shortcut(Robustness, Robustness.unlike)
    drift = Shortcut(Robustness, Robustness.drift)
    audit_membership = Shortcut(PrivacyAudits, PrivacyAudits.audit_membership)
    calibrate = Shortcut(Uncertainty, Uncertainty.calibrate)
    calibrate_intervals = Shortcut(Uncertainty, Uncertainty.calibrate_intervals)
    predict_interval = Shortcut(Uncertainty, Uncertainty.predict_interval)
    member_samples = Shortcut(Uncertainty, Uncertainty.member_samples)
    dropout_samples = Shortcut(Uncertainty, Uncertainty.dropout_samples)
    attribute = Shortcut(Attributions, Attributions.attribute)
    importance = Shortcut(Attributions, Attributions.importance)
    counterfactual = Shortcut(Attributions, Attributions.counterfactual)
    influence = Shortcut(Attributions, Attributions.influence)
    check = Shortcut(TrainingAnalysis, TrainingAnalysis.check)
    find_learning_rate = Shortcut(TrainingAnalysis, TrainingAnalysis.find_learning_rate)
    profile = Shortcut(TrainingAnalysis, TrainingAnalysis.profile)
    plan = Shortcut(TrainingAnalysis, TrainingAnalysis.plan)
    replay = Shortcut(TrainingAnalysis, TrainingAnalysis.replay)
    parity = Shortcut(TrainingAnalysis, TrainingAnalysis.parity)
    generate = Shortcut(Generation, Generation.generate)
    stream = Shortcut(Generation, Generation.stream)

    @property
    def calibration(self) -> Calibration | None:
        """As ``model.uncertainty.calibration``."""
        return self.uncertainty.calibration

    @property
    def member_weights(self) -> np.ndarray:
        """As ``model.uncertainty.member_weights``."""
        return self.uncertainty.member_weights

    @property
    def decoder(self) -> Decoder:
        """As ``model.generation.decoder``."""
        return self.generation.decoder

    # --- files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one data-only file: weights, network, preparation, labels, units, training facts, checksum.

        Args:
            path: the path of the file; an existing file is replaced at once.

        Raises:
            FileError: the disk is full, the folder is missing or not writable; an existing file does not
                change.
        """
        model_file.save(self.state, path)

    def export(self, path: str | os.PathLike[str], **options: Any) -> Exported:
        """Write a file for other programs, with preparation, network and labels; its suffix is the format.

        ``.onnx`` is an ONNX file (``pip install 'chainrule[onnx]'``), ``.py`` a program that needs NumPy
        alone, or with a name that ends in ``_torch`` the network in PyTorch with its weights beside it,
        ``.c`` C99 for one row at a time, with a header, ``.html`` a page that predicts and explains in a
        browser, offline. The inputs are the columns of the training's table or the arrays of the network, the
        outputs ``label`` and ``probabilities``, or ``value``; in PyTorch they are those of the network alone.
        Another program computes the outputs of the file for a few rows, which are compared with those of the
        model before the file is written.

        Args:
            path: the path of the file; an existing file is replaced at once.
            options: of the format; ``opset`` of ``.onnx``: the version of its operations, by default 18, or
                20 with columns of texts; ``int8`` of ``.c``: weights in 8 bits.

        Returns:
            what was written and compared; ``print`` shows it as a line.

        Raises:
            UsageError: E101 another suffix; E609 the header of a C file would overwrite a file that no export
                wrote. TrainingError E503: the model is not trained.
            FileError: E462 the format cannot contain this model; E463 the outputs differ; E464 there is no C
                compiler, or neither Node.js nor a browser. Nothing is written then.
        """
        return interop.export_model(self.state, path, **options)

    def to_torch_state_dict(self, names: str | None = None, *, tensors: bool = False) -> dict[str, Any]:
        """Return the parameters and running statistics under the names and in the layouts of PyTorch.

        Args:
            names: the names of a library or family for networks of ``cr.models``, such as ``"torchvision"``,
                ``"huggingface"`` or ``"resnet"``; by default the paths of this network with PyTorch's names
                of each layer's parameters, which an exported program in PyTorch has too.
            tensors: whether to return tensors of PyTorch, which must be installed, instead of arrays.

        Returns:
            what ``load_state_dict`` of the same network in PyTorch takes, as tensors.

        Raises:
            TrainingError E503: the model is not trained. UsageError E101: an unknown library or family.
            FileError E462: the family does not name this network. DataError E350: PyTorch is not installed.
        """
        return interop.torch_state_of(self.state, names, tensors)

    @classmethod
    def load(cls, path: str | os.PathLike[str], layers: Sequence[type[Extensible]] = ()) -> Self:
        """Load a model from a file; executes nothing from it.

        Args:
            path: a file written by ``save``; or an ONNX file (``.onnx``), whose model predicts the outputs
                of the network as they are, and has the loss ``"mse"``.
            layers: the custom classes of the model, if it has some: layers, losses, optimizers and others.

        Raises:
            FileError: the file is missing, damaged, foreign or newer than this chainrule; E459 operators of
                an ONNX file that are not imported, all of them.
        """
        if os.fspath(path).lower().endswith(".onnx"):
            return cls.of(interop.state_of_onnx(path))
        state = model_file.load(path, layers)
        if NOVELTY_GATE in state.facts:
            robustness.report_unreadable_gate(state, os.fspath(path))
        return cls.of(state)


def _from_bytes(
    cls: type[Model], content: bytes, layers: Sequence[type[Extensible]], engine: str | None = None
) -> Model:
    """Return the model in the bytes of a model file; what unpickling calls.

    Engines that divide a table unpickle the model for every partition; the same bytes are read once.
    """
    key = hashlib.sha256(content).digest(), tuple(layers), engine
    return cls.of(_UNPICKLED(key, lambda: model_file.from_bytes(content, layers, "pickle", engine)))


_UNPICKLED = Memo(4)  # states, which never change, by the digest of their bytes


def load(path: str | os.PathLike[str], layers: Sequence[type[Extensible]] = ()) -> Model:
    """Load a model from a file; executes nothing from it.

    Args:
        path: a file written by ``Model.save``; or an ONNX file (``.onnx``), whose model predicts the outputs
            of the network as they are, and has the loss ``"mse"``.
        layers: the custom classes of the model, if it has some: layers, losses, optimizers and others.

    Raises:
        FileError: the file is missing, damaged, foreign or newer than this chainrule; E459 operators of an
            ONNX file that are not imported, all of them.
    """
    return Model.load(path, layers)


def load_transformers(
    folder: str | os.PathLike[str],
    x: Samples | Mapping[str, Spec] | None = None,
    *,
    head: Literal["pooled", "sentence", "sequence"] | None = None,
) -> Model:
    """Load a GPT-2, BERT or ViT of the transformers library from a local folder.

    The folder has ``config.json`` and the weights: ``model.safetensors``, its index if there are several
    files, or ``pytorch_model.bin``. The network consists of layers of this library, with the part for the
    task that the configuration names: the next word, masked words, classes of texts, words or images, or
    a span of the text. Nothing is fetched, and nothing in the folder is executed.

    Args:
        folder: as ``save_pretrained`` of the transformers library writes it.
        x: inputs as for ``predict``, of which only the shapes count; by default words, int64 (B, T) with the
            largest T, or images (B, H, W, C). Texts with masks and types for BERT have the names
            ``sequence``, ``mask`` and ``types``.
        head: instead of the part for the task: ``"sequence"``, a vector for each position (the default of a
            model without a task); ``"pooled"``, one vector of the first position, for GPT-2 of the last;
            ``"sentence"``, the mean, normalized to length 1.

    Returns:
        a model with the weights, which predicts, trains, explains and, for GPT-2, generates.

    Raises:
        FileError: E401 to E410 a file cannot be read; E450 no weights; E470 another model or an unsupported
            setting; E471, E427 a configuration that is damaged or promises more than the files contain; E455
            weights that do not match it; E451 to E457 as ``read_weights``.
        UsageError E101: an unknown head. E144: weights are NaN or infinite.

    Example:
        ``cr.load_transformers("gpt2").decoder`` is what ``cr.generate`` takes.
    """
    return Model.of(interop.state_of_folder(folder, x, head))


def load_keras(path: str | os.PathLike[str], x: Samples | Mapping[str, Spec] | None = None) -> Model:
    """Load a model of Keras 3 from a ``.keras`` or ``.h5`` file.

    The description of the network becomes layers of this library, under their names in the file; nothing in
    the file is executed, and Keras is not needed. A softmax or sigmoid at the end is part of the loss, so the
    network computes scores, and ``predict_proba`` has the outputs of Keras.

    Args:
        path: as ``model.save`` of Keras writes it.
        x: inputs as for ``predict``, of which only the shapes count; by default the shapes in the file.

    Returns:
        a model with the weights, which predicts, trains (``fit(..., warm_start=True)``) and explains.

    Raises:
        FileError: E401 to E410 the file cannot be read; E450 it is not one of Keras with its network; E451
            it is damaged; E456 an unsupported dtype; E470 layers or settings that are not supported, all of
            them, such as ``Lambda``; E471, E427 a description that is damaged or promises more than the
            weights contain; E455 weights that do not match it.
        UsageError E144: weights are NaN or infinite.
        TrainingError E503: the shapes of the inputs are not in the file: pass ``x``.

    Example:
        ``cr.load_keras("model.keras").predict(images)``
    """
    return Model.of(interop.state_of_keras(path, x))
