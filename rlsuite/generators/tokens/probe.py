"""How much each layer knows: a linear classifier on its features, accuracy against depth.

Reference: Chen et al. 2020, section 4.1 (a layer in the middle knows most).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from rlsuite.errors import UserError


@dataclass(frozen=True)
class ProbeCurve:
    """Accuracy of a probe at every depth.

    Attributes:
        accuracies: In [0, 1], of each block's input and last of the output layer's.
        best: The depth that knows most.
    """

    accuracies: tuple[float, ...]

    @property
    def best(self) -> int:
        """The depth that knows most; the first of equals."""
        return int(np.argmax(self.accuracies))


def probe(
    train: Tensor, train_labels: Sequence[str], test: Tensor, test_labels: Sequence[str], *, c: float = 1.0
) -> float:
    """Accuracy on the test rows of a logistic regression fitted to the training rows.

    Args:
        train: (n, features); scaled to zero mean and unit variance inside.
        train_labels: A class for each.
        test: (m, features).
        test_labels: A class for each.
        c: Inverse strength of the L2 penalty.

    Raises:
        UserError: Fewer than two classes, or a row without label.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    if len(train) != len(train_labels) or len(test) != len(test_labels):
        raise UserError("probe: there must be one label for each row of features")
    if len(set(train_labels)) < 2:
        raise UserError("probe: at least two classes are needed")
    scaler = StandardScaler().fit(train.numpy())
    model = LogisticRegression(C=c, max_iter=300).fit(scaler.transform(train.numpy()), list(train_labels))
    return float(model.score(scaler.transform(test.numpy()), list(test_labels)))


def probe_layers(
    train: Sequence[Tensor], train_labels: Sequence[str], test: Sequence[Tensor], test_labels: Sequence[str]
) -> ProbeCurve:
    """`probe` of every depth; ``train`` and ``test`` from `ImageGpt.features`."""
    pairs = zip(train, test, strict=True)
    return ProbeCurve(tuple(probe(a, train_labels, b, test_labels) for a, b in pairs))
