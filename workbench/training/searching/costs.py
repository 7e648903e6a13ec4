"""What a model costs to ask: the time of one row and its size, measured on the graph that would serve it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.estimators.conversion import limited
from workbench.training.searching.ground import FoldRows

if TYPE_CHECKING:
    import polars as pl

    from workbench.estimators.native import NativeModel

_ROWS, _SECONDS = 50, 0.5  # single rows asked, and time after which fewer have to do
_MOST_NODES = 1_500_000  # of trees: a graph of more takes longer to write than the trial took
_MIB = 2**20
_CONVERSION_SECONDS = 20.0  # for an estimator of one's own; others are written in less than one


def measure_costs(rows: FoldRows, model: NativeModel) -> dict[str, Any]:
    """Measure how long one row takes and how large the model is.

    The graph from raw columns to the answer is written and asked single rows, as the service would; the model itself
    where there is no graph, or it would be of millions of nodes.

    Returns
    -------
    dict
        ``latency_ms`` (median of single rows), ``latency_by`` ("graph" or "native"), ``size_mib`` (of the graph; None
        where there is none).
    """
    fold = rows.prepared.raw(rows.prepared.split.train[:_ROWS])
    if _n_nodes(model) <= _MOST_NODES:
        try:
            # What never ends isn't waited for in each trial; the package gives it longer.
            with limited(min(_CONVERSION_SECONDS, rows.prepared.settings.conversion_seconds or _CONVERSION_SECONDS)):
                return _of_graph(rows, model)
        except WorkbenchError:
            pass  # there is no graph for it: the model itself answers, as the package will let it
    single = [fold[place : place + 1] for place in range(fold.height)]
    latency = _median_ms([partial(_answer, rows, model, row) for row in single])
    return {"latency_ms": latency, "latency_by": "native", "size_mib": None}


def _of_graph(rows: FoldRows, model: NativeModel) -> dict[str, Any]:
    from workbench.package import make_signature
    from workbench.package.converting import build_graph
    from workbench.package.predictor import graph_runner

    prepared = rows.prepared
    train = prepared.answered(prepared.split.train[:1_000])
    signature = make_signature(rows.recipe, train, prepared.target, prepared.task, prepared.classes)
    graph = build_graph(rows.recipe, model, signature)
    ask = graph_runner(graph, prepared.settings)
    head = train.head(_ROWS)
    entered = signature.graph_inputs is not None  # column steps that have no graph run before it
    arrays = rows.recipe.enter(head) if entered else signature.check(head).arrays
    single = [{name: array[place : place + 1] for name, array in arrays.items()} for place in range(head.height)]
    latency = _median_ms([partial(ask, row) for row in single])
    return {"latency_ms": latency, "latency_by": "graph", "size_mib": round(len(graph) / _MIB, 3)}


def _answer(rows: FoldRows, model: NativeModel, row: pl.DataFrame) -> np.ndarray:
    return model.scores(rows.recipe.transform(row))


def _median_ms(calls: Sequence[Callable[[], object]]) -> float:
    calls[0]()  # the first call of a session is slower than all others
    seconds: list[float] = []
    began = time.perf_counter()
    for call in calls:
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
        if time.perf_counter() - began > _SECONDS:
            break
    return float(f"{1000 * statistics.median(seconds):.3g}")


def _n_nodes(model: NativeModel) -> int:
    trees = getattr(getattr(model, "estimator", None), "estimators_", None)
    if trees is None:
        return 0
    return int(sum(getattr(getattr(tree, "tree_", None), "node_count", 0) for tree in np.ravel(trees)))
