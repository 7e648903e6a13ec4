"""A trained network over images behind the interface that all models have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench.data.spec import Task
from workbench.estimators.native import NativeModel

if TYPE_CHECKING:
    import keras

    from workbench.estimators.network import TargetScale
    from workbench.graph import GraphBuilder

FILE = "network.keras"
_BATCH_ROWS = 256  # the first convolution's answers to so many photographs of 64 x 64 take 134 MB


class ImageModel(NativeModel):
    """A trained Keras network over pixels.

    Parameters
    ----------
    network : keras.Model
        Input of shape (height, width, n_channels), 0 to 255.
    target_scale : TargetScale, optional
        For regression: brings answers back to the target's unit.
    """

    engine: ClassVar[str] = "keras_image"

    def __init__(
        self,
        network: keras.Model,
        *,
        task: Task,
        classes: list[str | int] | None,
        n_features: int,
        fill: np.ndarray | None = None,
        target_scale: TargetScale | None = None,
    ) -> None:
        from workbench.estimators.network import TargetScale
        from workbench.estimators.stored_network import in_single_precision

        super().__init__(task=task, classes=classes, n_features=n_features, fill=None)
        self.network = in_single_precision(network)
        self.target_scale = target_scale or TargetScale()
        self._call: Any = None

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Give what the graph gives of pixels (n_rows, height, width, n_channels): probabilities, or values."""
        return self._scores(np.asarray(X))  # as they are: a copy in doubles would take eight times the memory

    def _scores(self, X: np.ndarray) -> np.ndarray:
        import tensorflow as tf

        if self._call is None:  # `predict` of Keras builds a data set, and warns, for each call
            taken = tf.TensorSpec((None, *self.network.input_shape[1:]), tf.float32)
            self._call = tf.function(lambda rows: self.network(rows, training=False), input_signature=[taken])
        answers = [
            np.asarray(self._call(tf.cast(X[start : start + _BATCH_ROWS], tf.float32)))
            for start in range(0, len(X), _BATCH_ROWS)
        ]
        n_outputs = self.network.output_shape[-1]
        values = np.concatenate(answers).astype(np.float64) if answers else np.zeros((0, n_outputs))
        if self.task == "regression":
            return self.target_scale.inverse(values)
        return np.hstack([1.0 - values, values]) if values.shape[1] == 1 else values

    def _emit(self, graph: GraphBuilder, features: str) -> str:
        from workbench.estimators.graph_images import emit_image_network

        scale = (self.target_scale.mean, self.target_scale.std)
        return emit_image_network(graph, features, self.network, self.task, scale)

    def _save(self, folder: Path) -> dict[str, Any]:
        from workbench.estimators.stored_network import save_network

        save_network(self.network, folder / FILE)
        return {"target_scale": {"mean": self.target_scale.mean, "std": self.target_scale.std}}

    @classmethod
    def _load(cls, folder: Path, common: dict[str, Any], document: dict[str, Any]) -> ImageModel:
        from workbench.estimators.network import TargetScale
        from workbench.estimators.stored_network import load_network

        return cls(load_network(folder / FILE), **common, target_scale=TargetScale(**document["target_scale"]))
