"""How much each layer knows: a linear classifier on its features, accuracy against depth.

Reference: Chen et al. 2020, section 4.1 (a layer in the middle knows most).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from rlsuite.errors import UserError
from rlsuite.generators.contracts import Encodes
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.runs.seeding import numpy_stream


@dataclass(frozen=True)
class ProbeCurve:
    """Accuracy of a probe at every depth.

    Attributes:
        accuracies: In [0, 1], of each block's input and last of the output layer's.
        baselines: The same probe on other features, by name.
        few: Accuracy at the best depth with few labels, by how many.
    """

    accuracies: tuple[float, ...]
    baselines: Mapping[str, float] = field(default_factory=dict)
    few: Mapping[str, float] = field(default_factory=dict)

    @property
    def best(self) -> int:
        """The depth that knows most; the first of equals."""
        return int(np.argmax(self.accuracies))

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "best": self.best}


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


def probe_generator(
    generator: Any, data: ImageSet, held_out: ImageSet, label: str, *, few: Sequence[int] = (), compare: bool = False
) -> ProbeCurve:
    """Probe every depth of a generator.

    Args:
        generator: One with ``features`` (image_gpt: every layer), or one that encodes.
        data: Labelled pictures to fit probes to.
        held_out: Labelled pictures to score them on.
        label: Which of the sets' labels.
        few: Labels a class; the best depth is probed with so few as well.
        compare: Whether to probe pixels, and the same model with random weights, as well.

    Raises:
        UserError: It neither has features nor encodes.
    """
    train, test = features_of(generator, data), features_of(generator, held_out)
    labels, wanted = data.labels[label], held_out.labels[label]
    curve = probe_layers(train, labels, test, wanted)
    baselines = {}
    if compare:
        baselines["pixels"] = probe(data.floats().flatten(1), labels, held_out.floats().flatten(1), wanted)
        random = type(generator)(generator.config, seed=1)
        random.load_state_dict(_random_weights(generator, random))
        pair = features_of(random, data), features_of(random, held_out)
        baselines["random features, best depth"] = max(probe_layers(pair[0], labels, pair[1], wanted).accuracies)
    scarce = {f"{n} labels a class": _few(train[curve.best], labels, test[curve.best], wanted, n) for n in few}
    return ProbeCurve(curve.accuracies, baselines, scarce)


def features_of(generator: Any, images: ImageSet) -> list[Tensor]:
    """Features (n, d) of each depth; of one depth where a generator only encodes.

    Raises:
        UserError: It does not encode, or not to vectors.
    """
    if hasattr(generator, "features"):
        return generator.features(images.floats())
    if not isinstance(generator, Encodes):
        raise UserError(f"probe: a {generator.kind} has no features; image_gpt, dalle and contrast do")
    found = generator.encode(images.floats()).flatten(1)
    return [found.float()]


def _random_weights(trained: Any, random: Any) -> Any:
    """The state of an untrained model that reads pictures as the trained one does: its palette, random layers."""
    state, kept = random.state_dict(), trained.state_dict()
    weights = {
        name: kept["weights"][name] if name == "colours" else state["weights"][name] for name in state["weights"]
    }
    return {**kept, "weights": weights}


def _few(train: Tensor, labels: Sequence[str], test: Tensor, wanted: Sequence[str], n: int) -> float:
    """Accuracy with n labels a class, chosen always alike."""
    order: list[int] = numpy_stream(0, "probe/few").permutation(len(labels)).tolist()
    chosen = [[i for i in order if labels[i] == c][:n] for c in sorted(set(labels))]
    rows = [i for some in chosen for i in some]
    return probe(train[rows], [str(labels[i]) for i in rows], test, wanted)
