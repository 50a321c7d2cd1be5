"""Certificates beside predictions: ``chainrule predict --certify RADIUS``."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.apps.cli import screen
from chainrule.apps.cli.texts import text_of
from chainrule.model import Model
from chainrule.settings import settings

CERTIFICATE, CHANGED = "certificate", "changed prediction"  # columns of the output


def certificate_columns(model: Model, x: Any, radius: float) -> dict[str, np.ndarray]:
    """The status of each row, and the prediction that a change within the radius leads to.

    Args:
        model: a trained classifier.
        x: prepared inputs, or arrays by input name.
        radius: the largest change of an element.

    Raises:
        TrainingError E582, UsageError: as ``Model.certify``.
    """
    certificate = model.certify(x, radius=radius, lang=settings.lang)
    unit = "certified_prepared" if certificate.is_prepared else "certified_units"
    counts = {f"{s}": certificate.status.count(s) for s in ("proven", "broken", "unknown")}
    text = text_of("certified").format(radius=f"{radius:g}", unit=text_of(unit), **counts)
    screen.line(text, "yellow", to_errors=True)
    changed = [str(certificate.attacked.get(i, "")) for i in range(len(certificate.status))]
    return {CERTIFICATE: np.array(certificate.status, object), CHANGED: np.array(changed, object)}
