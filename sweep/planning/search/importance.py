"""How much each swept key explains of an objective, by Optuna's functional analysis of variance.

Reference:
    Hutter, Hoos, Leyton-Brown, *An Efficient Approach for Assessing Hyperparameter Importance*, ICML 2014. As implemented by
    Akiba, Sano, Yanase, Ohta, Koyama, *Optuna*, KDD 2019.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial

from sweep.planning.search.parameters import plain

FEWEST = 30
"""The fewest trials from which the forest can learn."""

MOST = 1000
"""Of more trials a sample is taken, the same one each time: more trials take more time and hardly change the shares."""


def importances(values: Sequence[Mapping[str, Any]], outcomes: Sequence[float]) -> dict[str, float]:
    """Return the share of each key in what the keys explain one by one of the variance of the outcomes, largest first.

    A random forest is fitted to the trials, and its variance over the whole space is taken apart: the share of a key is that
    of its main effect. The shares sum to 1. What only several keys together explain is not in them.

    Args:
        values: a value for each key, of each trial; all trials have the same keys.
        outcomes: the objective of each trial.

    Returns:
        The shares; nothing where fewer than two keys have several values, where all outcomes are equal, or with fewer than
        :data:`FEWEST` trials.
    """
    distributions = (
        {key: found for key in values[0] if (found := _distribution([one[key] for one in values]))} if values else {}
    )
    if len(values) < FEWEST or len(distributions) < 2:
        return {}
    chosen = sorted(random.Random(0).sample(range(len(values)), min(MOST, len(values))))
    if len({outcomes[place] for place in chosen}) < 2:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    for place in chosen:
        params = {key: plain(values[place][key]) for key in distributions}
        study.add_trial(create_trial(params=params, distributions=distributions, value=outcomes[place]))
    shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    return {key: float(share) for key, share in shares.items()}


def _distribution(values: Sequence[Any]) -> BaseDistribution | None:
    """Return the range of some numbers, or the different ones of other values; None if there is one value only."""
    different = list(dict.fromkeys(map(plain, values)))
    if len(different) < 2:
        return None
    if all(type(value) in (int, float) for value in different):
        return FloatDistribution(min(different), max(different))
    return CategoricalDistribution(different)
