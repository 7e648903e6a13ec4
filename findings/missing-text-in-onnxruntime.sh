#!/bin/sh
# One expects missing text to be refused by ONNX Runtime, or to arrive as missing: ONNX strings have no null.
# In fact it arrives as a word. `None` becomes "None" and NaN becomes "nan", so a pandas column with gaps that is handed
# to a session (as MLflow's ONNX flavour does) is answered as if these were categories that training had seen, silently.
# It depends on the column's type: pandas 3 writes gaps of its new `str` type as NaN, of object columns as they came, and
# of nullable `string` as <NA>. Three words for one gap, all from one table.
#
# Versions: onnx 1.23.2, onnxruntime 1.31.1, pandas 3.1.1, numpy 2.4.6 (Python 3.11). Date: 2026-12-01. Output seen:
#   object, None   ['red', 'None']
#   object, NaN    ['red', 'nan']
#   str (default)  ['red', 'nan']
#   string         ['red', '<NA>']
# Exits with 1 if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install onnx==1.23.2 onnxruntime==1.31.1 pandas==3.1.1 numpy==2.4.6
cat > "$folder/look.py" <<'PYTHON'
import sys

import numpy as np
import onnxruntime
import pandas as pd
from onnx import TensorProto, helper

text = [helper.make_tensor_value_info(name, TensorProto.STRING, [None]) for name in ("x", "y")]
graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "same", [text[0]], [text[1]])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

columns = {
    "object, None": pd.Series(["red", None], dtype=object),
    "object, NaN": pd.Series(["red", np.nan], dtype=object),
    "str (default)": pd.Series(["red", None]),
    "string": pd.Series(["red", None], dtype="string"),
}
seen = []
for name, column in columns.items():
    answer = session.run(None, {"x": column.to_numpy()})[0].tolist()
    print(f"{name:14} {answer}")
    seen.append(answer[1])
sys.exit(seen != ["None", "nan", "nan", "<NA>"])
PYTHON
"$folder/venv/bin/python" "$folder/look.py"
