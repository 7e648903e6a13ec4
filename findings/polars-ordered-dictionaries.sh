#!/bin/sh
# Polars 2.1.0 reads an ordered dictionary column (as pandas 3.1.1 and pyarrow write an ordered Categorical) as
# Categorical, and its order is gone without a word: it sorts and compares by letters.
#
# One expects: "low" < "mid" < "high", as the file's Arrow schema says (ordered=1) and pyarrow reads it.
# What happens: pl.read_parquet, pl.read_ipc, pl.from_arrow and pl.from_pandas all give Categorical; sorted it is
# high, low, mid. A Polars Enum written by Polars itself keeps its order (in a metadata field of Polars' own).
# Remedy: read the dictionary with pyarrow and cast to pl.Enum(dictionary).
#
# Versions: polars 2.1.0, pandas 3.1.1, pyarrow as pinned below; Python 3.11. Date: 2026-12-01. Output seen:
#   pyarrow: ordered=1 ['low', 'mid', 'high']
#   read_parquet Categorical ['high', 'low', 'mid']
#   read_ipc Categorical ['high', 'low', 'mid']
#   from_arrow Categorical ['high', 'low', 'mid']
#   from_pandas Categorical ['high', 'low', 'mid']
set -e
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q polars==2.1.0 pandas==3.1.1 pyarrow==26.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import pandas as pd
import polars as pl
import pyarrow.parquet as pq

frame = pd.DataFrame({"size": pd.Categorical(["mid", "low", "high"], ["low", "mid", "high"], ordered=True)})
frame.to_parquet("t.parquet")
frame.to_feather("t.feather")
table = pq.read_table("t.parquet")
kind = table.schema.field("size").type
print(f"pyarrow: ordered={int(kind.ordered)}", table.column("size").chunk(0).dictionary.to_pylist())
assert kind.ordered
ways = {
    "read_parquet": lambda: pl.read_parquet("t.parquet")["size"],
    "read_ipc": lambda: pl.read_ipc("t.feather")["size"],
    "from_arrow": lambda: pl.from_arrow(table)["size"],
    "from_pandas": lambda: pl.from_pandas(frame)["size"],
}
for name, way in ways.items():
    column = way()
    print(name, column.dtype, column.sort().to_list())
    assert column.dtype == pl.Categorical and column.sort().to_list() == ["high", "low", "mid"], "it has changed"
PY
