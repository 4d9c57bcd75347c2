"""Small tables with the columns of the public ones, drawn: what reads those runs without them."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from surrogate.data.sources import SourceFile
from surrogate.models.problems.design import NUMBERS
from surrogate.models.problems.tables import TABLES

ROWS = 60

PUBLIC = Path(__file__).resolve().parents[2] / "shared" / "data" / "surrogatelib"
"""Where the public tables are, on a machine that has them."""

needs_public_tables = pytest.mark.skipif(not PUBLIC.is_dir(), reason=f"the public tables are not in {PUBLIC}")


def write_stand_ins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a stand-in for each table into a folder, and have it count as the public one, which no mirror has."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    _wines(rng).to_csv(folder / "red_wine_quality.csv")
    _waters(rng).to_csv(folder / "water_quality.csv", index=False)
    _cars(rng).to_csv(folder / "car_sales.csv", index=False)
    baskets = _baskets(rng)
    baskets.to_csv(folder / "palatable_data.csv", index=False)
    _write_workbook(rng, folder / "instance_data.xlsx", list(baskets.columns[:-1]))
    for name, table in TABLES.items():
        stands_in(name, (folder / name).read_bytes(), monkeypatch, mirrors=table.mirrors[:0])


def stands_in(name: str, content: bytes, monkeypatch: pytest.MonkeyPatch, mirrors: tuple[str, ...]) -> None:
    """Have a content count as a public table, which some mirrors are said to have."""
    file = SourceFile(name, hashlib.sha256(content).hexdigest(), len(content))
    monkeypatch.setitem(TABLES, name, dataclasses.replace(TABLES[name], files=(file,), mirrors=mirrors))


def _wines(rng: np.random.Generator) -> pd.DataFrame:
    measured = pd.DataFrame(rng.uniform(size=(ROWS, 11)), columns=[f"measure_{j}" for j in range(11)])
    return measured.assign(quality=rng.integers(3, 9, ROWS))


def _waters(rng: np.random.Generator) -> pd.DataFrame:
    measured = pd.DataFrame(rng.uniform(size=(ROWS, 9)), columns=[f"measure_{j}" for j in range(9)])
    return measured.assign(Potability=np.arange(ROWS) % 2)


def _cars(rng: np.random.Generator) -> pd.DataFrame:
    told = ("Sales_in_thousands", "__year_resale_value", "Price_in_thousands")
    cars = pd.DataFrame({name: rng.uniform(1.0, 9.0, ROWS) for name in (*told, *NUMBERS)})
    cars["Vehicle_type"] = np.where(np.arange(ROWS) % 3 == 0, "Car", "Passenger")
    cars.loc[0, "__year_resale_value"] = np.nan
    return cars


def _baskets(rng: np.random.Generator) -> pd.DataFrame:
    amounts = pd.DataFrame(rng.uniform(size=(ROWS, 25)), columns=[f"food_{i}" for i in range(25)])
    return amounts.assign(label=rng.uniform(size=ROWS))


def _write_workbook(rng: np.random.Generator, path: Path, foods: list[str]) -> None:
    """Write two nutrients of every food, of which a person needs less than most baskets have."""
    nutrients = pd.DataFrame(rng.uniform(0.5, 1.5, (len(foods), 2)), columns=["energy", "protein"])
    prices = pd.DataFrame(rng.uniform(100.0, 900.0, (3, len(foods))), columns=foods)
    with pd.ExcelWriter(path, engine="openpyxl") as workbook:
        nutrients.assign(Food=foods).to_excel(workbook, sheet_name="nutr_val", index=False)
        pd.DataFrame({"Type": ["person"], "energy": [8.0], "protein": [8.0]}).to_excel(
            workbook, sheet_name="nutr_req", index=False
        )
        prices.assign(Supplier=["a", "b", "c"]).to_excel(workbook, sheet_name="FoodCost", index=False)
