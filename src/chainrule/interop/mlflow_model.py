"""A model file as a model of MLflow: what ``mlflow models serve`` and ``mlflow.pyfunc.load_model`` call.

The folder of such a model names this module (``loader_module``) beside the model file; it has no code and
no pickle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.train.checkpoint import model_file
from chainrule.train.evaluation.frame_predictions import predict_frame
from chainrule.train.evaluation.prediction import predict, predict_proba
from chainrule.train.inputs.input_check import column_names, is_frame
from chainrule.train.model_state import ModelState


class MLflowModel:
    """A model with the interface that MLflow calls.

    Args:
        model: a trained model.
    """

    def __init__(self, model: ModelState) -> None:
        self._model = model

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Return the predictions of rows: of a frame as a frame, of arrays as an array.

        Args:
            model_input: a frame of pandas, an array, or arrays by name.
            params: ``{"proba": True}``: also the probability of each class; of arrays, in their place.
        """
        proba = bool((params or {}).get("proba", False))
        if not is_frame(model_input):
            return (predict_proba if proba else predict)(self._model, model_input)
        columns = len(column_names(model_input))
        return predict_frame(self._model, model_input, proba).iloc[:, columns:]


def _load_pyfunc(path: str) -> MLflowModel:
    """Return the model of a model file; MLflow requires this name.

    Raises:
        FileError: the file is missing, damaged, foreign or newer than this chainrule.
    """
    return MLflowModel(model_file.load(path, ()))
