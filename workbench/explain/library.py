"""The engines of the SHAP library, on the estimator behind the recipe. They belong into a worker: see `worker`.

Shapes differ between explainers and models (a list, (n, features), (n, features, outputs)); all become (n, columns, k).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from workbench.errors import ExplainError, MissingExtraError
from workbench.explain.native import NativePackage
from workbench.explain.shapley import CodedRows, Progress

if TYPE_CHECKING:
    from workbench.package import Predictor

LibraryEngine = Literal["tree", "linear", "gradient", "kernel"]
Computed = tuple[np.ndarray, np.ndarray, np.ndarray, str, str]  # values, base, outputs, output space, method
N_GRADIENT_SAMPLES = 200


def import_shap() -> Any:
    """Import SHAP, saying the remedy where it is absent."""
    try:
        import shap
    except ImportError as error:
        raise MissingExtraError("This engine needs shap: pip install shap. Or use engine='permutation'.") from error
    return shap


def explain_trees(native: NativePackage, frame: pl.DataFrame, on_progress: Progress | None) -> Computed:
    """Explain a forest (probability, or the target) or boosting (log-odds, or the target), exactly, path dependent.

    Source: Lundberg et al., From Local Explanations to Global Understanding with Explainable AI for Trees, Nature
    Machine Intelligence 2, 2020.
    """
    if native.family not in ("forest", "boosting"):
        raise ExplainError(
            f"Got {_named(native)}, needed a tree, a forest or boosting for engine='tree'. Use 'permutation'."
        )
    estimator = native.model.estimator  # type: ignore[attr-defined]
    explainer = import_shap().TreeExplainer(estimator, feature_perturbation="tree_path_dependent")
    X = native.features(frame)
    values = _in_chunks(lambda part: explainer.shap_values(part, check_additivity=False), X, on_progress)
    base = np.ravel(np.asarray(explainer.expected_value, dtype=np.float64))
    scaling = native.model.scaling
    if native.model.task == "regression":
        outputs, space = native.scores(frame), ""
        if scaling is not None:  # the trees answer in standard deviations from the target's mean
            values, base = values * scaling.std, scaling.values(base)
    elif native.family == "forest":
        outputs, space = estimator.predict_proba(X), "probability"
    else:
        outputs, space = estimator.decision_function(X), "log-odds"
    return (
        *_with_all_classes(native, values, base, outputs),
        space,
        "TreeExplainer, path dependent: exact for these trees",
    )


def _named(native: NativePackage) -> str:
    if type(getattr(native.model, "estimator", None)).__name__ == "GradientBoostingClassifier":
        return "classic gradient boosting of several classes, which SHAP's tree engine doesn't know"
    return f"a {native.family} model"


def explain_linear(
    native: NativePackage, frame: pl.DataFrame, background: pl.DataFrame, on_progress: Progress | None
) -> Computed:
    """Explain a linear model exactly: coefficient times distance from the background's mean."""
    if native.family != "linear":
        raise ExplainError(f"Got a {native.family} model, needed a linear one for engine='linear'. Use 'permutation'.")
    shap = import_shap()
    estimator = native.model.estimator  # type: ignore[attr-defined]
    compared = native.features(background)
    explainer = shap.LinearExplainer(estimator, shap.maskers.Independent(compared, max_samples=len(compared)))
    X = native.features(frame)
    values = _in_chunks(explainer.shap_values, X, on_progress)
    base = np.ravel(np.asarray(explainer.expected_value, dtype=np.float64))
    classify = native.model.task == "classification"
    outputs = estimator.decision_function(X) if classify else estimator.predict(X)
    space = "log-odds" if classify else ""
    return (
        *_with_all_classes(native, values, base, outputs),
        space,
        "LinearExplainer: exact, columns taken as independent",
    )


def explain_gradients(
    native: NativePackage, frame: pl.DataFrame, background: pl.DataFrame, seed: int, on_progress: Progress | None
) -> Computed:
    """Explain a network by expected gradients: sampled, so additive only roughly.

    Source: Erion, Janizek, Sturmfels, Lundberg and Lee, Improving Performance of Deep Learning Models with Axiomatic
    Attribution Priors and Expected Gradients, Nature Machine Intelligence 3, 2021.
    """
    if native.family != "network":
        raise ExplainError(
            f"Got a {native.family} model, needed a network for engine='gradient', and one without embeddings. "
            "Use 'permutation'."
        )
    shap = import_shap()
    network = native.model.network  # type: ignore[attr-defined]
    X, compared = (native.features(part).astype(np.float32) for part in (frame, background))
    explainer = shap.GradientExplainer(network, compared)
    with warnings.catch_warnings():
        # SHAP 0.51 passes a list of one input where Keras 3 expects the input itself; Keras says so and goes on
        warnings.filterwarnings("ignore", message="The structure of `inputs` doesn't match")
        values = _in_chunks(
            lambda part: explainer.shap_values(part, nsamples=N_GRADIENT_SAMPLES, rseed=seed), X, on_progress
        )
    if native.model.task == "regression":  # the network answers in standard deviations of the target
        values = values * native.model.target_scale.std  # type: ignore[attr-defined]
    outputs = native.scores(frame)
    base = native.scores(background).mean(axis=0)
    space = "probability" if native.model.task == "classification" else ""
    method = f"GradientExplainer: expected gradients, {N_GRADIENT_SAMPLES} samples a row"
    return (*_with_all_classes(native, values, base, outputs), space, method)


def explain_kernel(
    predictor: Predictor, frame: pl.DataFrame, background: pl.DataFrame, seed: int, on_progress: Progress | None
) -> Computed:
    """Explain any model by Kernel SHAP over the graph; rows are passed as codes, so text and gaps are no matter."""
    shap = import_shap()
    coded = CodedRows(frame, background, frame.columns, predictor.scores)

    def score(codes: np.ndarray) -> np.ndarray:
        return coded.scores(np.asarray(codes).round().astype(np.int64))

    explainer = shap.KernelExplainer(score, coded.background.astype(np.float64))
    # KernelExplainer samples from NumPy's global generator: fixed here, put back afterwards
    state = np.random.get_state()
    np.random.seed(seed % 2**32)
    try:
        rows = coded.rows.astype(np.float64)
        values = _in_chunks(lambda part: explainer.shap_values(part, l1_reg=False, silent=True), rows, on_progress)
    finally:
        np.random.set_state(state)
    base = np.ravel(np.asarray(explainer.expected_value, dtype=np.float64))
    space = "probability" if predictor.signature.classes is not None else ""
    return values, base, coded.scores(coded.rows), space, "KernelExplainer on the graph"


def _in_chunks(explain: Callable[[np.ndarray], Any], X: np.ndarray, on_progress: Progress | None) -> np.ndarray:
    size = max(-(-len(X) // 20), 1)
    parts = []
    for start in range(0, len(X), size):
        part = X[start : start + size]
        parts.append(_normalised(explain(part), len(part)))
        if on_progress is not None:
            on_progress(min(start + size, len(X)) / len(X))
    return np.concatenate(parts)


def _normalised(values: Any, n_rows: int) -> np.ndarray:
    """Bring whatever an explainer returns to (n, features, k)."""
    if isinstance(values, list):
        values = np.stack([np.asarray(value) for value in values], axis=-1)
    array = np.asarray(values, dtype=np.float64)
    return array.reshape(n_rows, -1, 1) if array.ndim < 3 else array


def _with_all_classes(
    native: NativePackage, values: np.ndarray, base: np.ndarray, outputs: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give one output for each class: mirror a binary one, put zeros where a class had no training row."""
    outputs = np.asarray(outputs, dtype=np.float64).reshape(len(values), -1)
    if native.model.task == "regression":
        return values, base[:1], outputs
    if values.shape[2] == 1:
        values = np.concatenate([-values, values], axis=2)
    if base.size == 1:  # log-odds of the second class; those of the first are their negative
        base = np.concatenate([-base, base])
    if outputs.shape[1] == 1:
        outputs = np.hstack([-outputs, outputs])
    n_classes = native.model.n_classes
    if values.shape[2] == n_classes:
        return values, base, outputs
    seen = [int(position) for position in native.model.estimator.classes_]  # type: ignore[attr-defined]
    spread = np.eye(n_classes)[seen]
    return values @ spread, base @ spread, outputs @ spread
