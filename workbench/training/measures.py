"""The few numbers of a live curve: they are taken again and again while a model learns."""

from __future__ import annotations

import numpy as np

from workbench.data.spec import Task
from workbench.evaluation.measures import row_log_loss


def measure(task: Task, y: np.ndarray, scores: np.ndarray, *, prefix: str = "") -> dict[str, float]:
    """Measure loss and accuracy (log loss), or loss and RMSE (mean squared error).

    Parameters
    ----------
    task : {"classification", "regression"}
    y : ndarray of shape (n_rows,)
        Class indices or numbers.
    scores : ndarray of shape (n_rows, n_classes), or (n_rows, 1) or (n_rows,)
        Probabilities or values.
    prefix : str
        ``"val_"`` for validation rows.

    Returns
    -------
    dict
        ``loss`` and ``accuracy``, or ``loss`` (unit of the target, squared) and ``rmse`` (unit of the target).

    Examples
    --------
    >>> measure("regression", np.array([1.0, 3.0]), np.array([[1.0], [1.0]]))
    {'loss': 2.0, 'rmse': 1.4142135623730951}
    """
    if task == "regression":
        loss = float(np.mean((np.asarray(scores).reshape(-1) - y) ** 2))
        return {f"{prefix}loss": loss, f"{prefix}rmse": float(np.sqrt(loss))}
    index = np.asarray(y, dtype=np.int64)
    return {
        f"{prefix}loss": float(row_log_loss(index, scores).mean()),
        f"{prefix}accuracy": float(np.mean(scores.argmax(axis=1) == index)),
    }
