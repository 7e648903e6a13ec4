"""Drift: the distribution of each input column now, against the training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from workbench import registry, storage
from workbench.errors import PackageError
from workbench.package import Signature
from workbench.package.baseline import holds_one_value, lengths
from workbench.package.reading import given_rows
from workbench.settings import Settings, current

Verdict = Literal["stable", "moved", "drifted"]

# The customary thresholds: Siddiqi, Credit Risk Scorecards, 2006.
_MOVED, _DRIFTED = 0.1, 0.25
_COMPARED = {"number": "values", "datetime": "moments", "string": "categories", "text": "length", "image": "brightness"}
_LEAST_SHARE = 1e-4  # an empty bin would make the index infinite


@dataclass(frozen=True)
class Drift:
    """How far the columns of some rows have moved from the training rows of a model version.

    Parameters
    ----------
    model : str
        The version's reference, ``name/number``.
    n_rows : int
        Rows that were compared.
    columns : tuple of dict
        One for each input column, most drifted first: ``column``, ``compared`` ("values", "moments", "categories",
        for free text "length", for images "brightness"), ``psi`` (population stability index), ``verdict``,
        ``missing_before`` and ``missing_now`` (shares).
    """

    model: str
    n_rows: int
    columns: tuple[dict[str, Any], ...]

    def frame(self) -> pl.DataFrame:
        """Give one row for each column, most drifted first."""
        return pl.DataFrame(list(self.columns))


def drift(model: str, rows: Any, *, settings: Settings | None = None) -> Drift:
    """Compare rows with those that a published model was trained on.

    Each column's population stability index is ``sum((now - before) * ln(now / before))`` over the bins of its training
    distribution, with missing values as a bin of their own. Below 0.1 it is stable, from 0.25 on it has drifted. Free
    text and identifiers are compared by their length. Dates that go on from where training ended have drifted: no
    training row was like them.

    Source: Siddiqi, Credit Risk Scorecards, Wiley 2006, chapter 6.

    Parameters
    ----------
    model : str
        A published model: ``name``, ``name@alias`` or ``name/number``.
    rows : Polars, pandas or Arrow frame, dict of lists, list of dicts, or the path of a file
        With the model's input columns; others are ignored. A few hundred rows say more than ten.

    Raises
    ------
    ModelNotFoundError
        If there is no such model.
    InputError
        If a column is missing, has the wrong type, or there are no rows.
    PackageError
        If the version carries no baseline.
    """
    settings = settings or current()
    version = registry.resolve(model, settings=settings)
    baseline = (storage.read_json(version.folder / "baseline.json") or {}).get("columns")
    if not baseline:
        raise PackageError(
            f"Got {version.reference} without a baseline, needed one to compare with. Publish the run again."
        )
    signature = Signature.from_dict(storage.read_json(version.folder / "signature.json"))
    checked = signature.check(given_rows(rows, version.folder, signature))
    arrays = {name: _measured(array) for name, array in checked.arrays.items()}
    columns = [_compare(name, baseline[name], values) for name, values in arrays.items() if name in baseline]
    columns.sort(key=lambda column: -column["psi"])
    return Drift(version.reference, checked.n_rows, tuple(columns))


def _measured(array: np.ndarray) -> np.ndarray:
    """Give one number for each image, its mean brightness; other columns as they are."""
    brightness: np.ndarray = array.reshape(len(array), -1).mean(axis=1) if array.ndim > 1 else array
    return brightness


def _compare(name: str, before: dict[str, Any], values: np.ndarray) -> dict[str, Any]:
    if before["type"] == "text":
        values = lengths(values)
    missing = np.isnan(values) if values.dtype.kind == "f" else values == ""
    present = values[~missing]
    if isinstance(before["counts"], dict):
        counts, now = _text_bins(present, before)
    else:
        counts, now = _number_bins(present, before)
    old_missing, new_missing = float(before["missing_share"]), float(missing.mean())
    psi = _stability_index(
        np.append(_shares(counts) * (1 - old_missing), old_missing),
        np.append(_shares(now) * (1 - new_missing), new_missing),
    )
    verdict: Verdict = "stable" if psi < _MOVED else "moved" if psi < _DRIFTED else "drifted"
    return {
        "column": name,
        "compared": _COMPARED[before["type"]],
        "psi": round(psi, 4),
        "verdict": verdict,
        "missing_before": old_missing,
        "missing_now": new_missing,
    }


def _number_bins(values: np.ndarray, before: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Count training rows and these by bin.

    Values outside the training rows' range belong to the outermost bins. A bin that holds one value takes no other:
    those are counted beside it.
    """
    edges, counts = before["edges"], before["counts"]
    if not edges:  # a column without any training value
        return np.zeros(1), np.array([float(len(values))])
    below, above = holds_one_value(*edges[:2]), holds_one_value(*edges[-2:])
    inner = np.asarray(edges[0 if below else 1 : None if above else -1], dtype=float)
    counts = [0] * below + list(counts) + [0] * above
    # As numpy.histogram, a value on an edge belongs to the bin on its right.
    now = np.bincount(np.searchsorted(inner, values, side="right"), minlength=len(inner) + 1)
    return np.asarray(counts, dtype=float), now.astype(float)


def _text_bins(values: np.ndarray, before: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Count training rows and these by category; all others together come last."""
    places = {category: place for place, category in enumerate(before["counts"])}
    found = np.fromiter((places.get(str(value), len(places)) for value in values), dtype=np.int64, count=len(values))
    counts = [*before["counts"].values(), before.get("other", 0)]
    return np.asarray(counts, dtype=float), np.bincount(found, minlength=len(places) + 1).astype(float)


def _shares(counts: np.ndarray) -> np.ndarray:
    total = counts.sum()
    return counts / total if total else np.zeros_like(counts)


def _stability_index(before: np.ndarray, now: np.ndarray) -> float:
    before, now = np.maximum(before, _LEAST_SHARE), np.maximum(now, _LEAST_SHARE)
    return float(np.sum((now - before) * np.log(now / before)))
