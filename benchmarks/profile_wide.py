"""Profiles: the columns of a long table against bare Polars, and 10,000 columns."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import ROOT, report

TITLE = "Profile of 3.4 million rows against bare Polars' describe and n_unique, and of 10,000 columns (seconds)"
N_ROWS, N_COLUMNS, N_WIDE = 3_367_760, 19, 10_000
ROUNDS = 3

_MAKE = """
import numpy as np, polars as pl, sys
rng = np.random.default_rng(0)
n = {n_rows}
rows = {{f"count_{{i}}": rng.integers(0, 2_400, n) for i in range(9)}}
rows |= {{f"delay_{{i}}": np.where(rng.random(n) < 0.03, np.nan, rng.normal(0, 40, n).round()) for i in range(4)}}
rows["share"] = rng.normal(size=n)
for i, k in enumerate((3, 16, 105, 4_043)):
    rows[f"word_{{i}}"] = pl.Series([f"N{{j}}" for j in range(k)])[rng.integers(0, k, n)]
frame = pl.DataFrame(rows).with_columns(pl.selectors.float().fill_nan(None))
day = pl.datetime(2013, 1, 1) + pl.duration(hours=pl.Series("hour", rng.integers(0, 8_760, n)))
frame.with_columns(day=day).write_parquet(sys.argv[1], row_group_size=262_144)
"""
_US = """
from pathlib import Path
from workbench.data.columns import Column
from workbench.data.profile import profile_of
from workbench.data.table import Table
schema = pl.read_parquet_schema(sys.argv[1])
columns = [Column(name, "number", str(dtype), 0, 0) for name, dtype in schema.items()]
make = lambda: Table(digest="", name="", target=None, origin={}, columns=columns, n_rows=N, path=Path(sys.argv[1]))
work = lambda: profile_of(make()).frame()
"""
_POLARS = """
def work():
    frame = pl.read_parquet(sys.argv[1])
    frame.describe(), frame.null_count(), frame.select(pl.all().n_unique())
"""
_WIDE = """
import numpy as np
from workbench.data.profile import profile_table
frame = pl.DataFrame(np.random.default_rng(0).normal(size=(30, N)), schema=[f"c{i}" for i in range(N)])
work = lambda: profile_table(frame).frame()
"""
_MEASURE = """
import sys, time
import polars as pl
N = int(sys.argv[2])
{body}
def kib(name):
    status = open("/proc/self/status").read()
    return int(status.split(name + ":")[1].split()[0])
before, started, cpu = kib("VmRSS"), time.perf_counter(), time.process_time()
work()
print(time.perf_counter() - started, time.process_time() - cpu, (kib("VmHWM") - before) / 1024)
"""


def main() -> None:
    """Print wall and processor seconds of both, and the peak of memory above the imports."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        subprocess.run([sys.executable, "-c", _MAKE.format(n_rows=N_ROWS), path], check=True, cwd=ROOT)
        sides = {"polars": (_POLARS, N_ROWS), "profile": (_US, N_ROWS), "10,000 columns": (_WIDE, N_WIDE)}
        measured: dict[str, list[list[float]]] = {name: [] for name in sides}
        for _ in range(ROUNDS):
            for name, (body, n) in sides.items():
                measured[name].append(once(body, path, n))
    for place, what, unit in ((0, "wall time", "s"), (1, "processor time", "s"), (2, "peak of memory", "MiB")):
        print(what)
        figures = {f"  {name}": [values[place] for values in rounds] for name, rounds in measured.items()}
        report(figures, unit=unit, against="  polars")


def once(body: str, path: Path, n: int) -> list[float]:
    """Measure in a process of its own, so that the peak is its own, too."""
    command = [sys.executable, "-c", _MEASURE.format(body=body), str(path), str(n)]
    done = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
    return [float(figure) for figure in done.stdout.split()]
