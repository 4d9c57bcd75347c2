"""Perceptrons of scikit-learn with their scalers: what they predict, in the units of the data, or a refusal."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, PowerTransformer, RobustScaler, StandardScaler

from surrogate.errors import InvalidNetwork, UnsupportedLayer
from surrogate.networks import ReluNetwork

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)) * [1.0, 100.0, 0.01, 5.0] + [0.0, 50.0, 3.0, -7.0]
Y = 1000.0 + 50.0 * np.abs(X[:, 0]) + X[:, 1]
SMALL: dict[str, Any] = {"hidden_layer_sizes": (6, 5), "max_iter": 20, "random_state": 0}


def fitted(model: Any, y: np.ndarray) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so few steps do not converge
        return model.fit(X, y)


REGRESSORS: dict[str, Callable[[], Any]] = {
    "alone": lambda: MLPRegressor(**SMALL),
    "one layer without a ReLU": lambda: MLPRegressor(**SMALL | {"activation": "identity"}),
    "standardised": lambda: make_pipeline(StandardScaler(), MLPRegressor(**SMALL)),
    "two scalers and a step that does nothing": lambda: Pipeline(
        [
            ("a", MinMaxScaler((-1, 2))),
            ("b", "passthrough"),
            ("c", StandardScaler(with_mean=False)),
            ("net", MLPRegressor(**SMALL)),
        ]
    ),
    "other scalers": lambda: make_pipeline(
        RobustScaler(), MaxAbsScaler(), StandardScaler(with_std=False), MLPRegressor(**SMALL)
    ),
    "pipeline in a pipeline": lambda: make_pipeline(StandardScaler(), make_pipeline(MinMaxScaler(), MLPRegressor(**SMALL))),
    "scaled target": lambda: TransformedTargetRegressor(
        make_pipeline(StandardScaler(), MLPRegressor(**SMALL)), transformer=StandardScaler()
    ),
    "scaled target inside": lambda: make_pipeline(
        StandardScaler(), TransformedTargetRegressor(MLPRegressor(**SMALL), transformer=MinMaxScaler())
    ),
}


@pytest.mark.parametrize("name", REGRESSORS)
def test_values_are_those_of_predict(name: str) -> None:
    model = fitted(REGRESSORS[name](), Y)
    np.testing.assert_allclose(ReluNetwork.from_sklearn(model)(X)[:, 0], model.predict(X), rtol=1e-9)


def test_several_outputs_have_a_scale_each() -> None:
    y = np.stack([Y, 0.01 * X[:, 1]], axis=1)
    model = fitted(TransformedTargetRegressor(MLPRegressor(**SMALL), transformer=StandardScaler()), y)
    np.testing.assert_allclose(ReluNetwork.from_sklearn(model)(X), model.predict(X), rtol=1e-9)


@pytest.mark.parametrize("classes", [["no", "yes"], ["a", "b", "c"]])
def test_classes_are_those_of_predict(classes: list[str]) -> None:
    model = fitted(make_pipeline(StandardScaler(), MLPClassifier(**SMALL)), RNG.choice(classes, size=len(X)))
    logits = ReluNetwork.from_sklearn(model)(X)
    assert logits.shape == (60, len(classes))
    assert (model.classes_[logits.argmax(axis=1)] == model.predict(X)).all()
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(shares / shares.sum(axis=1, keepdims=True), model.predict_proba(X), atol=1e-9)
    if len(classes) == 2:
        assert not logits[:, 0].any()


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "another activation": (
        lambda: fitted(MLPRegressor(**SMALL | {"activation": "tanh"}), Y),
        UnsupportedLayer,
        "the MLPRegressor has activation='tanh': expected .* activation='relu'",
    ),
    "several labels": (
        lambda: fitted(MLPClassifier(**SMALL), RNG.integers(0, 2, size=(60, 3))),
        UnsupportedLayer,
        "several labels at once",
    ),
    "not fitted": (lambda: MLPRegressor(), InvalidNetwork, r"the MLPRegressor is not fitted: call fit\(X, y\)"),
    "a pipeline that is not fitted": (lambda: make_pipeline(StandardScaler(), MLPRegressor()), InvalidNetwork, "is not fitted"),
    "a target that is not fitted": (lambda: TransformedTargetRegressor(MLPRegressor()), InvalidNetwork, "is not fitted"),
    "a step that is not linear": (
        lambda: fitted(make_pipeline(PowerTransformer(), MLPRegressor(**SMALL)), Y),
        UnsupportedLayer,
        r"step powertransformer \(PowerTransformer\) is not a scaler that is linear: expected MaxAbsScaler,",
    ),
    "a scaler that clips": (
        lambda: fitted(make_pipeline(MinMaxScaler(clip=True), MLPRegressor(**SMALL)), Y),
        UnsupportedLayer,
        r"step minmaxscaler \(MinMaxScaler\) clips",
    ),
    "a target through a function": (
        lambda: fitted(TransformedTargetRegressor(MLPRegressor(**SMALL), func=np.log, inverse_func=np.exp), Y),
        UnsupportedLayer,
        r"transformer of the target \(FunctionTransformer\) is not a scaler",
    ),
    "another model": (
        lambda: fitted(LinearRegression(), Y),
        UnsupportedLayer,
        "expected an MLPRegressor .* got LinearRegression",
    ),
    "a search": (
        lambda: fitted(GridSearchCV(LinearRegression(), {}), Y),
        UnsupportedLayer,
        "got GridSearchCV: read its best_estimator_",
    ),
    "no model": (lambda: 3, UnsupportedLayer, "got int 3"),
    "no steps": (lambda: Pipeline([]), UnsupportedLayer, "Pipeline has no steps"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    build, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        ReluNetwork.from_sklearn(build())


def test_a_stored_model_needs_no_scikit_learn_to_be_read(tmp_path: Any) -> None:
    model = fitted(make_pipeline(StandardScaler(), MLPRegressor(**SMALL)), Y)
    network = ReluNetwork.from_sklearn(model)
    network.save(tmp_path / "net.safetensors")
    assert ReluNetwork.load(tmp_path / "net.safetensors").key == network.key
