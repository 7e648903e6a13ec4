"""A recipe of twelve steps over 3.4 million rows, against the same Polars and scikit-learn calls by hand."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from pydantic import TypeAdapter

from benchmarks.measuring import seconds
from workbench.recipe import Step, find_rows, fit_and_transform, prepared, preview

TITLE = "A recipe of twelve steps over 3.4 million rows, and its preview"
COPIES = 10
NUMBERS = ["dep_time", "dep_delay", "air_time", "distance", "speed", "when_month", "when_weekday", "when_hour"]
DROPPED = ["year", "month", "day", "flight", "minute", "hour", "sched_dep_time", "sched_arr_time", "arr_time", "copy"]
STEPS: tuple[Step, ...] = TypeAdapter(tuple[Step, ...]).validate_python(
    [
        {"step": "drop_duplicates"},
        {"step": "filter", "expression": "distance > 100 and dep_delay < 600"},
        {"step": "drop_missing", "columns": ["arr_delay", "tailnum"]},
        {"step": "rename", "names": {"time_hour": "when"}},
        {"step": "date_parts", "columns": ["when"], "parts": ["month", "weekday", "hour"]},
        {"step": "calculate", "name": "speed", "expression": "distance / (air_time / 60)"},
        {"step": "drop_columns", "columns": DROPPED},
        {"step": "impute", "columns": NUMBERS, "strategy": "mean"},
        {"step": "one_hot", "columns": ["carrier", "origin"]},
        {"step": "ordinal", "columns": ["dest", "tailnum"]},
        {"step": "log", "columns": ["distance"]},
        {"step": "standardize", "columns": NUMBERS},
    ]
)


def flights(folder: Path) -> pl.DataFrame:
    """Give the flights of New York ten times over; the copies differ by their number."""
    found = sorted(folder.glob("nycflights13_flights.parquet"))
    if not found:
        sys.exit("This benchmark needs nycflights13_flights.parquet in the folder that WORKBENCH_DATA names.")
    once = pl.read_parquet(found[0])
    return pl.concat([once.with_columns(copy=pl.lit(copy, pl.Int8)) for copy in range(COPIES)]).rechunk()


def ours(frame: pl.DataFrame) -> np.ndarray:
    """Find the rows, and fit and transform them."""
    positions = find_rows(frame, STEPS)
    _, X = fit_and_transform(STEPS, frame[positions], target="arr_delay", handles_missing=False)
    return X


def by_hand(frame: pl.DataFrame) -> np.ndarray:
    """Write the same in Polars and scikit-learn, as a notebook would."""
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    rows = (
        frame.unique(maintain_order=True, keep="first")
        .filter((pl.col("distance") > 100) & (pl.col("dep_delay") < 600))
        .drop_nulls(["arr_delay", "tailnum"])
        .rename({"time_hour": "when"})
        .with_columns(
            when_month=pl.col("when").dt.month(),
            when_weekday=pl.col("when").dt.weekday(),
            when_hour=pl.col("when").dt.hour(),
            speed=pl.col("distance") / (pl.col("air_time") / 60),
        )
        .drop(DROPPED)
    )
    numbers = SimpleImputer(strategy="mean").fit_transform(rows.select(NUMBERS).to_numpy().astype(np.float64))
    words = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    carriers = words.fit_transform(rows.select("carrier", "origin").to_numpy())
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    places = codes.fit_transform(rows.select("dest", "tailnum").to_numpy())
    numbers[:, 3] = np.sign(numbers[:, 3]) * np.log1p(np.abs(numbers[:, 3]))
    return np.hstack([StandardScaler().fit_transform(numbers), carriers, places])


def main(rounds: int = 3) -> None:
    """Print the processor time of both sides and their ratio, and how long a change of a step takes to preview."""
    frame = flights(Path(os.environ.get("WORKBENCH_DATA", "data")))
    mine, peer = ours(frame), by_hand(frame)
    if mine.shape != peer.shape or not np.allclose(np.sort(mine.sum(axis=0)), np.sort(peer.sum(axis=0)), atol=1e-3):
        sys.exit(f"Got {mine.shape} features by us and {peer.shape} by hand, needed the same numbers.")
    print(f"{frame.height:,} rows in, {mine.shape[0]:,} rows and {mine.shape[1]} features out")
    del mine, peer
    figures: dict[str, list[float]] = {"by hand": [], "ours": []}
    for _ in range(rounds):
        figures["by hand"].append(_processor_seconds(lambda: by_hand(frame)))
        figures["ours"].append(_processor_seconds(lambda: ours(frame)))
    base = statistics.median(figures["by hand"])
    for name, values in figures.items():
        median = statistics.median(values)
        print(
            f"{name:<8} {median:6.2f} s of processor time ({min(values):.2f} to {max(values):.2f}), {median / base:.2f}"
        )
    _preview(frame)


def _processor_seconds(work: Callable[[], object]) -> float:
    before = os.times()
    work()
    after = os.times()
    return after.user + after.system - before.user - before.system


def _preview(frame: pl.DataFrame) -> None:
    from workbench.data.store import store_frame
    from workbench.settings import Settings

    with tempfile.TemporaryDirectory() as home:
        settings = Settings.from_environment({"WORKBENCH_HOME": home})
        table = store_frame(frame, name="flights", origin={"kind": "memory"}, settings=settings)
        preview(STEPS, table, target="arr_delay")
        times = [
            1000 * seconds(lambda n=n: preview(STEPS[:n], table, target="arr_delay")) for n in (12, 11, 10, 12, 8, 12)
        ]
        steps = prepared(table, STEPS, positions=np.arange(5), columns=["speed"], target="arr_delay").height
        print(f"preview of 1,000 of {table.n_rows:,} rows after a change: {statistics.median(times):.0f} ms "
              f"({min(times):.0f} to {max(times):.0f}), {steps} rows prepared alone")  # fmt: skip


if __name__ == "__main__":
    main()
