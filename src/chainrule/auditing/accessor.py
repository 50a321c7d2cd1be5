"""``model.privacy``: what a model reveals about the rows of its training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule import auditing  # lazy: a program that only trains never loads audits
from chainrule.data.sample_types import Samples, Targets
from chainrule.errors import explain_method_calls
from chainrule.train.model_base import MethodGroup
from chainrule.train.private.privacy_spent import PrivacySpent

if TYPE_CHECKING:
    from chainrule.auditing.membership import MembershipResult
    from chainrule.settings import Language


@explain_method_calls("model", "Model")
class PrivacyAudits(MethodGroup):
    """Audits of what a model reveals about the rows of its training."""

    name = "privacy"

    def audit_membership(
        self,
        members: Samples | tuple[Samples, Targets],
        others: Samples | tuple[Samples, Targets],
        *,
        shadows: int = 0,
        epochs: int | None = None,
        seed: int = 0,
        lang: Language | None = None,
    ) -> MembershipResult:
        """Measure whether rows of the training can be recognized (membership inference).

        The attacks are the loss threshold (Yeom et al., 2018) and, with shadow models, the likelihood ratio
        (LiRA; Carlini et al., 2022). The model does not change.

        Args:
            members: rows of the training, ``(x, y)`` or a table with its target.
            others: rows like them that the training did not use. Rows of another source would be recognized
                by what they are, not by their part in the training.
            shadows: an even number of models that are trained on random halves of all these rows; 0: none.
            epochs: of each of these; by default as many as the model was trained.
            seed: of halves and trainings.
            lang: ``"en"`` or ``"zh"``; by default ``cr.settings.lang``.

        Returns:
            the result, which prints a verdict and, for each attack, the area under the ROC curve and the
            share of members that are detected at 1 % and 0.1 % false alarms, with intervals.

        Raises:
            TrainingError E503, E507: the model is not trained, or does not predict one class per sample.
            UsageError E102: fewer than 20 rows on a side; an odd number of shadow models.

        Example:
            >>> import numpy as np
            >>> from chainrule.model import Model
            >>> from chainrule.nn import Dense, Sequential
            >>> x = np.random.default_rng(0).normal(size=(80, 40)).astype("float32")
            >>> y = (x[:, 0] > 0).astype(int)
            >>> model = Model(Sequential(Dense(64, "relu"), Dense(2)), "cross_entropy")
            >>> history = model.fit(x[:40], y[:40], epochs=200, seed=0, verbose=False)
            >>> model.audit_membership((x[:40], y[:40]), (x[40:], y[40:])).verdict
            'clear'
        """
        return auditing.audit_membership(
            self.state, members, others, shadows=shadows, epochs=epochs, seed=seed, lang=lang
        )

    @property
    def spent(self) -> PrivacySpent | None:
        """The privacy that the training spent; ``None`` for a model that was not trained privately."""
        return PrivacySpent.of(self.state.facts)
