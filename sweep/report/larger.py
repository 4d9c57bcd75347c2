"""Is a larger network worth it? Its decisions against those of the next smaller one, by the same method, compared in truth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby, pairwise, product
from typing import Any

import pandas as pd

from sweep.report.answers import NOT_ASKED, Verdict, judged
from sweep.report.compared import compared_by_network
from sweep.report.in_truth import MEASURE, alike, known_in_truth, table_in_truth
from sweep.report.results import Results

QUESTION = "Is a larger network worth it, in truth?"

_SIZE = re.compile(r"(?<!\S)(\d+)x(\d+)(?!\S)")


def has_sizes(results: Results) -> bool:
    """Whether networks of several sizes were optimised over, and the truth of some decision is known."""
    known = results.instances[results.instances["true_value"].notna()]
    return any(any(True for _ in _neighbours(some)) for some in _by_subject(known["network"].unique()).values())


def larger_pays(results: Results) -> Verdict:
    """Return whether larger networks lead to truly better decisions than the next smaller ones, by the same method."""
    table = size_table(results)
    if table.empty:
        return Verdict(QUESTION, NOT_ASKED, "No two sizes have finished on the same instances by the same method.")
    found = compared_by_network(table, (MEASURE,))
    return judged(QUESTION, found, results, told=found, in_truth=True)


def size_table(results: Results) -> pd.DataFrame:
    """Return a row for each network and setting of which there is the next smaller network with the same setting.

    The columns are ``network`` (the larger one), ``setting`` (with the smaller network that it is compared with), and those of
    :func:`~sweep.report.in_truth.table_in_truth`.
    """
    return table_in_truth(results, _sides(results))


def _sides(results: Results) -> Iterator[tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]]:
    """Yield a network with a setting, then the setting's answers on this network and on the next smaller one."""
    for _, part in known_in_truth(alike(results, _subject)):
        for networks in _by_subject(part["network"].unique()).values():
            for smaller, network in _neighbours(networks):
                on_smaller = dict(list(part[part["network"] == smaller].groupby("setting", sort=False)))
                for label, mine in part[part["network"] == network].groupby("setting", sort=False):
                    if label in on_smaller:
                        about = {"network": network, "setting": f"{label} (against {_layers(smaller)})"}
                        yield about, mine, on_smaller[label]


def _by_subject(networks: Any) -> dict[str, list[str]]:
    """Return the networks that have one size each, by what else they are called, the smallest first."""
    found: dict[str, list[str]] = {}
    for network in networks:
        if len(_SIZE.findall(network)) == 1:
            found.setdefault(_subject(network), []).append(network)
    return {subject: sorted(some, key=_neurons) for subject, some in found.items()}


def _neighbours(networks: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each network after each of those with the next smaller number of neurons; equally many are not compared."""
    by_neurons = [list(some) for _, some in groupby(networks, _neurons)]
    for smaller, larger in pairwise(by_neurons):
        yield from product(smaller, larger)


def _subject(network: str) -> str:
    return _SIZE.sub("", network)


def _layers(network: str) -> str:
    found = _SIZE.search(network)
    return network if found is None else found[0]


def _neurons(network: str) -> int:
    found = _SIZE.search(network)
    return 0 if found is None else int(found[1]) * int(found[2])
