"""VNN-LIB files: what is read means what the file says, point by point; what cannot be read is refused with file and line."""

from __future__ import annotations

import gzip
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amounts import examples
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st
from oracles import random_network

from surrogate.attack import GradientAttack, Instance, Status, SurrogateAttack
from surrogate.errors import SurrogateError
from surrogate.networks import ReluNetwork
from surrogate.problems import Conditions, vnnlib
from surrogate.problems.vnnlib import InvalidProperty, loading, property

ROOT = Path(__file__).resolve().parents[2]
VNNCOMP = ROOT.parent / "shared" / "data" / "vnncomp_mnist_fc"

INPUTS, OUTPUTS = 3, 2
DECLARED = "".join(f"(declare-const X_{i} Real)\n" for i in range(INPUTS)) + "".join(
    f"(declare-const Y_{j} Real)\n" for j in range(OUTPUTS)
)
UNIT_BOX = "".join(f"(assert (>= X_{i} 0.0))\n(assert (<= X_{i} 1.0))\n" for i in range(INPUTS))


def read_text(folder: Path, text: str | bytes) -> list[Instance]:
    path = folder / "prop.vnnlib"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return vnnlib.read(path)


def holds(instances: list[Instance], x: np.ndarray, y: np.ndarray) -> bool:
    return any(instance.region.contains(x, 0.0) and instance.problem.value(y[None])[0] > 0.0 for instance in instances)


def conditions(instance: Instance) -> Conditions:
    assert isinstance(instance.problem, Conditions)
    return instance.problem


def test_a_box_and_a_disjunction_of_outputs(tmp_path: Path) -> None:
    text = "; a comment (with brackets)\n" + DECLARED + UNIT_BOX + "(assert (<= X_1 0.5)) ; tighter\n"
    (instance,) = read_text(tmp_path, text + "(assert (or (and (>= Y_0 Y_1)) (and (<= Y_0 -1e-1) (<= Y_1 2))))")
    np.testing.assert_array_equal(instance.region.lower, [0.0, 0.0, 0.0])
    np.testing.assert_array_equal(instance.region.upper, [1.0, 0.5, 1.0])
    np.testing.assert_array_equal(instance.region.center, [0.5, 0.25, 0.5])
    assert instance.label is None
    np.testing.assert_array_equal(conditions(instance).matrix, [[1.0, -1.0], [-1.0, 0.0], [0.0, -1.0]])
    np.testing.assert_array_equal(conditions(instance).offset, [0.0, -0.1, 2.0])
    assert conditions(instance).sizes == (1, 2)


def test_constants_may_stand_on_either_side(tmp_path: Path) -> None:
    (instance,) = read_text(
        tmp_path, DECLARED + UNIT_BOX + "(assert (>= 0.75 X_0))\n(assert (>= (* 4.0 X_2) 1.0))(assert (<= 3 Y_1))"
    )
    assert (instance.region.upper[0], instance.region.lower[2]) == (0.75, 0.25)
    np.testing.assert_array_equal(conditions(instance).matrix, [[0.0, 1.0]])
    np.testing.assert_array_equal(conditions(instance).offset, [-3.0])


def test_general_linear_conditions(tmp_path: Path) -> None:
    condition = "(assert (>= (+ (* 2.0 Y_0) (- Y_1) (* 0.5 (- Y_0 Y_1 3.0))) (- 1.0)))"
    (instance,) = read_text(tmp_path, DECLARED + UNIT_BOX + condition)
    np.testing.assert_array_equal(conditions(instance).matrix, [[2.5, -1.5]])
    np.testing.assert_array_equal(conditions(instance).offset, [-0.5])


def test_boxes_in_disjuncts_become_instances(tmp_path: Path) -> None:
    """One form of the competitions: every disjunct brings its box; those that share one are one instance."""
    left, right = "(<= X_0 0.25) (>= X_0 0.0)", "(>= X_0 0.75) (<= X_0 1.0)"
    rest = "".join(f"(assert (>= X_{i} 0.0))(assert (<= X_{i} 1.0))" for i in (1, 2))
    text = f"(assert (or (and {left} (>= Y_0 1.0)) (and {right} (>= Y_0 1.0))\n (and (>= Y_1 2.0) {left})))"
    first, second = read_text(tmp_path, DECLARED + rest + text)
    assert (first.region.lower[0], first.region.upper[0]) == (0.0, 0.25)
    assert (second.region.lower[0], second.region.upper[0]) == (0.75, 1.0)
    assert conditions(first).sizes == (1, 1)
    assert conditions(second).sizes == (1,)


def test_input_and_output_disjunctions_in_two_asserts(tmp_path: Path) -> None:
    text = "(assert (or (and (<= X_0 0.2) (>= X_1 0.9)) (and (>= X_0 0.8))))(assert (or (and (>= Y_0 Y_1)) (and (<= Y_0 0.0))))"
    instances = read_text(tmp_path, DECLARED + UNIT_BOX + text)
    assert [instance.region.lower.tolist() for instance in instances] == [[0.0, 0.9, 0.0], [0.8, 0.0, 0.0]]
    assert [conditions(instance).sizes for instance in instances] == [(1, 1), (1, 1)]


def test_a_disjunct_that_contradicts_itself_is_left_out(tmp_path: Path) -> None:
    text = "(assert (or (and (<= X_0 0.2) (>= X_0 0.3)) (and (<= X_0 0.4))))(assert (>= Y_0 0.0))"
    (instance,) = read_text(tmp_path, DECLARED + UNIT_BOX + text)
    assert instance.region.upper[0] == 0.4


def test_declare_fun_and_commands_that_ask_nothing(tmp_path: Path) -> None:
    text = (
        "(set-logic QF_LRA)\n" + DECLARED.replace("const X_0", "fun X_0 ()") + UNIT_BOX + "(assert (>= Y_0 0))\n(check-sat)\n"
    )
    assert len(read_text(tmp_path, text)) == 1


def test_what_is_quoted_in_commands_that_ask_nothing(tmp_path: Path) -> None:
    text = (
        '(set-info :source "a;b")\n(set-info :license |of (two\nlines; yes|)\n(set-info :notes "he said ""no)""")\n'
        + DECLARED
        + UNIT_BOX
        + "(assert (>= Y_0 0))\n"
    )
    assert len(read_text(tmp_path, text)) == 1


def test_a_bound_that_another_tightens_may_be_of_any_size(tmp_path: Path) -> None:
    (instance,) = read_text(tmp_path, DECLARED + UNIT_BOX + "(assert (<= X_0 1e16))(assert (>= Y_0 0))")
    assert instance.region.upper[0] == 1.0


def test_gzip_is_told_by_content(tmp_path: Path) -> None:
    text = DECLARED + UNIT_BOX + "(assert (>= Y_0 Y_1))"
    (packed,) = read_text(tmp_path, gzip.compress(text.encode()))
    (plain,) = read_text(tmp_path, text)
    np.testing.assert_array_equal(packed.region.upper, plain.region.upper)
    np.testing.assert_array_equal(conditions(packed).matrix, conditions(plain).matrix)


# Formulas as nested tuples: ("and", ...), ("<=", left, right), ("+", ...), a name or a number. `evaluate` is the oracle: it
# gives a formula its meaning at one point, and knows nothing of disjunctive forms, boxes or matrices.

numbers = st.integers(-8, 8).map(lambda n: n / 4.0)
outputs = st.sampled_from([f"Y_{j}" for j in range(OUTPUTS)])
terms = st.one_of(
    outputs,
    st.tuples(st.just("*"), numbers, outputs),
    st.tuples(st.just("-"), outputs),
    st.tuples(st.sampled_from("+-"), outputs, st.one_of(numbers, st.tuples(st.just("*"), outputs, numbers))),
)
sides = st.sampled_from(["<=", ">="])
on_outputs = st.tuples(sides, terms, numbers.map(lambda n: n + 0.0123)) | st.tuples(
    sides, numbers.map(lambda n: n + 0.0456), terms
)
on_inputs = st.tuples(sides, st.sampled_from([f"X_{i}" for i in range(INPUTS)]), st.floats(0.05, 0.95))
leaves = st.one_of(on_outputs, on_inputs)
formulas = st.recursive(
    leaves,
    lambda inner: st.tuples(st.sampled_from(["and", "or"]), inner, inner) | st.tuples(st.just("and"), inner),
    max_leaves=6,
)

OPERATIONS: dict[str, Callable[..., Any]] = {
    "and": lambda *values: all(values),
    "or": lambda *values: any(values),
    "<=": operator.le,
    ">=": operator.ge,
    "+": lambda *values: sum(values),
    "-": lambda first, *rest: first - sum(rest) if rest else -first,
    "*": operator.mul,
}


def evaluate(formula: Any, point: dict[str, float]) -> Any:
    if isinstance(formula, tuple):
        return OPERATIONS[formula[0]](*(evaluate(part, point) for part in formula[1:]))
    return point[formula] if isinstance(formula, str) else formula


def written(formula: Any) -> str:
    if isinstance(formula, tuple):
        return "(" + " ".join([formula[0], *map(written, formula[1:])]) + ")"
    return formula if isinstance(formula, str) else repr(formula)


@examples(150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(formulas, on_outputs, st.integers(0, 2**31))
def test_what_is_read_holds_where_the_file_holds(tmp_path: Path, formula: Any, output: Any, seed: int) -> None:
    text = DECLARED + UNIT_BOX + f"(assert {written(formula)})\n(assert {written(output)})\n"
    try:
        instances = read_text(tmp_path, text)
    except InvalidProperty as error:
        assume("compares two constants" not in str(error))  # such as 0 * Y_0 <= 1
        if "no input is left" not in str(error):
            raise
        instances = []  # all boxes are empty, so no point may satisfy the file
    rng = np.random.default_rng(seed)
    for x, y in zip(rng.uniform(size=(60, INPUTS)), rng.normal(size=(60, OUTPUTS), scale=2.0), strict=True):
        point = {f"X_{i}": x[i] for i in range(INPUTS)} | {f"Y_{j}": y[j] for j in range(OUTPUTS)}
        assert holds(instances, x, y) == (evaluate(formula, point) and evaluate(output, point))


REFUSED = {
    "unknown function": ("(assert (>= (sin Y_0) 0.0))", 12, "unknown function 'sin'"),
    "division": ("(assert (>= (/ Y_0 2.0) 0.0))", 12, "unknown function '/'"),
    "strict inequality": ("(assert (> Y_0 0.0))", 12, "unknown condition '>': expected and, or, <= or >="),
    "negation": ("(assert (not (>= Y_0 0.0)))", 12, "unknown condition 'not'"),
    "equation": ("(assert (= Y_0 0.0))", 12, "unknown condition '='"),
    "unknown command": ("\n(define-fun f () Real 1.0)", 13, "unknown command 'define-fun'"),
    "a bracket without a word": ("((assert))", 12, "that is not named by a word"),
    "a word as condition": ("(assert true)", 12, "unknown condition 'true'"),
    "an operator as condition": ("(assert <=)", 12, "unknown condition '<='"),
    "undeclared output": ("(assert (>= Y_7 0.0))", 12, "Y_7 is not declared"),
    "undeclared name": ("(assert (>= speed 0.0))", 12, "'speed' is neither a number nor a declared variable"),
    "not a number": ("(assert (>= Y_0 nan))", 12, "'nan' is neither a number"),
    "underscores": ("(assert (>= Y_0 1_0))", 12, "'1_0' is neither a number"),
    "hexadecimal": ("(assert (>= Y_0 0x10))", 12, "'0x10' is neither a number"),
    "infinite": ("(assert (>= Y_0 1e999))", 12, "too large for double precision"),
    "product of outputs": ("(assert (>= (* Y_0 Y_1) 0.0))", 12, "not linear"),
    "inputs joined": ("(assert (>= X_0 X_1))(assert (>= Y_0 0.0))", 12, "joins X_0, X_1"),
    "input and output joined": ("(assert (>= Y_0 X_1))", 12, "joins Y_0, X_1"),
    "a value with itself": ("(assert (>= Y_0 Y_0))", 12, "with itself"),
    "two constants": ("(assert (>= 2.0 1.0))", 12, "compares two constants"),
    "one value": ("(assert (>= Y_0))", 12, "compares two values, got 1"),
    "three values": ("(assert (<= 0.0 Y_0 1.0))", 12, "compares two values, got 3"),
    "empty and": ("(assert (and))", 12, "and needs at least one condition"),
    "empty sum": ("(assert (>= (+) Y_0))", 12, "+ needs at least one value"),
    "empty assert": ("(assert)", 12, "assert takes one condition, got 0"),
    "two conditions": ("(assert (>= Y_0 0.0) (>= Y_1 0.0))", 12, "assert takes one condition, got 2"),
    "empty box": (
        "\n(assert (>= X_1 2.0))(assert (>= Y_0 0.0))",
        13,
        "no input is left, X_1 would be at least 2.0 and at most 1.0",
    ),
    "nothing on outputs": ("", None, "nothing is asserted on the outputs"),
    "a disjunct without outputs": ("(assert (or (>= Y_0 0.0) (<= X_0 0.5)))", 12, "nothing is asserted on the outputs"),
    "another type": ("(declare-const X_3 Int)", 12, "X_3 has the type 'Int': only Real"),
    "declared twice": ("(declare-const X_0 Real)", 12, "X_0 is declared twice"),
    "another name": ("(declare-const Z_0 Real)", 12, "'Z_0' is not a variable"),
    "leading zero": ("(declare-const X_03 Real)", 12, "'X_03' is not a variable"),
    "no type": ("(declare-const X_3)", 12, "expected a name and the type Real"),
    "function with arguments": ("(declare-fun X_3 (Real) Real)", 12, "expected a name and the type Real"),
    "a gap": ("(declare-const X_4 Real)(assert (>= Y_0 0.0))", None, "X_3 is not declared, but X_4 is"),
    "missing bounds": ("(declare-const X_3 Real)(assert (>= Y_0 0.0))", None, "X_3 has no finite lower bound"),
    "half open": (
        "(declare-const X_3 Real)(assert (>= X_3 0.0))(assert (>= Y_0 0.0))",
        None,
        "X_3 has no finite upper bound",
    ),
    "a bound beyond double precision": (
        "(declare-const X_3 Real)(assert (>= X_3 0.0))(assert (<= (* 1e-320 X_3) 1.0))(assert (>= Y_0 0.0))",
        None,
        "X_3 has no finite upper bound",
    ),
    "unbounded in one disjunct": (
        "(declare-const X_3 Real)(assert (or (and (>= X_3 0.0) (<= X_3 1.0) (>= Y_0 0.0)) (and (>= X_3 0.0) (>= Y_1 0.0))))",
        None,
        "X_3 has no finite upper bound",
    ),
    "never closed": ("\n\n(assert (or (>= Y_0 0.0)", 14, "never closed; is the file truncated?"),
    "never opened": ("(assert (>= Y_0 0.0)))", 12, "closed that was never opened"),
    "a word outside": ("assert (>= Y_0 0.0)", 12, "expected a command in brackets, got 'assert'"),
    "a text that is never closed": ('(set-info "x)', 12, "the character '\"' is not allowed"),
    "a name in bars that is never closed": ("(set-info |x)", 12, "the character '|' is not allowed"),
    "a text as a value": ('(assert (>= Y_0 "1.0"))', 12, "'\"1.0\"' is neither a number"),
    "a text outside": ('"x"', 12, "expected a command in brackets"),
    "behind a text of two lines": ('(set-info :source "a\n(b")(assert (= Y_0 0.0))', 13, "unknown condition '='"),
    "a bound that no region takes": (
        "(declare-const X_3 Real)(assert (>= X_3 0.0))\n(assert (<= X_3 1e16))(assert (>= Y_0 0.0))",
        13,
        "X_3 has the upper bound 1e+16, beyond the 1e+15 allowed",
    ),
    "too deep": ("(assert " + "(and " * 100 + "(>= Y_0 0.0)" + ")" * 101, 12, "more than 64 brackets"),
    "multiplies out": ("(assert (and" + " (or (>= Y_0 0.0) (>= Y_1 0.0))" * 40 + "))", 12, "at most 10000"),
    "an or with too many cases": (
        "(assert (or " + "(>= Y_0 0.0)\n" * 10_001 + "this is not even read",
        12,
        "an or has at most 10000 cases",
    ),
    "many asserts that multiply out": ("(assert (or (>= Y_0 0.0) (>= Y_1 0.0)))" * 40, 12, "at most 10000"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(tmp_path: Path, name: str) -> None:
    text, line, message = REFUSED[name]
    with pytest.raises(InvalidProperty) as caught:
        read_text(tmp_path, DECLARED + UNIT_BOX + text)
    assert message in str(caught.value)
    assert str(caught.value).startswith("prop.vnnlib" if line is None else f"prop.vnnlib, line {line}: ")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, SurrogateError)
    assert isinstance(caught.value, ValueError)


def test_no_variables_at_all(tmp_path: Path) -> None:
    for text, message in (("", "no input X_0"), ("(declare-const X_0 Real)", "no output Y_0")):
        with pytest.raises(InvalidProperty, match=message):
            read_text(tmp_path, text)


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress((DECLARED + UNIT_BOX + "(assert (>= Y_0 0.0))").encode())
    for content in (packed[: len(packed) // 2], packed[:5], packed[:-6] + b"\0" * 6, packed[:12] + b"\xff" * 40):
        with pytest.raises(InvalidProperty, match=r"prop\.vnnlib is a gzip file that is truncated or corrupt"):
            read_text(tmp_path, content)
    with pytest.raises(InvalidProperty, match=r"prop\.vnnlib, line 2: the file is not UTF-8 text"):
        read_text(tmp_path, b"; fine\n; \xff\n")
    with pytest.raises(InvalidProperty, match="cannot be read: No such file"):
        vnnlib.read(tmp_path / "absent.vnnlib")
    with pytest.raises(InvalidProperty, match="cannot be read: Is a directory"):
        vnnlib.read(tmp_path)
    monkeypatch.setattr(loading, "MAX_BYTES", 2**20)
    for content in (gzip.compress(b" " * 2**24), b" " * (2**20 + 1)):
        assert len(content) < 2**21
        with pytest.raises(InvalidProperty, match="more than 1 MiB of text"):
            read_text(tmp_path, content)


def test_cases_that_share_many_conditions_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from surrogate.problems.vnnlib import instances

    shared = "(assert (>= Y_0 0.0))" * 50
    cases = "(assert (or" + "".join(f" (and (<= X_0 0.{i}) (>= Y_1 0.0))" for i in range(1, 9)) + "))"
    text = DECLARED + UNIT_BOX + shared + cases
    assert len(read_text(tmp_path, text)) == 8
    monkeypatch.setattr(instances, "MAX_NUMBERS", 500)
    with pytest.raises(InvalidProperty, match="500 at most are read"):
        read_text(tmp_path, text)
    monkeypatch.setattr(property, "MAX_CONDITIONS", 10)
    with pytest.raises(InvalidProperty, match="with 10 are read"):
        read_text(tmp_path, text)


def test_an_attack_answers_what_the_file_asks(tmp_path: Path) -> None:
    """Against the sampled truth: a witness satisfies the file, and a proof leaves no sample that does."""
    verdicts = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        network = random_network(rng, (INPUTS, 5, OUTPUTS))
        level = float(rng.uniform(-1.0, 6.0))
        text = DECLARED + UNIT_BOX + f"(assert (or (and (>= Y_0 {level}) (<= Y_1 1.0)) (and (>= (- Y_1 Y_0) {level}))))"
        (instance,) = read_text(tmp_path, text)
        result = SurrogateAttack().run(network, network, instance)
        x = rng.uniform(size=(4000, INPUTS))
        y = network(x)
        sampled = (((y[:, 0] >= level) & (y[:, 1] <= 1.0)) | (y[:, 1] - y[:, 0] >= level)).any()
        verdicts.add(result.status)
        if sampled:
            assert result.status is Status.ADVERSARIAL
        if result.status is Status.ADVERSARIAL:
            assert result.witness is not None
            y0, y1 = network(result.witness[None])[0]
            assert (y0 >= level and y1 <= 1.0) or y1 - y0 >= level
    assert verdicts == {Status.ADVERSARIAL, Status.ROBUST}


@pytest.mark.parametrize(("name", "found"), [("prop_1_0.03", True), ("prop_0_0.03", False)])
def test_properties_of_vnn_comp(name: str, found: bool) -> None:
    if not VNNCOMP.is_dir():
        pytest.skip("the properties of VNN-COMP 2022 mnist_fc lie in ../shared/data/vnncomp_mnist_fc, which is not here")
    (instance,) = vnnlib.read(VNNCOMP / "vnnlib" / f"{name}.vnnlib.gz")
    network = ReluNetwork.from_onnx(VNNCOMP / "onnx" / "mnist-net_256x2.onnx")
    low, high = instance.region.lower, instance.region.upper
    assert (low.shape, low.min(), high.max() <= 1.0) == ((784,), 0.0, True)
    assert (high - low).max() == pytest.approx(0.06, abs=1e-6)
    label = int(network(instance.region.center[None])[0].argmax())
    logits = np.random.default_rng(0).normal(size=(50, 10))
    others = np.delete(logits, label, axis=1).max(axis=1)
    np.testing.assert_allclose(instance.problem.value(logits), others - logits[:, label], atol=1e-12)
    assert (GradientAttack(starts=20).run(network, instance).status is Status.ADVERSARIAL) == found


LINE_ENDS = {"carriage returns": ("\r", 1), "both": ("\r\n", 1), "mixed": ("\r\r\n\n", 3)}
"""What a line ends with, and how many line ends that is."""


@pytest.mark.parametrize("name", LINE_ENDS)
def test_nothing_that_is_asserted_goes_with_a_comment(tmp_path: Path, name: str) -> None:
    end, lines = LINE_ENDS[name]
    text = DECLARED + UNIT_BOX + "; at least\n(assert (>= Y_0 2.0)) ; and at most\n(assert (<= Y_1 1.0))\n; the end\n"
    plain, other = conditions(read_text(tmp_path, text)[0]), conditions(read_text(tmp_path, text.replace("\n", end))[0])
    assert len(plain.matrix) == 2
    assert other.matrix.tolist() == plain.matrix.tolist()
    assert other.offset.tolist() == plain.offset.tolist()
    with pytest.raises(InvalidProperty, match=f"line {lines * text.count(chr(10)) + 1}: unknown condition '='"):
        read_text(tmp_path, f"{text}(assert (= Y_0 0.0))".replace("\n", end))


def test_a_carriage_return_ends_a_comment(tmp_path: Path) -> None:
    """So SMT-LIB has it: the robust property of a tool that joins lines was answered as if nothing else were asserted."""
    text = DECLARED + UNIT_BOX + "(assert (>= Y_0 0.0))\n; the margin\r(assert (>= Y_1 5.0))\n"
    assert len(conditions(read_text(tmp_path, text)[0]).matrix) == 2
    with pytest.raises(InvalidProperty, match=r"prop\.vnnlib, line 3: the file is not UTF-8 text"):
        read_text(tmp_path, b"; fine\r\n; fine\r; \xff\n")
    with pytest.raises(InvalidProperty, match="line 14: unknown condition '='"):
        read_text(tmp_path, DECLARED + UNIT_BOX + '(set-info :source "a\rb\r\nc")(assert (= Y_0 0.0))')


@pytest.mark.parametrize("mark", ["\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_what_only_some_take_for_a_line_end_hides_nothing(tmp_path: Path, mark: str) -> None:
    asked = DECLARED + UNIT_BOX + "(assert (>= Y_0 0.0))"
    for hidden in ("(assert (>= Y_1 5.0))", "\t Y_1", ")"):
        with pytest.raises(InvalidProperty, match=r"line 12: a comment holds text behind .*: put a line feed"):
            read_text(tmp_path, f"{asked} ; the margin {mark}{hidden}\n")
    assert len(conditions(read_text(tmp_path, f"{asked} ; a page ends{mark} {mark}\n")[0]).matrix) == 1


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    text = DECLARED + UNIT_BOX + "(assert (>= Y_0 Y_1))"
    (plain,), (marked,) = read_text(tmp_path, text), read_text(tmp_path, text.encode("utf-8-sig"))
    assert marked.region.lower.tolist() == plain.region.lower.tolist()
    assert marked.problem.matrix.tolist() == plain.problem.matrix.tolist()  # type: ignore[attr-defined]
