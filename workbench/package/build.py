"""Build a package: convert, compare with the native model, measure, describe, seal."""

from __future__ import annotations

import os
import secrets
import shutil
import statistics
import time
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from workbench.errors import ConversionError, PackageError
from workbench.estimators.conversion import limited
from workbench.package.baseline import describe_rows
from workbench.package.card import write_card
from workbench.package.converting import build_graph
from workbench.package.describing import missing_words
from workbench.package.entering import CompiledEntry, write_entry
from workbench.package.info import FILE as INFO_FILE
from workbench.package.info import PackageInfo
from workbench.package.manifest import write_manifest
from workbench.package.mlmodel import write_mlmodel
from workbench.package.parity import Parity, check_parity
from workbench.package.predictor import (
    GRAPH_FILE,
    NATIVE_FOLDER,
    RECIPE_FOLDER,
    SIGNATURE_FILE,
    Arrays,
    Predictor,
    graph_runner,
    native_runner,
    with_entry,
)
from workbench.package.reading import FORM_FILE
from workbench.package.signature import Signature
from workbench.settings import Settings, current
from workbench.storage import disk_errors, write_atomic, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workbench.data.file_forms import FileForm
    from workbench.estimators.native import NativeModel
    from workbench.recipe.fitted import FittedRecipe

BACKGROUND_ROWS = 200
_LIBRARIES = ("workbench", "onnx", "onnxruntime", "scikit-learn", "keras", "numpy", "polars")


def build_package(
    folder: Path,
    *,
    spec: dict[str, Any],
    recipe: FittedRecipe,
    model: NativeModel,
    signature: Signature,
    train: pl.DataFrame,
    evaluation: pl.DataFrame,
    metrics: dict[str, dict[str, Any]],
    notes: Sequence[str] = (),
    file_form: FileForm | None = None,
    settings: Settings | None = None,
    is_stopped: Callable[[], bool] | None = None,
) -> PackageInfo:
    """Write a package into a folder, which appears when all of it is there.

    The graph becomes the package's engine where it agrees with the native model on every evaluation row, and on as many
    with missing and unseen values: no label changed, and no probability (or value, in standard deviations of the
    target) more than 1e-5 apart. Otherwise the native model does, and the package says why.

    Parameters
    ----------
    folder : Path
        Replaced if it exists.
    spec : dict
        The RunSpec as plain values.
    recipe : FittedRecipe
    model : NativeModel
    signature : Signature
    train, evaluation : DataFrame
        Raw rows that were learned from, and rows to compare on.
    metrics : dict
        ``{"test": {"accuracy": ...}, ...}``, and ``"cross_validation"`` where there was one.
    notes : sequence of str
        What a reader of the card should know: that the model was trained on a sample, for instance.
    file_form : FileForm, optional
        Of the file that the training table came from: how files of rows to predict are read first.
    settings : Settings, optional
        Its `conversion_seconds` limit a conversion by a library that may never end.
    is_stopped : callable, optional
        Whether the run was asked to stop since packaging began: such a conversion is then given up.

    Raises
    ------
    StorageError
        If the disk is full or refuses; a package that was there before is kept.
    """
    folder, settings = Path(folder), settings or current()
    staging = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.tmp")
    try:
        with disk_errors(staging):
            staging.mkdir(parents=True)
            builder = _Builder(staging, spec, recipe, model, signature, train, evaluation, metrics, settings)
            builder.notes = tuple(notes)
            builder.file_form = file_form
            with limited(settings.conversion_seconds, is_stopped):
                info = builder.build()
            _put_in_place(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return info


def _put_in_place(staging: Path, folder: Path) -> None:
    old = staging.with_suffix(".old")
    if folder.exists():
        os.rename(folder, old)
    os.rename(staging, folder)
    shutil.rmtree(old, ignore_errors=True)


class _Builder:
    """One build, step by step."""

    notes: tuple[str, ...] = ()
    file_form: FileForm | None = None

    def __init__(
        self,
        folder: Path,
        spec: dict[str, Any],
        recipe: FittedRecipe,
        model: NativeModel,
        signature: Signature,
        train: pl.DataFrame,
        evaluation: pl.DataFrame,
        metrics: dict[str, dict[str, Any]],
        settings: Settings,
    ) -> None:
        self.folder, self.spec, self.recipe, self.model = folder, spec, recipe, model
        texts = list(signature.missing_words)
        words = missing_words(train.select(texts), evaluation.select(texts))
        self.signature = replace(signature, missing_words=words)
        self.train, self.evaluation, self.metrics, self.settings = train, evaluation, metrics, settings
        self.native = native_runner(recipe, model, signature)
        self.graph: Callable[[Arrays], np.ndarray] | None = None
        self.versions = _versions()

    def build(self) -> PackageInfo:
        parity, reason = self._convert()
        if reason:  # no model.onnx whose inputs could be others than the raw columns
            self.signature = replace(self.signature, graph_inputs=None)
        info = self._measure(parity, reason)
        self._store_native()
        if info.engine == "onnx":
            write_mlmodel(self.folder, self.signature, self.versions)
        self._describe(info)
        write_manifest(self.folder, self.settings)
        return info

    def _convert(self) -> tuple[Parity | None, str]:
        """Write and check the graph; give what was found, and why it can't be used where it can't."""
        try:
            content = build_graph(self.recipe, self.model, self.signature, self._graph_words())
            entry = CompiledEntry(self.recipe.entry) if self.recipe.needs_frame else None
            self.graph = with_entry(entry, graph_runner(content, self.settings))
            parity = self._compare(self.graph)
        except (ConversionError, PackageError) as error:
            self.graph = None
            return None, str(error)
        if not parity.faithful:
            # A graph that answers otherwise isn't shipped: Triton or MLflow would serve it unasked.
            return parity, f"{parity.words} So the trained model itself predicts: right, but slower."
        write_atomic(self.folder / GRAPH_FILE, content)
        if entry is not None:
            write_entry(self.folder, self.recipe.entry)
        return parity, ""

    def _graph_words(self) -> dict[str, list[str]]:
        """Give the words that stand for a missing text in each input of the graph."""
        inner = self.signature.graph_inputs
        if inner is None:
            return self.signature.missing_words
        texts = [name for name, kind in inner.items() if kind == "string"]
        return missing_words(*(self.recipe.entry.run(frame).select(texts) for frame in (self.train, self.evaluation)))

    def _compare(self, graph: Callable[[Arrays], np.ndarray]) -> Parity:
        scale = 1.0
        if self.signature.task == "regression":
            scale = float(self.train[self.signature.target].cast(pl.Float64).std() or 0.0) or 1.0  # type: ignore[arg-type]
        predictor = Predictor(self.signature, "onnx", {}, graph)
        try:
            return check_parity(predictor.scores, self.recipe, self.model, self.signature, self.evaluation, scale=scale)
        except RuntimeError as error:  # ONNX Runtime stops on an operator that it can't compute
            raise ConversionError(f"The graph doesn't run: {error}.") from error

    def _measure(self, parity: Parity | None, reason: str) -> PackageInfo:
        row = self.signature.arrays(self.evaluation.head(1))
        latency = _median_ms(self.graph, row, repeats=50) if self.graph else None
        native_latency = _median_ms(self.native, row, repeats=7)
        if reason and latency is not None:
            reason += f" One row takes it {native_latency:.2g} ms instead of {latency:.2g} ms."
        return PackageInfo(
            engine="native" if reason else "onnx",
            max_difference=parity.max_difference if parity else None,
            labels_changed=parity.labels_changed if parity else None,
            n_rows_checked=parity.n_rows if parity else 0,
            reason=reason,
            latency_ms=latency,
            native_latency_ms=native_latency,
            estimator=str(self.spec.get("estimator", {}).get("name", type(self.model).__name__)),
            created=time.time(),
            versions=self.versions,
        )

    def _store_native(self) -> None:
        self.model.save(self.folder / NATIVE_FOLDER)
        (self.folder / RECIPE_FOLDER).mkdir(parents=True)
        self.recipe.save(self.folder / RECIPE_FOLDER)

    def _describe(self, info: PackageInfo) -> None:
        folder, names = self.folder, self.signature.column_names
        write_json(folder / INFO_FILE, info.to_dict())
        write_json(folder / SIGNATURE_FILE, self.signature.to_dict())
        write_json(folder / "spec.json", self.spec)
        write_json(folder / "metrics.json", self.metrics)
        if self.file_form is not None:
            # Names of columns that the model doesn't take are nobody's business who has the model.
            form = self.file_form.only([*names, self.signature.target])
            write_json(folder / FORM_FILE, form.to_dict())
        predictor = self._predictor(info)
        if self.signature.image is not None:
            from workbench.package.image_parity import DESCRIBED_IMAGES, background_images, describe_images

            answers = predictor.scores(self.evaluation.head(DESCRIBED_IMAGES))
            baseline = describe_images(self.train, self.signature, answers)
            background = background_images(self.train, self.signature, seed=int(self.spec.get("seed", 0)))
        else:
            answers = predictor.scores(self.evaluation)
            baseline = describe_rows(self.train, self.signature, answers)
            n_rows = min(BACKGROUND_ROWS, self.train.height)
            background = self.train.select(names).sample(n_rows, seed=int(self.spec.get("seed", 0)), shuffle=True)
        write_json(folder / "baseline.json", baseline)
        background.write_parquet(folder / "background.parquet")
        card = write_card(
            spec=self.spec,
            signature=self.signature,
            info=info,
            metrics=self.metrics,
            n_train=self.train.height,
            n_features=len(self.recipe.feature_names),
            notes=self.notes,
        )
        write_atomic(folder / "card.md", card)

    def _predictor(self, info: PackageInfo) -> Predictor:
        run = self.graph if self.graph is not None and info.engine == "onnx" else self.native
        return Predictor(self.signature, info.engine, info.to_dict(), run)


def _median_ms(scores: Callable[[Arrays], np.ndarray], row: Arrays, *, repeats: int) -> float:
    scores(row)  # the first call pays for lazy set-up
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        scores(row)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) * 1000


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # running from a folder that isn't installed
            found[name] = ""
    return found
