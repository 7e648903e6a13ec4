"""How to call a version over HTTP: curl, Python and JavaScript that work when pasted, with the model's own columns."""

from __future__ import annotations

import json
from base64 import b64encode
from pprint import pformat
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import streamlit as st

from workbench.package.moments import written
from workbench.registry import CHAMPION
from workbench.settings import current
from workbench.ui import messages, subject

if TYPE_CHECKING:
    from workbench.package import InputColumn
    from workbench.registry import Version


def draw(version: Version) -> None:
    """Draw the examples for the live version (the bare name) or for this number."""
    with messages.shown(stop=True):
        row = example_row(version)
    live = CHAMPION in version.aliases
    base = base_url()
    address = f"{base}/api/predict/{version.name}" + ("" if live else f"?version={version.number}")
    said = "whichever version is live" if live else f"version {version.number}; leave `?version=` out for the live one"
    st.caption(f"Asks {said}. Values are a training row; `null` stands for a missing value.")
    tabs = st.tabs(["curl", "Python", "JavaScript", "V2 protocol"])
    token = bool(current().token)
    codes = [
        (curl(address, row, token=token), "bash"),
        (python(address, row, token=token), "python"),
        (javascript(address, row, token=token), "javascript"),
        (tensors(base, version, row, token=token), "bash"),
    ]
    for tab, (code, language) in zip(tabs, codes, strict=True):
        tab.code(code, language=language, wrap_lines=True)
    st.markdown(
        f"[Reference of the service]({base}/api/docs) · `{base}/api/v2/models/{version.name}` describes the model"
    )


def base_url() -> str:
    """Give the address under which this reader sees the app; from the settings where the browser doesn't say."""
    parts = urlsplit(st.context.url or "")
    if not parts.netloc:
        settings = current()
        return f"http://{settings.host}:{settings.port}"
    folder = parts.path.rstrip("/").removesuffix("/models")
    return f"{parts.scheme}://{parts.netloc}{folder}"


def example_row(version: Version) -> dict[str, Any]:
    """Give a row of the training data, whole numbers without a decimal point."""
    chosen = subject.of_version(version)
    signature = subject.predictor(chosen).signature
    background = subject.background(chosen)
    known = background.row(0, named=True) if background.height else {}
    return {column.name: plain_value(known.get(column.name, column.example), column) for column in signature.columns}


def plain_value(value: Any, column: InputColumn) -> Any:
    """Turn a value into what JSON writes shortest and exactly; moments into ISO text."""
    if isinstance(value, bytes):
        return _as_base64(value, column)
    if column.type == "datetime":
        text = written(value, date_only=column.date_only, zone=column.zone)
        if text is None or column.date_only:
            return text
        return text.replace(" ", "T") + ("" if column.zone else "Z")
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if value != value:
        return None
    return int(value) if float(value).is_integer() else float(value)


def _as_base64(image: bytes, column: InputColumn) -> str:
    """Write an image as the base64 of a PNG file, as a request gives it."""
    import polars as pl

    from workbench.data.images import thumbnails

    side = max(column.image.shape[:2]) if column.image else 64
    return b64encode(thumbnails(pl.Series(column.name, [image], dtype=pl.Binary), size=side)[0]).decode()


def curl(address: str, row: dict[str, Any], *, token: bool = False) -> str:
    """Write the call for a shell, which has the token in a variable where one is needed."""
    return _shell(address, {"rows": [row]}, token=token)


def _shell(address: str, document: dict[str, Any], *, token: bool) -> str:
    # A single quote in the data is closed, escaped and opened again.
    body = json.dumps(document, ensure_ascii=False).replace("'", "'\\''")
    headers = "  -H 'Content-Type: application/json' \\\n"
    if token:
        headers += '  -H "Authorization: Bearer $WORKBENCH_TOKEN" \\\n'
    return f"curl -s '{address}' \\\n{headers}  -d '{body}'"


def python(address: str, row: dict[str, Any], *, token: bool = False) -> str:
    """Write the call for Python, with the standard library alone."""
    rows = pformat([row], width=110, sort_dicts=False)
    more = ', "Authorization": f"Bearer {os.environ[\'WORKBENCH_TOKEN\']}"' if token else ""
    return f"""import json
{"import os" + chr(10) if token else ""}import urllib.request

rows = {rows}
request = urllib.request.Request(
    "{address}",
    data=json.dumps({{"rows": rows}}).encode(),
    headers={{"Content-Type": "application/json"{more}}},
)
with urllib.request.urlopen(request) as answer:
    print(json.load(answer)["predictions"])
"""


def javascript(address: str, row: dict[str, Any], *, token: bool = False) -> str:
    """Write the call for a browser's console or Node."""
    rows = json.dumps([row], ensure_ascii=False, indent=2)
    more = ', "Authorization": `Bearer ${process.env.WORKBENCH_TOKEN}`' if token else ""
    return f"""const rows = {rows};
const answer = await fetch("{address}", {{
  method: "POST",
  headers: {{ "Content-Type": "application/json"{more} }},
  body: JSON.stringify({{ rows }}),
}});
console.log((await answer.json()).predictions);
"""


def tensors(base: str, version: Version, row: dict[str, Any], *, token: bool = False) -> str:
    """Write the call in the Open Inference Protocol, one tensor for each column."""
    signature = subject.predictor(subject.of_version(version)).signature
    inputs = [
        {
            "name": column.name,
            "shape": [1],
            "datatype": "FP64" if column.type == "number" else "BYTES",
            "data": [int(row[column.name]) if isinstance(row[column.name], bool) else row[column.name]],
        }
        for column in signature.columns
    ]
    path = f"{base}/api/v2/models/{version.name}/versions/{version.number}/infer"
    return _shell(path, {"inputs": inputs}, token=token)
