"""Tables and figures of the fresh study: the same attacks on the same instances by several solvers, a folder a solver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmarks import surrogate_milps
from benchmarks.results import Results as BenchmarkResults
from sweep.config.words import DENSE_MILP
from sweep.records.measures import Measure
from sweep.report.compared import Compared, compared_by_network, surrogates
from sweep.report.comparisons import ALL, by_setting, counted, outcomes, pairs_with_dense, win_table
from sweep.report.figures.letters import log_axis
from sweep.report.figures.style import RC, styles_of
from sweep.report.limits import limit_curves, limits_of
from sweep.report.results import Results
from sweep.report.statistics import holm
from sweep.report.tables import markdown
from sweep.report.variations import FINETUNING, variation_pairs, with_pruning_counted
from sweep.report.words import number, p_number, seconds

SOLVERS = {"gurobi": "Gurobi", "highs": "HiGHS", "scip": "SCIP"}

NOTHING = "—"

FIRST_MOMENT = 0.05
"""Seconds at which the axis of time begins."""

Study = dict[str, Results]
"""The results of each solver, by its name as people write it."""


def study_of(results: Sequence[Results]) -> Study:
    """Return the results by the solver of their trials."""
    return {SOLVERS[one.records[0].config["solver"]["name"]]: one for one in results}


def runs(study: Study) -> str:
    """What each solver was run on, and how much of a core its solves of more than a second had."""
    rows = []
    for solver, results in study.items():
        milps = _milps(results)
        long = milps[milps["total_seconds"] > 1.0]
        shares = long["cpu_seconds"] / long["total_seconds"]
        rows.append(
            {
                "solver": solver,
                "trials": str(len(results.records)),
                "networks": str(results.trials["network_key"].nunique()),
                "MILPs": str(len(milps)),
                "limit": seconds(_limit(results)),
                "CPU s per wall s, median": f"{shares.median():.2f}",
                "least": f"{shares.min():.2f}",
            }
        )
    return markdown(rows)


def sooner(study: Study) -> str:
    """How often a pruned copy is the first to find an adversarial input, how many times as fast, and how sure that is."""
    return _against_dense(study, "time")


def sooner_with_pruning(study: Study) -> str:
    """The same with the seconds of pruning and finetuning added to the copy's; p is corrected by Holm over a size's copies."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for solver, results in study.items():
        pairs = surrogates(results, pairs_with_dense(results))
        found = by_setting(with_pruning_counted(pairs), "time")
        for network in _networks(study):
            values = {setting: counted(part, "time") for (name, setting), part in found.items() if name == network}
            corrected = holm([one["p"] for one in values.values()])
            for (setting, value), p in zip(values.items(), corrected, strict=True):
                took = pairs.loc[(pairs["network"] == network) & (pairs["setting"] == setting), "prune_seconds_mine"]
                row = rows.setdefault((network, setting), {"network": network, "pruned copy": _short(setting)})
                row[f"{solver}: s of pruning"] = number(took.median())
                row[f"{solver}: sooner / later"] = f"{value['wins']} / {value['losses']} of {value['pairs']}"
                row[f"{solver}: p"] = p_number(p)
    return markdown(list(rows.values()))


def better(study: Study) -> str:
    """How often a pruned copy ends with the larger margin, by how much, and how sure that is."""
    return _against_dense(study, "value")


def finetuned(study: Study) -> str:
    """Each pruned copy with finetuning against the same one without; p is corrected by Holm over the rows of a solver."""
    rows: dict[tuple[str, float], dict[str, str]] = {}
    for solver, results in study.items():
        found = dict(list(variation_pairs(results, FINETUNING).groupby(["network", "amount"], sort=False)))
        values = {key: counted(outcomes(part, "value"), "value") for key, part in found.items()}
        corrected = dict(zip(values, holm([one["p"] for one in values.values()]), strict=True))
        for (network, amount), part in found.items():
            value, times = values[network, amount], outcomes(part, "time")["win"]
            row = rows.setdefault((str(network), amount), {"network": str(network), "sparsity": f"{amount:g}"})
            row[f"{solver}: larger / smaller"] = f"{value['wins']} / {value['losses']} of {value['pairs']}"
            row[f"{solver}: p of the margins"] = p_number(corrected[network, amount])
            whole = outcomes(with_pruning_counted(part), "time")["win"]
            for name, wins in (("sooner / later", times), ("with finetuning counted", whole)):
                row[f"{solver}: {name}"] = f"{int((wins > 0).sum())} / {int((wins < 0).sum())} of {len(wins)}"
    order = _networks(study)
    return markdown([rows[key] for key in sorted(rows, key=lambda key: (order.index(key[0]), key[1]))])


def sizes(study: Study) -> str:
    """What the dense MILP and the pruned copy with the most adversarial inputs found on each size."""
    rows = []
    for network in _networks(study):
        row = {"network": network}
        for solver, results in study.items():
            milps = _milps(results)
            here = milps[milps["network"] == network]
            found = {str(name): _witnesses(part) for name, part in here.groupby("setting", sort=False)}
            if not found:
                continue
            total = int((here["setting"] == DENSE_MILP).sum())
            best = max((name for name in found if name != DENSE_MILP), key=lambda name: found[name])
            row[f"{solver}: found by the dense MILP"] = f"{found[DENSE_MILP]} of {total}"
            row[f"{solver}: by the best pruned copy"] = f"{found[best]} of {total}, {_short(best)}"
        rows.append(row)
    return markdown(rows)


def limits(study: Study) -> str:
    """For how many images each MILP had an adversarial input by each limit; the counts of the solvers stand side by side."""
    rows = []
    longest = max(limits_of(max(_limit(results) for results in study.values())))
    for network in _networks(study):
        for limit in limits_of(longest):
            row = {"network": network, "by": seconds(limit)}
            for setting in _settings(study):
                row[_short(setting)] = " / ".join(_found_by(results, network, setting, limit) for results in study.values())
            rows.append(row)
    return markdown(rows)


def solvers(study: Study) -> str:
    """What each solver found through each MILP of a size, and the median margin, on the instances that all solvers of that size
    attacked."""
    rows = []
    for network, by_solver in _shared(study).items():
        for setting in _settings(study):
            row = {"network": network, "MILP": _short(setting)}
            for solver in study:
                if solver not in by_solver:
                    row |= dict.fromkeys((f"{solver}: {name}" for name in ("found", "margin", "ended", "nodes")), NOTHING)
                    continue
                part = by_solver[solver]
                part = part[part["setting"] == setting]
                row[f"{solver}: found"] = f"{_witnesses(part)} of {len(part)}" if len(part) else NOTHING
                row[f"{solver}: margin"] = f"{part['best_value'].median():+.2f}" if len(part) else NOTHING
                row[f"{solver}: ended"] = _ended(part)
                row[f"{solver}: nodes"] = f"{part['nodes'].median():,.0f}" if len(part) else NOTHING
            rows.append(row)
    return markdown(rows)


def _shared(study: Study) -> dict[str, dict[str, pd.DataFrame]]:
    """Return the MILPs of each size that several solvers attacked, by solver, on the instances that all of them attacked."""
    found = {}
    for network in _networks(study):
        parts = {
            solver: milps[milps["network"] == network] for solver, milps in zip(study, map(_milps, study.values()), strict=True)
        }
        parts = {solver: part for solver, part in parts.items() if not part.empty}
        if len(parts) > 1:
            common = set.intersection(*(set(part["instance_key"]) for part in parts.values()))
            found[network] = {solver: part[part["instance_key"].isin(common)] for solver, part in parts.items()}
    return found


def why(rows_file: Path) -> str:
    """The report of ``python -m benchmarks surrogate_milps``, without its heading, from its rows."""
    return surrogate_milps.table(BenchmarkResults(rows_file).sections["surrogate_milps"])


def draw_sizes(study: Study, path: Path) -> None:
    """Draw for how many more images each pruned copy finds an adversarial input than the dense MILP does.

    A panel is a solver, a row a size, a column a sparsity; a negative number says for how many fewer.
    """
    study = _whole(study)
    settings = [one for one in _settings(study) if one != DENSE_MILP]
    networks = _networks(study)
    with mpl.rc_context({**RC, "axes.grid": False}):
        figure = Figure(figsize=(6.4, 1.0 + 1.1 * len(study)), layout="constrained")
        axes = np.atleast_1d(figure.subplots(len(study), 1))
        for ax, (solver, results) in zip(axes, study.items(), strict=True):
            gains = np.array([[_gain(results, network, setting) for setting in settings] for network in networks])
            reach = max(1.0, float(np.nanmax(np.abs(gains))) if np.isfinite(gains).any() else 1.0)
            ax.imshow(gains, cmap="RdBu", vmin=-reach, vmax=reach, aspect="auto")
            for (row, column), gain in np.ndenumerate(gains):
                dark = abs(gain) > 0.6 * reach
                text = NOTHING if np.isnan(gain) else f"{gain:+.0f}"
                ax.text(column, row, text, ha="center", va="center", color="white" if dark else "black")
            ax.set_xticks(range(len(settings)), [_short(one).replace(" finetuned", "\nfinetuned") for one in settings])
            ax.set_yticks(range(len(networks)), networks)
            ax.tick_params(length=0)
            ax.set_title(f"{solver}, {int(_limit(results))} s")
        figure.savefig(path, dpi=150)


def draw_lead(study: Study, path: Path) -> None:
    """Draw by how many images each pruned copy is ahead of the dense MILP at each moment: on how many its best margin so far is
    larger, less those on which it is smaller. A row is a size, a column a solver."""
    study = _whole(study)
    networks = _networks(study)
    with mpl.rc_context(RC):
        figure = Figure(figsize=(2.2 + 3.0 * len(study), 0.9 + 1.9 * len(networks)), layout="constrained")
        axes = figure.subplots(len(networks), len(study), squeeze=False, sharex=True, sharey=True)
        for column, (solver, results) in enumerate(study.items()):
            curves, styles = limit_curves(results), styles_of(results.settings)
            curves = curves[curves["pairs"] > 0]
            for row, network in enumerate(networks):
                ax = axes[row, column]
                ax.axhline(0.0, color="black", linewidth=1.2)
                for setting in _settings(study):
                    part = curves[(curves["network"] == network) & (curves["setting"] == setting)]
                    if setting == DENSE_MILP or part.empty:
                        continue
                    part = part.assign(seconds=np.maximum(part["seconds"], FIRST_MOMENT)).drop_duplicates(
                        "seconds", keep="last"
                    )
                    moments = np.append(part["seconds"], _limit(results))
                    lead = (part["won"] - part["lost"]).to_numpy(dtype=float)
                    ax.plot(
                        moments,
                        np.append(lead, lead[-1]),
                        drawstyle="steps-post",
                        label=_short(setting),
                        **styles[setting].line,
                    )
                log_axis(ax, "x")
                ax.set_xlim(FIRST_MOMENT, _limit(results))
                ax.set_title(f"{network}, {solver}")
                if column == 0:
                    ax.set_ylabel("images ahead")
        for ax in axes[-1]:
            ax.set_xlabel("seconds of an attack")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=max(2, len(study)), frameon=False)
        figure.savefig(path, dpi=150)


def draw_solvers(study: Study, path: Path) -> None:
    """Draw on how many instances each solver finds an adversarial input through each MILP, a panel a size.

    Only the solvers that attacked all sizes are drawn. A panel has the instances that all of these attacked (:func:`_shared`).
    """
    study = _whole(study)
    shared, settings = _shared(study), _settings(study)
    with mpl.rc_context(RC):
        figure = Figure(figsize=(1.0 + 2.9 * len(shared), 3.4), layout="constrained")
        axes = figure.subplots(1, len(shared), squeeze=False, sharey=True)[0]
        width = 0.8 / len(study)
        for ax, (network, by_solver) in zip(axes, shared.items(), strict=True):
            for place, solver in enumerate(study):
                if solver not in by_solver:
                    continue
                part = by_solver[solver]
                found = [_witnesses(part[part["setting"] == setting]) for setting in settings]
                left = np.arange(len(settings)) + (place - (len(study) - 1) / 2) * width
                ax.bar(left, found, width, label=solver, color=f"C{place}")
                for at, number_found in zip(left, found, strict=True):
                    ax.text(at, number_found, str(number_found), ha="center", va="bottom", fontsize=6)
            instances = next(iter(by_solver.values()))["instance_key"].nunique()
            ax.set_title(f"{network}, {instances} images")
            ax.set_xticks(range(len(settings)), [_short(one).replace(" finetuned", "\nfinet.") for one in settings], fontsize=7)
        axes[0].set_ylabel("adversarial inputs found")
        entries = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
        figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=len(study), frameon=False)
        figure.savefig(path, dpi=150)


FIGURES: dict[str, Callable[[Study, Path], None]] = {"sizes": draw_sizes, "lead": draw_lead, "solvers": draw_solvers}
"""Figures of all solvers side by side, by name."""


def _against_dense(study: Study, measure: Measure) -> str:
    """Return a row for each network and pruned copy; p is corrected by Holm over the copies of a network, for each solver."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for solver, results in study.items():
        for one in compared_by_network(_pruned(results), (measure,)):
            key = (one.network, one.setting)
            row = rows.setdefault(key, {"network": one.network, "pruned copy": _short(one.setting)})
            row |= {f"{solver}: {name}": text for name, text in _cells(one).items()}
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    return markdown([{name: row.get(name, NOTHING) for name in columns} for row in rows.values()])


def _cells(one: Compared) -> dict[str, str]:
    effect = one.row[f"{one.measure}_effect"]
    counts, p = f"{one.won} / {one.lost} of {one.pairs}", p_number(one.p)
    if one.measure == "time":
        return {"sooner / later": counts, "times as fast": NOTHING if pd.isna(effect) else number(effect), "p": p}
    return {"larger / smaller": counts, "gain": f"{effect:+.3g}", "p": p}


def _pruned(results: Results) -> pd.DataFrame:
    wins = win_table(results)
    is_pruned = wins["setting"].map(lambda label: results.settings[label].is_surrogate).astype(bool)
    return wins[(wins["yardstick"] == DENSE_MILP) & (wins["network"] != ALL) & is_pruned]


def _milps(results: Results) -> pd.DataFrame:
    kinds = results.instances["setting"].map(lambda label: results.settings[label].is_milp).astype(bool)
    return results.instances[kinds]


def _networks(study: Study) -> list[str]:
    return list(dict.fromkeys(network for results in study.values() for network in results.networks))


def _whole(study: Study) -> Study:
    """Return the results of the solvers that attacked all networks of the study."""
    networks = set(_networks(study))
    return {solver: results for solver, results in study.items() if set(results.networks) == networks}


def _settings(study: Study) -> list[str]:
    """Return the MILPs by sparsity, the dense one first, each without finetuning first."""
    found = {label: one for results in study.values() for label, one in results.settings.items() if one.is_milp}
    return sorted(found, key=lambda label: (found[label].amount or 0.0, found[label].finetune_rounds or 0))


def _limit(results: Results) -> float:
    return float(max(record.config["solver"]["time_limit_seconds"] for record in results.records))


def _witnesses(part: pd.DataFrame) -> int:
    return int(part["first_found_seconds"].notna().sum())


def _ended(part: pd.DataFrame) -> str:
    """Return on how many images the solver ended by itself: with an optimum of its MILP, as far as its tolerances reach."""
    return str(int((part["solver_status"] != "time_limit").sum())) if len(part) else NOTHING


def _found_by(results: Results, network: str, setting: str, limit: float) -> str:
    milps = _milps(results)
    part = milps[(milps["network"] == network) & (milps["setting"] == setting)]
    # An attack may end a little after its limit, and what it returned then counts.
    by = limit if limit < _limit(results) else float("inf")
    return str(int((part["first_found_seconds"] <= by).sum())) if len(part) else NOTHING


def _gain(results: Results, network: str, setting: str) -> float:
    milps = _milps(results)
    dense, pruned = (milps[(milps["network"] == network) & (milps["setting"] == name)] for name in (DENSE_MILP, setting))
    return float(_witnesses(pruned) - _witnesses(dense)) if len(pruned) else float("nan")


def _short(label: str) -> str:
    """Return ``0.9 finetuned`` of ``magnitude 0.9 finetuned in 5 rounds``."""
    return label.removeprefix("magnitude ").removesuffix(" in 5 rounds").replace(DENSE_MILP, "dense")
