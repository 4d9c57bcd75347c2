"""Properties of networks from VNN-LIB files, the format of the verification competition (VNN-COMP)."""

from __future__ import annotations

from pathlib import Path

from surrogate.errors import InvalidProperty
from surrogate.files import file_path
from surrogate.problems.instance import Instance
from surrogate.problems.vnnlib.instances import to_instances
from surrogate.problems.vnnlib.loading import read_text
from surrogate.problems.vnnlib.property import Property
from surrogate.problems.vnnlib.syntax import commands


def read(path: Path | str) -> list[Instance]:
    r"""Return the questions that a VNN-LIB file, plain or gzipped, asks: one instance per input box, in order of appearance.

    The file declares inputs ``X_i`` and outputs ``Y_j`` and asserts what a *counterexample* looks like: the property is
    violated ("sat") if for one of the instances a point of the region has a positive value, and holds ("unsat") if none has.
    Every instance's problem is a :class:`surrogate.problems.Conditions`, whose value is positive where the assertions on the
    outputs hold. VNN-LIB's inequalities are not strict: a point where the value is exactly 0 satisfies the file too. A witness
    must have a value above 1e-9 and a proof an upper bound below 0, so both verdicts are right for the file, and a property
    that hinges on such ties stays unresolved.

    Read are ``declare-const``, ``declare-fun`` without arguments, and ``assert`` of ``and``, ``or``, ``<=`` and ``>=`` in any
    nesting over ``+``, ``-`` and ``*`` of numbers and variables, as far as that is linear. Each condition bounds one input or
    joins outputs; ``or`` over input boxes gives several instances. Commands that ask nothing (``set-logic``, ``check-sat``
    and the like) are passed over.

    Raises:
        InvalidProperty: a file that cannot be read, is malformed or too large, or is not of this form: an unknown function, an
            undeclared variable, an input without both bounds or with none that can be met, nothing asserted on the outputs.
            The text gives file and line.

    Example:
        >>> import tempfile
        >>> text = "(declare-const X_0 Real) (declare-const Y_0 Real) (assert (and (<= 0 X_0) (<= X_0 1) (>= Y_0 2)))"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "large.vnnlib").write_text(text)
        ...     (instance,) = read(Path(folder, "large.vnnlib"))
        >>> float(instance.region.lower[0]), float(instance.region.upper[0])
        (0.0, 1.0)

    Source: Demarchi et al., Supporting standardization of neural networks verification with VNN-LIB and CoCoNet, 2023; the
    rules of VNN-COMP.
    """
    path = file_path(path)
    found = Property(path.name)
    for command in commands(read_text(path), path.name):
        found.add(command)
    return to_instances(found)


__all__ = ["InvalidProperty", "read"]
