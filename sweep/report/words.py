"""Numbers in sentences: a comparison with its counts, effect, interval and p-value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sweep.report.phrases import Phrases
from sweep.terminal.wording import MISSING, count

Row = Mapping[Any, Any]

DONE = {
    "time": "was sooner",
    "time_with_pruning": "was sooner with pruning and finetuning counted",
    "truth": "ended with the truly better decision",
}

TEST = {"value": "signed-rank test", **dict.fromkeys(("time", "time_with_pruning", "norm", "truth"), "sign test")}


def evidence(row: Row, measure: str, phrases: Phrases) -> str:
    """Return a sentence on one measure of a comparison, in the words of its instances.

    For example ``magnitude 0.95 was sooner on 5 of 6 images (83 %, 95 % interval 50 to 100 %), worse on 1, 12 times as
    fast where both found one (median, 95 % interval 3.1 to 40); sign test p = 0.22, corrected 0.65.``
    """
    wins, losses, pairs = (int(row[f"{measure}_{name}"]) for name in ("wins", "losses", "pairs"))
    share = interval_text(row[f"{measure}_share_low"], row[f"{measure}_share_high"], percent)
    ties = pairs - wins - losses
    tied = f", {ties} equal" if ties else ""
    effect = effect_text(row, measure, phrases)
    values = {"value": f"ended with the {phrases.better} {phrases.value}", "norm": f"found the shorter {phrases.length_of}"}
    done = {**DONE, **values}[measure]
    corrected = f", corrected {p_number(row[f'{measure}_p_holm'])}" if not _missing(row, f"{measure}_p_holm") else ""
    return (
        f"{row['setting']} {done} on {wins} of {_pairs(row, measure, phrases.instance)} "
        f"({percent(row[f'{measure}_share'])}{share}), worse on {losses}{tied}{effect}; "
        f"{TEST[measure]} {p_text(row[f'{measure}_p'])}{corrected}."
    )


def _pairs(row: Row, measure: str, what: str) -> str:
    """Return ``24 instances of 12 images``: what two networks do with one image is less evidence than two images are."""
    pairs, clusters = int(row[f"{measure}_pairs"]), int(row[f"{measure}_clusters"])
    return count(pairs, what) if clusters == pairs else f"{count(pairs, 'instance')} of {count(clusters, what)}"


def effect_text(row: Row, measure: str, phrases: Phrases) -> str:
    """Return the effect as a clause, or nothing where it is not known."""
    name = f"{measure}_effect"
    if _missing(row, name):
        return ""
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    limits = interval_text(low, high, number)
    if measure == "value":
        value, low, high = sorted_by_sign(phrases.sign, value, low, high)
        what = "gain" if phrases.sense is None else "difference"
        return f", median {what} {value:+.3g}{interval_text(low, high, number)}"
    if measure == "truth":
        return f", median gain in truth {value:+.3g}{interval_text(low, high, number)}"
    if measure == "norm":
        change = interval_text(-row[f"{name}_high"], -row[f"{name}_low"], signed_percent)
        return f", median length {signed_percent(-value)}{change}"
    return f", {number(value)} times as fast where both found one (median{limits})"


def sorted_by_sign(sign: float, value: float, low: float, high: float) -> tuple[float, float, float]:
    """Return a gain with its interval as a difference of values: where smaller is better it is negative."""
    return (value, low, high) if sign > 0.0 else (0.0 - value, 0.0 - high, 0.0 - low)


def of_pairs(row: Row, measure: str) -> str:
    """Return ``5/6``."""
    return f"{int(row[f'{measure}_wins'])}/{int(row[f'{measure}_pairs'])}"


def interval_text(low: float, high: float, form: Any) -> str:
    """Return ``, 95 % interval 50 to 100 %``, or nothing where it is not known."""
    if any(value is None or math.isnan(value) for value in (low, high)):
        return ""
    first = form(low).removesuffix(" %") if form(high).endswith(" %") else form(low)
    return f", 95 % interval {first} to {form(high)}"


def p_text(p: float) -> str:
    """Return ``p = 0.03``, or ``p < 0.001``."""
    return "p < 0.001" if p < 0.001 else f"p = {p_number(p)}"


def p_number(p: float) -> str:
    if math.isnan(p):
        return "unknown"
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def percent(share: float) -> str:
    return f"{100.0 * share:.0f} %"


def signed_percent(share: float) -> str:
    return f"{100.0 * share + 0.0:+.0f} %"


def number(value: float) -> str:
    """Return three digits, without an exponent where that is readable."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) >= 1e-3 else f"{value:.1e}"


def seconds(value: float) -> str:
    """Return a time with the unit that suits it."""
    if math.isnan(value):
        return MISSING
    return f"{1000 * value:.3g} ms" if value < 0.1 else f"{value:.3g} s" if value < 1000 else f"{value:,.0f} s"


def _missing(row: Row, name: str) -> bool:
    return name not in row or row[name] is None or math.isnan(row[name])
