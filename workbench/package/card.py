"""The card: what a reader should know about a model before trusting it, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.package.info import PackageInfo
    from workbench.package.signature import InputColumn, Signature

_MAX_COLUMNS = 200


def write_card(
    *,
    spec: dict[str, Any],
    signature: Signature,
    info: PackageInfo,
    metrics: dict[str, dict[str, float]],
    n_train: int,
    n_features: int,
) -> str:
    """Give the card's text."""
    task = f"{signature.task} of `{signature.target}`"
    if signature.classes is not None:
        task += f" into {len(signature.classes)} classes: {_listed([f'`{label}`' for label in signature.classes])}"
    source = spec.get("data", {}).get("source", "unknown")
    parts = [
        f"# {spec.get('name', signature.target)}",
        f"A `{info.estimator}` for {task}, trained on {n_train:,} rows of `{source}`.",
        "## How good it is",
        _metrics(metrics),
        "Measured on rows that the model didn't learn from, except the column `train`."
        if "train" in metrics
        else "Measured on rows that the model didn't learn from.",
        "## How it predicts",
        _engine(info),
        "## What it takes",
        f"{len(signature.columns)} columns, which the recipe turns into {n_features} features. "
        "Missing values and unseen categories get an answer; judge it with care.",
        _columns(signature.columns),
        "## Limits",
        "It knows the rows it was trained on and nothing of how the world has changed since. Numbers beyond the range "
        "above, and combinations that training didn't have, get an answer too.",
    ]
    return "\n\n".join(parts) + "\n"


def _engine(info: PackageInfo) -> str:
    if info.engine == "native":
        text = f"By the **native model**, because there is no faithful ONNX graph: {info.reason}"
    else:
        text = (
            f"By one ONNX graph from raw columns to the answer. Over {info.n_rows_checked:,} rows, some of them with "
            f"missing and unseen values, it differs from the native model by at most {info.max_difference:.2g} "
            f"and changes {info.labels_changed} labels."
        )
    times = []
    if info.latency_ms is not None:
        times.append(f"{info.latency_ms:.3g} ms through the graph")
    if info.native_latency_ms is not None:
        times.append(f"{info.native_latency_ms:.3g} ms through the native model")
    return text + (f"\n\nOne row took {' and '.join(times)} when the package was built." if times else "")


def _metrics(metrics: dict[str, dict[str, float]]) -> str:
    if not metrics:
        return "Not measured."
    splits = list(metrics)
    names = list(dict.fromkeys(name for values in metrics.values() for name in values))
    lines = [f"| metric | {' | '.join(splits)} |", f"| --- |{' ---: |' * len(splits)}"]
    for name in names:
        cells = [f"{metrics[split][name]:.4g}" if name in metrics[split] else "" for split in splits]
        lines.append(f"| {name} | {' | '.join(cells)} |")
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
        return f"{low} to {high}"
    if not column.categories:
        return f"{column.n_categories:,} values" if column.n_categories else ""
    shown = _listed([text.replace("|", "\\|")[:40] for text in column.categories], limit=8)
    return f"{column.n_categories:,} values: {shown}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:.6g}"


def _listed(words: list[str], *, limit: int = 12) -> str:
    return ", ".join(words[:limit]) + (f" and {len(words) - limit:,} more" if len(words) > limit else "")
