"""Each learned step, fitted and applied to its training rows, against the same calls of scikit-learn by hand.

CPU seconds (of all threads), so that other work on the machine counts less. Where scikit-learn has no such transformer
(log, square root, clip, merge_rare) the peer is the NumPy expression or the nearest transformer.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measuring import in_turn

TITLE = "CPU seconds for each learned step: here against scikit-learn"
N_ROWS, ROUNDS = 100_000, 3

Pair = tuple[Callable[[], object], Callable[[], object]]


def main() -> None:
    """Print the CPU seconds of both and their ratio, step by step. STEPS=log,pca chooses steps."""
    chosen = [name for name in os.environ.get("STEPS", "").split(",") if name]
    print(f"{N_ROWS:,} rows unless the step says otherwise\n{'step':<34}{'here':>9}{'peer':>9}{'ratio':>8}")
    for name, (ours, theirs) in pairs().items():
        if chosen and not any(name.startswith(word) for word in chosen):
            continue
        sides = {"here": lambda work=ours: cpu_seconds(work), "peer": lambda work=theirs: cpu_seconds(work)}
        figures = in_turn(sides, rounds=ROUNDS)
        here, peer = (statistics.median(figures[side]) for side in ("here", "peer"))
        print(f"{name:<34}{here:9.3f}{peer:9.3f}{here / peer:8.2f}", flush=True)


def cpu_seconds(work: Callable[[], object]) -> float:
    """Give the CPU seconds of one call, of this process and all its threads."""
    started = time.process_time()
    work()
    return time.process_time() - started


def rows() -> dict[str, Any]:
    """Make the arrays that the steps work on."""
    random = np.random.default_rng(0)
    X = random.lognormal(size=(N_ROWS, 10))
    X[random.random(X.shape) < 0.05] = np.nan
    words = np.array([f"word{place}" for place in range(2_000)], dtype=object)
    texts = words[np.minimum(random.zipf(1.3, size=(N_ROWS, 2)), 2_000) - 1]
    sentences = np.array(
        [" ".join(words[np.minimum(random.zipf(1.2, size=120), 2_000) - 1]) for _ in range(10_000)], dtype=object
    )
    y = (X[:, 0] > 1).astype(np.int64)
    return {"X": X, "full": np.nan_to_num(X, nan=1.0), "texts": texts, "sentences": sentences[:, None], "y": y}


def ours(data: dict[str, Any], X: np.ndarray, **step: Any) -> Callable[[], object]:
    """Give the call of the workbench: fit a step and give its training rows' values."""
    from pydantic import TypeAdapter

    from workbench.recipe.families import FITTED_STEPS
    from workbench.recipe.fitted_step import Learning
    from workbench.recipe.spec import Step

    parsed = TypeAdapter(Step).validate_python({"columns": ["x"], **step})
    names = [f"x{place}" for place in range(X.shape[1])]
    learning = Learning(y=data["y"][: len(X)], task="classification", seed=0)
    return lambda: FITTED_STEPS[step["step"]].fit(parsed, X, names, learning).fitted_values(X)


def theirs(X: np.ndarray, transformer: Any, y: np.ndarray | None = None) -> Callable[[], object]:
    """Give the call of scikit-learn."""
    return lambda: transformer.fit_transform(X) if y is None else transformer.fit_transform(X, y)


def pairs() -> dict[str, Pair]:
    """Give both sides of each step."""
    data = rows()
    return {**_numbers(data), **_categories(data), **_joining(data)}


def _numbers(data: dict[str, Any]) -> dict[str, Pair]:
    from sklearn import impute, preprocessing

    X, full, few = data["X"], data["full"], data["X"][:20_000]
    donors = X[np.random.default_rng(0).choice(len(X), 2_000, replace=False)]

    def clip() -> np.ndarray:
        return np.clip(X, *np.nanquantile(X, [0.01, 0.99], axis=0))

    def log() -> np.ndarray:
        return np.sign(X) * np.log1p(np.abs(X))

    def neighbors() -> np.ndarray:
        return np.asarray(impute.KNNImputer().fit(donors).transform(few))

    power = preprocessing.PowerTransformer(standardize=False)
    bins = preprocessing.KBinsDiscretizer(encode="ordinal", quantile_method="averaged_inverted_cdf", subsample=None)
    even = preprocessing.QuantileTransformer(subsample=None)
    bell = preprocessing.QuantileTransformer(subsample=None, output_distribution="normal")
    return {
        "impute": (ours(data, X, step="impute"), theirs(X, impute.SimpleImputer(strategy="median"))),
        "impute neighbors (20,000)": (
            ours(data, few, step="impute", strategy="nearest_neighbors"),
            neighbors,
        ),
        "clip": (ours(data, X, step="clip"), clip),
        "log": (ours(data, X, step="log"), log),
        "power": (ours(data, X, step="power"), theirs(X, power)),
        "bins": (ours(data, full, step="bins"), theirs(full, bins)),
        "standardize": (ours(data, X, step="standardize"), theirs(X, preprocessing.StandardScaler())),
        "min_max": (ours(data, X, step="min_max"), theirs(X, preprocessing.MinMaxScaler())),
        "robust": (ours(data, X, step="robust"), theirs(X, preprocessing.RobustScaler())),
        "quantile_transform": (ours(data, X, step="quantile_transform"), theirs(X, even)),
        "quantile_transform normal": (ours(data, X, step="quantile_transform", output="normal"), theirs(X, bell)),
    }


def _categories(data: dict[str, Any]) -> dict[str, Pair]:
    from sklearn import preprocessing
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts, sentences, y = data["texts"], data["sentences"], data["y"]
    few = np.array([[word if int(word[4:]) < 50 else "word1" for word in row] for row in texts], dtype=object)
    one_hot = preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    capped = preprocessing.OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False)
    rare = preprocessing.OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=0.01)
    ordinal = preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    hasher = FeatureHasher(32, input_type="string")

    def hashing() -> np.ndarray:
        return np.hstack([hasher.transform([[word] for word in column]).toarray() for column in texts.T])

    def tf_idf() -> np.ndarray:
        return np.asarray(TfidfVectorizer(max_features=500, min_df=2).fit_transform(sentences[:, 0]).toarray())

    return {
        "merge_rare": (ours(data, texts, step="merge_rare"), theirs(texts, rare)),
        "one_hot": (ours(data, few, step="one_hot"), theirs(few, one_hot)),
        "one_hot max_categories": (ours(data, texts, step="one_hot", max_categories=20), theirs(texts, capped)),
        "ordinal": (ours(data, texts, step="ordinal"), theirs(texts, ordinal)),
        "target_encode": (
            ours(data, texts, step="target_encode"),
            theirs(texts, preprocessing.TargetEncoder(), y),
        ),
        "hashing": (ours(data, texts, step="hashing"), hashing),
        "tf_idf (10,000 texts)": (ours(data, sentences, step="tf_idf"), tf_idf),
    }


def _joining(data: dict[str, Any]) -> dict[str, Pair]:
    from sklearn import feature_selection
    from sklearn.decomposition import PCA

    full, y = data["full"], data["y"]
    few, few_y = full[:10_000], y[:10_000]
    best = feature_selection.SelectKBest(feature_selection.f_classif, k=5)
    informative = feature_selection.SelectKBest(feature_selection.mutual_info_classif, k=5)
    return {
        "select_best": (ours(data, full, step="select_best", k=5), theirs(full, best, y)),
        "select_best information (10,000)": (
            ours(data, few, step="select_best", k=5, score="mutual_information"),
            theirs(few, informative, few_y),
        ),
        "pca": (ours(data, full, step="pca"), theirs(full, PCA(n_components=0.95))),
    }


if __name__ == "__main__":
    sys.exit(main())
