"""The exceptions that misuse of this package raises.

Each one also inherits the builtin that a caller would expect, so ``except ValueError`` works. Outcomes of a search (a time
limit, no witness) are never exceptions: they are values of a result.
"""


class SurrogateError(Exception):
    """Base class of every error that this package raises on purpose; its text is one sentence meant for a person."""


class InvalidSetting(SurrogateError, ValueError):
    """A setting or an argument has a value that is not allowed; the text names it, the value and what is allowed."""


class InvalidNetwork(SurrogateError, ValueError):
    """Weights that do not form a finite fully connected ReLU network."""


class UnsupportedLayer(SurrogateError, TypeError):
    """A layer that is neither affine nor ReLU; the text gives its index and type."""


class InvalidRegion(SurrogateError, ValueError):
    """A box and ball that do not form a non-empty perturbation set."""


class InvalidProperty(SurrogateError, ValueError):
    """A VNN-LIB file that cannot be read as a property; the text gives file and line."""


class UnsoundBounds(SurrogateError, ArithmeticError):
    """Bounds that cross or that are cut off by a point of the region: a fault in the bounds, never in the data."""


class MissingExtra(SurrogateError, ImportError):
    """A package that an optional feature needs is not installed."""


class DataUnavailable(SurrogateError, OSError):
    """A data set that could neither be read nor fetched; the text says where to put the files."""


class TrainingDiverged(SurrogateError, ArithmeticError):
    """Training ended in a loss or weights that are not finite."""


class SolverFailure(SurrogateError, RuntimeError):
    """A solver stopped without a usable status; the text carries the solver's own words."""
