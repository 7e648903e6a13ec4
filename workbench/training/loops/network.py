"""Networks, epoch by epoch: watchers look after each epoch, and a moment's worth of batches inside one."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from workbench.estimators.losses import loss_of, loss_power
from workbench.estimators.native import NativeModel
from workbench.estimators.schedules import lower_rate
from workbench.training.live import Live
from workbench.training.loops.material import Material
from workbench.training.patience import Patience

if TYPE_CHECKING:
    import keras

    from workbench.training.loops.epochs import Steps

_POINT_SECONDS = 0.5  # between two points inside an epoch
_PLATEAU_MIN_DELTA = 1e-4  # as Keras' own ReduceLROnPlateau


def fit_network(material: Material, live: Live) -> NativeModel:
    """Train a network; early stopping and a stop bring back the best epoch's weights."""
    live.count(0, material.training.epochs, "epoch")
    _prepare_tensorflow(material.n_jobs)
    return _Training(material, live).run()


def _prepare_tensorflow(n_threads: int) -> None:
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")
    with suppress(RuntimeError):  # too late once TensorFlow has computed something in this process
        tf.config.threading.set_intra_op_parallelism_threads(n_threads)
        tf.config.threading.set_inter_op_parallelism_threads(min(2, n_threads))
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)  # or one run takes the whole GPU from all others


class _BestWeights:
    def __init__(self) -> None:
        self.weights: list[np.ndarray] | None = None
        self.epoch = 0

    def keep(self, weights: list[np.ndarray], *, epoch: int) -> None:
        self.weights = [np.array(array) for array in weights]
        self.epoch = epoch


class _Training:
    def __init__(self, material: Material, live: Live) -> None:
        from workbench.estimators.network import TargetScale, build_network
        from workbench.training.loops.epochs import Steps, Validation

        self._material, self._live = material, live
        training = material.training
        n_batches = -(-len(material.y_train) // training.batch_size)
        if material.network is not None:
            self._network: keras.Model = material.network(n_batches)
        else:
            self._network = build_network(
                material.params,
                training,
                n_features=material.n_features,
                task=material.task,
                n_classes=len(material.classes or ()),
                seed=material.seed,
                estimator=material.entry,
                steps_per_epoch=n_batches,
            )
        self._scale = TargetScale.fit(material.y_train) if material.task == "regression" else None
        self._steps: Steps = Steps(
            self._network,
            material.X_train,
            self._targets(material.y_train),
            batch_size=training.batch_size,
            seed=material.seed,
            weights=material.weights,
        )
        self._validation = (
            Validation(self._network, material.X_validation, self._targets(material.y_validation))
            if material.has_validation
            else None
        )
        self._best = _BestWeights()
        early, plateau = training.early_stopping, training.reduce_lr_on_plateau
        self._early = Patience(early.patience, early.min_delta) if early else None
        self._plateau = Patience(plateau.patience, _PLATEAU_MIN_DELTA) if plateau else None
        self._last_point = time.monotonic()

    def run(self) -> NativeModel:
        from workbench.estimators.models import wrap_model

        epochs = self._material.training.epochs
        for epoch in range(1, epochs + 1):
            if not self._run_epoch(epoch):
                self._restore()
                break
            if self._finish_epoch(epoch):
                self._restore()
                break
        material = self._material
        return wrap_model(
            self._network,
            material.entry,
            material.measured_rows[0],
            task=material.task,
            classes=material.classes,
            target_scale=self._scale,
        )

    def _run_epoch(self, epoch: int) -> bool:
        """Run the batches of an epoch; tell whether it came to its end."""
        n_batches = self._steps.n_batches
        for done in self._steps.epoch():
            if done == n_batches:
                return True
            now = time.monotonic()
            if now - self._last_point >= _POINT_SECONDS:
                self._last_point = now
                passed = epoch - 1 + done / n_batches
                self._live.record((epoch - 1) * n_batches + done, passed, self._in_unit(self._steps.results()))
            if self._live.stop_requested():
                return False
        return True

    def _finish_epoch(self, epoch: int) -> bool:
        """Measure and let the watchers look; tell whether to end before all epochs are done."""
        values = self._steps.results()
        if self._validation is not None:
            values |= self._validation.measure()
        values = self._in_unit(values) | {"learning_rate": float(self._network.optimizer.learning_rate)}
        self._last_point = time.monotonic()
        if self._live.record(epoch * self._steps.n_batches, epoch, values):
            self._best.keep(self._network.get_weights(), epoch=epoch)
        self._live.count(epoch, self._material.training.epochs, "epoch")
        watched = self._live.watched(values)
        self._lower_learning_rate(watched)
        if epoch == self._material.training.epochs and self._early is None:
            return False
        if self._early is not None and self._early.exhausted_by(watched):
            why = self._early.words(self._live.watched_metric(values), "epochs")
            self._live.note(f"Stopped early after {epoch} of {self._material.training.epochs} epochs: {why}.")
            return True
        # Early stopping keeps the best epoch also where its patience outlasts the epochs.
        return self._live.stop_requested() or epoch == self._material.training.epochs

    def _lower_learning_rate(self, watched: float) -> None:
        plateau = self._material.training.reduce_lr_on_plateau
        if plateau is None or self._plateau is None or not self._plateau.exhausted_by(watched):
            return
        self._plateau.restart()
        lowered = lower_rate(self._network, plateau.factor, least=plateau.min_lr)
        if lowered is not None:
            self._live.log(f"Learning rate lowered from {lowered[0]:g} to {lowered[1]:g}.")

    def _restore(self) -> None:
        if self._best.weights is not None:
            self._network.set_weights(self._best.weights)
            self._live.note(f"The weights of epoch {self._best.epoch} are kept, the best so far.")

    def _targets(self, y: np.ndarray) -> np.ndarray:
        if self._scale is not None:
            return self._scale.forward(y).astype(np.float32)
        return y.astype(np.float32 if len(self._material.classes or ()) <= 2 else np.int32)

    def _in_unit(self, values: dict[str, float]) -> dict[str, float]:
        """Bring loss and RMSE of a standardised target back to the target's unit."""
        if self._scale is None:
            return values
        powers = {"loss": loss_power(loss_of(self._material.training, "regression")), "rmse": 1}
        return {name: value * self._scale.std ** powers[name.removeprefix("val_")] for name, value in values.items()}
