"""A CSV of 383 MB: reading, storing and profiling it, against what bare Polars needs to read and describe it.

Ours stores the table as Parquet with its digest and keeps a full profile; Polars reads the file into memory and calls
`describe`, `null_count` and `n_unique`; a third side also stores the frame by Polars' own `write_parquet`. Each side
runs in a fresh process. With ``WORKBENCH_BENCHMARK_LARGE=1`` ours also reads a file of 1.6 GB and then divides its rows
in every way, behind row steps, too, all in one process: for the peak of memory and the time per row against the small
one.

The rows are those of the flights out of New York in 2013 (in the folder that WORKBENCH_DATA names), ten times over.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import ROOT, report

TITLE = "Reading, storing and profiling a CSV of 383 MB (3.4 million rows)"
ROUNDS = 3

_FIGURES = """
import json, resource
used = resource.getrusage(resource.RUSAGE_SELF)
figures = {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "mb": used.ru_maxrss / 1024 * 1.048576}
print(json.dumps(figures | {"rows": rows}))
"""
_OURS = """
import sys, time
from pathlib import Path
from workbench.data import read_table
from workbench.settings import Settings
started = time.perf_counter()
table = read_table(sys.argv[1], settings=Settings(home=Path(sys.argv[2])))
table.profile()
seconds, rows = time.perf_counter() - started, table.n_rows
"""
_DIVIDING = """
from workbench.data.spec import SplitSpec
from workbench.recipe.spec import Calculate, DropDuplicates, DropMissing
from workbench.training.dividing import divide_rows
present, different = DropMissing(columns=("dep_time", "tailnum")), DropDuplicates()
words = Calculate(name="part", expression="if_else(month > 10, 'test', if_else(month > 8, 'validation', 'train'))")
time_split, group_split = SplitSpec(by="time", column="time_hour"), SplitSpec(by="group", column="tailnum")
divide_rows(table, [], SplitSpec(stratify=False), target="distance")
divide_rows(table, [], SplitSpec(), target="carrier")
divide_rows(table, [], time_split, target="distance")
divide_rows(table, [words], SplitSpec(by="column", column="part"), target="distance")
divide_rows(table, [present], time_split, target="dep_time")
divide_rows(table, [present], group_split, target="carrier")
divide_rows(table, [different], SplitSpec(), target="carrier")
seconds = time.perf_counter() - started
"""
_POLARS = """
import sys, time
import polars as pl
started = time.perf_counter()
frame = pl.read_csv(sys.argv[1], infer_schema_length=10_000)
frame.describe()
frame.null_count()
frame.select(pl.all().n_unique())
seconds, rows = time.perf_counter() - started, frame.height
"""
_POLARS_STORING = (
    _POLARS
    + """
frame.write_parquet(sys.argv[2] + "/table.parquet", compression="lz4", row_group_size=262_144)
seconds = time.perf_counter() - started
"""
)


def write_csv(path: Path, times: int) -> int:
    """Write the flights so many times over; give the size in bytes."""
    import polars as pl

    folder = os.environ.get("WORKBENCH_DATA")
    source = Path(folder or ".") / "nycflights13_flights.parquet"
    if not source.exists():
        sys.exit("This benchmark needs nycflights13_flights.parquet in the folder that WORKBENCH_DATA names.")
    flights = pl.read_parquet(source)
    with path.open("wb") as file:
        for place in range(times):
            flights.write_csv(file, include_header=place == 0)
    return path.stat().st_size


def measure(script: str, *arguments: str) -> dict[str, float]:
    """Run a side in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", script + _FIGURES, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def stored(script: str, path: Path) -> dict[str, float]:
    """Run a side that stores the table in a folder of its own."""
    with tempfile.TemporaryDirectory() as home:
        return measure(script, str(path), home)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flights.csv"
        size = write_csv(path, 10)
        print(f"{size / 1e6:,.0f} MB, {ROUNDS} rounds, the two in turn, each in a fresh process\n")
        sides: dict[str, list[dict[str, float]]] = {"workbench": [], "polars": [], "polars, storing": []}
        for _ in range(ROUNDS):
            sides["workbench"].append(stored(_OURS, path))
            sides["polars"].append(measure(_POLARS, str(path)))
            sides["polars, storing"].append(stored(_POLARS_STORING, path))
        for key, unit in (("seconds", "s"), ("cpu", "s of CPU"), ("mb", "MB at most")):
            report(
                {name: [figures[key] for figures in found] for name, found in sides.items()},
                unit=unit,
                against="polars",
            )
        if os.environ.get("WORKBENCH_BENCHMARK_LARGE"):
            _larger(path)


def _larger(path: Path) -> None:
    ways = {"read, stored, profiled": "", "the same, then divided in seven ways": _DIVIDING}
    small = {way: stored(_OURS + then, path) for way, then in ways.items()}
    size = write_csv(path, 42)
    print()
    for way, then in ways.items():
        large = stored(_OURS + then, path)
        ratios = [large[key] / large["rows"] / (small[way][key] / small[way]["rows"]) for key in ("seconds", "cpu")]
        print(
            f"{size / 1e9:,.1f} GB {way}: {large['seconds']:.1f} s, {large['cpu']:.1f} s of CPU, {large['mb']:,.0f} MB "
            f"at most; {ratios[0]:.2f} times the time per row of the small one, {ratios[1]:.2f} times its CPU"
        )


if __name__ == "__main__":
    main()
