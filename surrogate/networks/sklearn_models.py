"""Networks from fitted models of scikit-learn: multilayer perceptrons, with scalers in front of them and behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from surrogate.checks import shown
from surrogate.errors import InvalidNetwork, UnsupportedLayer
from surrogate.networks.affine_chain import AffineChain
from surrogate.networks.arrays import FloatArray, WeightsAndBiases

ACCEPTED = (
    "expected an MLPRegressor or MLPClassifier with activation='relu', alone or last in a Pipeline of scalers, or such a "
    "regressor in a TransformedTargetRegressor with a scaler"
)

Map = tuple[FloatArray, FloatArray]
"""``scale * x + shift``, both of shape ``(d,)``: what a scaler does."""

SCALERS: dict[str, Callable[[Any, FloatArray], Map]] = {
    "MaxAbsScaler": lambda scaler, ones: (ones / scaler.scale_, 0.0 * ones),
    "MinMaxScaler": lambda scaler, ones: (ones * scaler.scale_, ones * scaler.min_),
    "RobustScaler": lambda scaler, ones: _centred(
        scaler.center_ if scaler.with_centering else None, scaler.scale_ if scaler.with_scaling else None, ones
    ),
    "StandardScaler": lambda scaler, ones: _centred(
        scaler.mean_ if scaler.with_mean else None, scaler.scale_ if scaler.with_std else None, ones
    ),
}
"""What each scaler does to inputs of the width of ``ones``."""

PASSTHROUGH = "passthrough"


def read_sklearn(model: Any) -> WeightsAndBiases:
    """Return the weights and biases of a fitted model; see :meth:`surrogate.networks.ReluNetwork.from_sklearn`.

    Raises:
        UnsupportedLayer: another estimator or activation, or a step that is not linear; gives its name and type.
        InvalidNetwork: a model that is not fitted.
    """
    steps, perceptron, target = _parts(model)
    chain = AffineChain(_width(steps[0][1] if steps else perceptron))
    for where, scaler in steps:
        chain.elementwise(*_map(scaler, where), where)
    _read_perceptron(chain, perceptron)
    if target is not None:
        where = f"the transformer of the target ({type(target).__name__})"
        scale, shift = _map(target, where)
        chain.elementwise(1.0 / scale, -shift / scale, where)
    return chain.layers()


def _parts(model: Any) -> tuple[list[tuple[str, Any]], Any, Any]:
    """Return the scalers in their order, each with where it stands, the perceptron, and the scaler of the target if any."""
    from sklearn.compose import TransformedTargetRegressor  # takes a second to import
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import Pipeline

    if type(model) is TransformedTargetRegressor:
        _require_fitted(model, "regressor_", "the TransformedTargetRegressor")
        steps, perceptron, target = _parts(model.regressor_)
        if target is not None:
            raise UnsupportedLayer(f"a TransformedTargetRegressor inside another one is not supported: {ACCEPTED}")
        return steps, perceptron, model.transformer_
    if type(model) is Pipeline:
        if not model.steps:
            raise UnsupportedLayer(f"the Pipeline has no steps: {ACCEPTED}")
        *scalers, (name, last) = model.steps
        steps, perceptron, target = _parts(last)
        found = [(f"step {one} ({type(step).__name__})", step) for one, step in scalers if step not in (None, PASSTHROUGH)]
        return found + [(f"{where} of step {name}", step) for where, step in steps], perceptron, target
    if type(model) not in (MLPClassifier, MLPRegressor):
        what = type(model).__name__
        best = ": read its best_estimator_" if hasattr(model, "best_estimator_") else ""
        got = f"{what}{best}" if hasattr(model, "get_params") else f"{what} {shown(model)}"
        raise UnsupportedLayer(f"{ACCEPTED}, got {got}")
    _require_fitted(model, "coefs_", f"the {type(model).__name__}")
    return [], model, None


def _width(first: Any) -> int | None:
    return getattr(first, "n_features_in_", None)


def _read_perceptron(chain: AffineChain, model: Any) -> None:
    name = type(model).__name__
    if model.activation not in ("relu", "identity"):
        raise UnsupportedLayer(f"the {name} has activation={model.activation!r}: {ACCEPTED}")
    is_classifier = name == "MLPClassifier"
    allowed = ("softmax", "logistic") if is_classifier else ("identity",)
    if model.out_activation_ not in allowed:
        raise UnsupportedLayer(f"the {name} has outputs through {model.out_activation_!r}: expected {' or '.join(allowed)}")
    for index, (weight, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        where = f"layer {index} of the {name}"
        chain.affine(weight.T, bias, where)
        if index + 1 < len(model.coefs_) and model.activation == "relu":
            chain.relu(where)
    if model.out_activation_ == "logistic":
        if model.n_outputs_ != 1:
            raise UnsupportedLayer(f"the {name} gives several labels at once: expected one class for each point")
        chain.affine([[0.0], [1.0]], None, f"the logits of the {name}")  # the first class has the logit 0


def _map(scaler: Any, where: str) -> Map:
    from sklearn import preprocessing

    kind = type(scaler).__name__
    if kind not in SCALERS or type(scaler) is not getattr(preprocessing, kind):
        *names, last = SCALERS
        raise UnsupportedLayer(f"{where} is not a scaler that is linear: expected {', '.join(names)} or {last}")
    if getattr(scaler, "clip", False):
        raise UnsupportedLayer(f"{where} clips what it scales, which is not linear: expected clip=False")
    _require_fitted(scaler, "n_features_in_", where)
    return SCALERS[kind](scaler, np.ones(scaler.n_features_in_))


def _centred(centre: Any, scale: Any, ones: FloatArray) -> Map:
    """Return ``(x - centre) / scale``; None for what the scaler was told to leave out."""
    factors = ones if scale is None else ones / scale
    return factors, 0.0 * ones if centre is None else -centre * factors


def _require_fitted(model: Any, attribute: str, where: str) -> None:
    if not hasattr(model, attribute):
        raise InvalidNetwork(f"{where} is not fitted: call fit(X, y) before it is read")
