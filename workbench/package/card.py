"""The card: what a reader should know about a model before trusting it, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.data.naming import source_name
from workbench.data.zones import zone_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.package.info import PackageInfo
    from workbench.package.inputs import InputColumn
    from workbench.package.signature import Signature

_MAX_COLUMNS = 200
_MAX_STEPS = 50


def write_card(
    *,
    spec: dict[str, Any],
    signature: Signature,
    info: PackageInfo,
    metrics: dict[str, dict[str, Any]],
    n_train: int,
    n_features: int,
    notes: Sequence[str] = (),
) -> str:
    """Give the card's text."""
    task = f"{signature.task} of `{signature.target}`"
    if signature.classes is not None:
        task += f" into {len(signature.classes)} classes: {_listed([f'`{label}`' for label in signature.classes])}"
    source = source_name(str(spec.get("data", {}).get("source", "unknown")))
    parts = [
        f"# {spec.get('name', signature.target)}",
        f"A `{info.estimator}` for {task}, trained on {n_train:,} rows of `{source}`.",
        *notes,
        "## How good it is",
        _metrics(metrics),
        "Measured on rows that the model didn't learn from, except the column `train`."
        if "train" in metrics
        else "Measured on rows that the model didn't learn from.",
        "## How it predicts",
        _engine(info, signature),
        *_steps(spec, signature, info),
        "## What it takes",
        _taken(signature, n_features),
        _columns(signature.columns),
        "## Limits",
        "It knows the rows it was trained on and nothing of how the world has changed since. Numbers beyond the range "
        "above, and combinations that training didn't have, get an answer too.",
    ]
    return "\n\n".join(parts) + "\n"


def _taken(signature: Signature, n_features: int) -> str:
    if signature.image is not None and signature.image.image is not None:
        return (
            f"Images of any size, which are brought to {signature.image.image.words}: {n_features:,} numbers from 0 to "
            "255. An image of something that training never saw gets an answer, too, often a sure one."
        )
    return (
        f"{len(signature.columns)} columns, which the recipe turns into {n_features} features. "
        "Missing values and unseen categories get an answer; judge it with care."
    )


def _steps(spec: dict[str, Any], signature: Signature, info: PackageInfo) -> list[str]:
    """Name the steps of the recipe, and say where the graph begins."""
    steps = [entry for entry in spec.get("recipe", ()) if isinstance(entry, dict) and entry.get("enabled", True)]
    if not steps:
        return []
    lines = [f"{number}. {_step(entry)}" for number, entry in enumerate(steps[:_MAX_STEPS], start=1)]
    if len(steps) > _MAX_STEPS:
        lines.append(f"{_MAX_STEPS + 1}. and {len(steps) - _MAX_STEPS:,} more")
    parts = ["## How it prepares the columns", "\n".join(lines)]
    if signature.graph_inputs is not None and info.engine == "onnx":
        taken = _listed([f"`{name}`" for name in signature.graph_inputs])
        parts.append(
            f"`model.onnx` takes {taken}: the columns after the column steps, which no graph can compute. The "
            "workbench computes them from `entry.json` in front of the graph; a server that has `model.onnx` alone "
            "(Triton, MLflow) must be given these columns, not the raw ones."
        )
    return parts


def _step(entry: dict[str, Any]) -> str:
    columns = entry.get("columns") or list(entry.get("names") or ()) or [entry.get("name") or ""]
    text = f"`{entry.get('step')}` {_listed([str(column) for column in columns], limit=8)}".strip()
    return f"{text}: `{entry['expression']}`" if entry.get("expression") else text


def _engine(info: PackageInfo, signature: Signature) -> str:
    if info.engine == "native":
        text = f"By the **native model**, not by an ONNX graph. {info.reason}"
    else:
        way = "from raw columns to the answer" if signature.graph_inputs is None else "behind the steps in `entry.json`"
        text = (
            f"By one ONNX graph {way}. Over {info.n_rows_checked:,} rows, some of them with "
            f"missing and unseen values, it differs from the native model by at most {info.max_difference:.2g} "
            f"and changes {info.labels_changed} labels."
        )
        if kept := signature.kept_words:
            words = _listed([f"{' and '.join(map(repr, found))} in `{name}`" for name, found in kept.items()])
            text += (
                f" Training saw {words}, which is also how ONNX Runtime writes a missing text: whoever serves "
                "`model.onnx` alone gives an empty text for a missing one there."
            )
    times = []
    if info.latency_ms is not None:
        times.append(f"{info.latency_ms:.3g} ms through the graph")
    if info.native_latency_ms is not None:
        times.append(f"{info.native_latency_ms:.3g} ms through the native model")
    return text + (f"\n\nOne row took {' and '.join(times)} when the package was built." if times else "")


def _metrics(metrics: dict[str, dict[str, Any]]) -> str:
    if not metrics:
        return "Not measured."
    measured = {split: values for split, values in metrics.items() if split != "cross_validation"}
    names = list(dict.fromkeys(name for values in measured.values() for name in values))
    cells = {split: {name: f"{value:.4g}" for name, value in values.items()} for split, values in measured.items()}
    if folds := metrics.get("cross_validation"):
        mean, std = folds["mean"], folds["std"]
        cells[f"{folds['n_folds']} folds, mean ± std"] = {
            name: f"{mean[name]:.4g} ± {std[name]:.2g}" for name in names if name in mean
        }
    lines = [f"| metric | {' | '.join(cells)} |", f"| --- |{' ---: |' * len(cells)}"]
    lines += [f"| {name} | {' | '.join(values.get(name, '') for values in cells.values())} |" for name in names]
    return "\n".join(lines)


def _columns(columns: list[InputColumn]) -> str:
    lines = ["| column | kind | in training | missing |", "| --- | --- | --- | ---: |"]
    for column in columns[:_MAX_COLUMNS]:
        name = column.name.replace("|", "\\|")
        lines.append(f"| {name} | {column.kind} | {_range(column)} | {column.n_missing_share:.1%} |")
    if len(columns) > _MAX_COLUMNS:
        lines.append(f"| and {len(columns) - _MAX_COLUMNS:,} more | | | |")
    return "\n".join(lines)


def _range(column: InputColumn) -> str:
    if column.minimum is not None and column.maximum is not None:
        low, high = (value if isinstance(value, str) else _number(value) for value in (column.minimum, column.maximum))
        return f"{low} to {high}" + (f" ({zone_label(column.zone)})" if column.zone else "")
    if not column.categories:
        return f"{column.n_categories:,} values" if column.n_categories else ""
    shown = _listed([text.replace("|", "\\|")[:40] for text in column.categories], limit=8)
    return f"{column.n_categories:,} values: {shown}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:.6g}"


def _listed(words: list[str], *, limit: int = 12) -> str:
    return ", ".join(words[:limit]) + (f" and {len(words) - limit:,} more" if len(words) > limit else "")
