"""Optimisation over trained ReLU networks through pruned copies of them.

Two ways in: :mod:`surrogate.attack` perturbs an input until a network changes its mind, and :func:`surrogate.models.optimise`
optimises a user's Pyomo model that has networks in it.

Shape letters, the same in every docstring of this package:

* ``n`` -- number of points in a batch
* ``d`` -- size of the network's input
* ``h`` -- number of neurons of one hidden layer
* ``o`` -- number of outputs (logits)
* ``k`` -- number of linear objectives (rows of a matrix)

All arrays are float64 unless said otherwise; all durations are seconds.
"""

from surrogate import moved as moved
