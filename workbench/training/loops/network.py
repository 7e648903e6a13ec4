"""Networks, epoch by epoch: watchers look after each epoch, and a moment's worth of batches inside one."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.estimators.losses import loss_of, loss_power
from workbench.estimators.native import NativeModel
from workbench.estimators.schedules import lower_rate
from workbench.training.checkpoint import Checkpoint
from workbench.training.live import Live
from workbench.training.loops.batches import Rows
from workbench.training.loops.inspecting import Inspector
from workbench.training.loops.material import Material
from workbench.training.loops.placing import Place, place_for, prepare_tensorflow
from workbench.training.loops.remembering import (
    all_finite,
    network_arrays,
    recall_network,
    recall_weights,
    weights_arrays,
)
from workbench.training.patience import Patience

if TYPE_CHECKING:
    import keras

    from workbench.training.loops.epochs import Steps

_POINT_SECONDS = 0.5  # between two points inside an epoch
_PLATEAU_MIN_DELTA = 1e-4  # as Keras' own ReduceLROnPlateau
_LOOP = "network"


def fit_network(material: Material, live: Live) -> NativeModel:
    """Train a network; early stopping and a stop bring back the best epoch's weights.

    Where the material's checkpoint holds the state of the same training, it goes on from there, to the same result.

    Raises
    ------
    RunError
        If a loss or gradient stops being a finite number, or the GPU that the spec asks for isn't there.
    StorageError
        If the history can't be written.
    """
    live.count(0, material.training.epochs, "epoch")
    prepare_tensorflow(material.n_jobs)
    place = place_for(material.training)
    for note in place.notes:
        live.note(note)
    with place.entered():
        return _Training(material, live, place).run()


class _Training:
    def __init__(self, material: Material, live: Live, place: Place) -> None:
        from workbench.estimators.network import TargetScale
        from workbench.training.loops.epochs import Steps, Validation

        self._material, self._live = material, live
        self._checkpoint = material.checkpoint or Checkpoint(None)
        training = material.training
        self._scale = TargetScale.fit(material.y_train) if material.task == "regression" else None
        rows = Rows(material.X_train, self._targets(material.y_train), material.weights, material.prepare)
        strategy = place.strategy()
        with ExitStack() as stack:
            if strategy is not None:
                stack.enter_context(strategy.scope())
            self._network: keras.Model = _build(material)
            self._steps: Steps = Steps(
                self._network,
                rows,
                task=material.task,
                batch_size=training.batch_size,
                seed=material.seed,
                augment=material.augment,
                jit_compile=training.jit_compile,
                strategy=strategy,
            )
        if self._steps.travels:
            live.note("The rows don't lie in memory beside the network: each batch is read when it is learned.")
        self._validation = None
        if material.has_validation:
            held_out = Rows(material.X_validation, self._targets(material.y_validation), prepare=material.prepare)
            self._validation = Validation(self._network, held_out, task=material.task)
        self._inspector = Inspector(self._network)
        self._best: list[np.ndarray] | None = None
        self._best_epoch = 0
        early, plateau = training.early_stopping, training.reduce_lr_on_plateau
        self._early = Patience(early.patience, early.min_delta) if early else None
        self._plateau = Patience(plateau.patience, _PLATEAU_MIN_DELTA) if plateau else None
        self._last_point = time.monotonic()
        self._epoch_began, self._epoch_from = time.monotonic(), 0

    def run(self) -> NativeModel:
        from workbench.estimators.models import wrap_model

        done, batches = self._recall()
        epochs = self._material.training.epochs
        for epoch in range(done + 1, epochs + 1):
            if not self._run_epoch(epoch, batches):
                self._restore()
                break
            batches = 0
            ends = self._finish_epoch(epoch)
            stopped = epoch < epochs and self._live.stop_requested()
            if not ends and (stopped or self._checkpoint.due()):
                self._save(epoch)
            if ends or stopped:
                self._restore()
                break
        material = self._material
        if material.finish is not None:
            return material.finish(self._network)
        model = wrap_model(
            self._network,
            material.entry,
            (material.plain or material).measured_rows[0],
            task=material.task,
            classes=material.classes,
            target_scale=self._scale,
        )
        model.scaling = material.scaling
        return model

    def _run_epoch(self, epoch: int, first: int) -> bool:
        """Run the batches of an epoch from one on; tell whether it came to its end."""
        n_batches, looks = self._steps.n_batches, self._inspector.due(epoch)
        self._epoch_began, self._epoch_from = time.monotonic(), first
        for done in self._steps.epoch(epoch, first, look_at_last=looks):
            if not self._steps.finite:
                self._fail(epoch, done)
            if done == n_batches:
                break
            now = time.monotonic()
            if now - self._last_point >= _POINT_SECONDS:
                self._last_point = now
                self._live.record((epoch - 1) * n_batches + done, epoch - 1 + done / n_batches, self._values(done))
            if self._live.stop_requested():
                self._save(epoch - 1, done)
                return False
            if self._checkpoint.due():
                self._save(epoch - 1, done)
            if looks and done == n_batches - 1:
                self._inspector.remember_weights()
        if looks:
            batch = self._steps.rows.some(self._steps.positions(epoch, 0))
            self._live.look(epoch * n_batches, epoch, self._inspector.look(batch))
        return True

    def _finish_epoch(self, epoch: int) -> bool:
        """Measure and let the watchers look; tell whether waiting for something better is over."""
        values = self._values(self._steps.n_batches)
        if self._validation is not None:
            values |= self._in_unit(self._validation.measure())
        values |= {"learning_rate": float(self._network.optimizer.learning_rate)}
        self._last_point = time.monotonic()
        if self._live.record(epoch * self._steps.n_batches, epoch, values):
            self._best = [np.array(array) for array in self._network.get_weights()]
            self._best_epoch = epoch
        self._live.count(epoch, self._material.training.epochs, "epoch")
        watched = self._live.watched(values)
        self._lower_learning_rate(watched)
        if self._early is not None and self._early.exhausted_by(watched):
            why = self._early.words(self._live.watched_metric(values), "epochs")
            self._live.note(f"Stopped early after {epoch} of {self._material.training.epochs} epochs: {why}.")
            return True
        # Early stopping keeps the best epoch also where its patience outlasts the epochs.
        return self._early is not None and epoch == self._material.training.epochs

    def _lower_learning_rate(self, watched: float) -> None:
        plateau = self._material.training.reduce_lr_on_plateau
        if plateau is None or self._plateau is None or not self._plateau.exhausted_by(watched):
            return
        self._plateau.restart()
        lowered = lower_rate(self._network, plateau.factor, least=plateau.min_lr)
        if lowered is not None:
            self._live.log(f"Learning rate lowered from {lowered[0]:g} to {lowered[1]:g}.")

    def _restore(self) -> None:
        if self._best is not None:
            self._network.set_weights(self._best)
            self._live.note(f"The weights of epoch {self._best_epoch} are kept, the best so far.")

    def _save(self, epochs: int, batches: int = 0) -> None:
        """Store everything that decides how it goes on after so many epochs, and batches of the next."""
        document = {
            "loop": _LOOP,
            "of": _identity(self._material),
            "epochs": epochs,
            "batches": batches,
            "totals": self._steps.totals.tolist(),
            "early": self._early.memory() if self._early else None,
            "plateau": self._plateau.memory() if self._plateau else None,
            "best_epoch": self._best_epoch,
            "live": self._live.memory(),
        }
        self._checkpoint.save(document, network_arrays(self._network) | weights_arrays(self._best))

    def _recall(self) -> tuple[int, int]:
        """Go on from a checkpoint; give the epochs that were done, and the batches of the next."""
        saved = self._checkpoint.load()
        if saved is None:
            return 0, 0
        document = saved.document
        fits = document.get("loop") == _LOOP and document["of"] == _identity(self._material)
        if not fits or not recall_network(self._network, saved.arrays):
            self._live.note("What was stored is of another training: it began anew.")
            return 0, 0
        self._live.recall(document["live"])
        self._steps.totals = np.array(document["totals"])
        for patience, memory in ((self._early, document["early"]), (self._plateau, document["plateau"])):
            if patience is not None and memory is not None:
                patience.recall(memory)
        self._best, self._best_epoch = recall_weights(saved.arrays), document["best_epoch"]
        epochs, batches = document["epochs"], document["batches"]
        self._live.count(epochs, self._material.training.epochs, "epoch")
        inside = f" and {batches:,} of {self._steps.n_batches:,} batches of the next" if batches else ""
        self._live.log(f"Going on after epoch {epochs}{inside}.")
        return epochs, batches

    def _fail(self, epoch: int, done: int) -> None:
        """End the run at a batch that would spoil the weights, and say where its numbers broke."""
        arrays = network_arrays(self._network)
        if all_finite(arrays):
            self._save(epoch - 1, done)  # the state before it: what was learned until here isn't lost
        positions = self._steps.positions(epoch, done)
        batch = self._steps.rows.some(positions)
        loss, _, _ = self._inspector.pass_through(batch)
        what = "gradients that aren't finite" if math.isfinite(loss) else f"a training loss of {loss}"
        self._live.fail(
            (epoch - 1) * self._steps.n_batches + done,
            epoch - 1 + done / self._steps.n_batches,
            {"loss": float("nan")},
            f"Got {what} in epoch {epoch}, batch {done + 1:,} of {self._steps.n_batches:,} "
            f"({self._inspector.first_broken(batch)}), needed a finite number. Lower the learning rate, standardize "
            "the columns, and look for extreme values in the target.",
        )

    def _values(self, done: int) -> dict[str, float]:
        """Give the means since the epoch began, and how fast it goes."""
        seconds = time.monotonic() - self._epoch_began
        n_examples = (done - self._epoch_from) * self._material.training.batch_size
        values = self._in_unit(self._steps.results())
        return values | ({"examples_per_second": round(n_examples / seconds, 1)} if seconds > 0 else {})

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


def _build(material: Material) -> keras.Model:
    from workbench.estimators.network import build_network

    n_batches = -(-len(material.y_train) // material.training.batch_size)
    if material.network is not None:
        return material.network(n_batches)
    return build_network(
        material.params,
        material.training,
        n_features=material.n_features,
        task=material.task,
        n_classes=len(material.classes or ()),
        seed=material.seed,
        estimator=material.entry,
        steps_per_epoch=n_batches,
    )


def _identity(material: Material) -> dict[str, Any]:
    """Name what a stored state must agree in to be gone on from."""
    return {
        "estimator": material.entry.name,
        "training": material.training.model_dump(mode="json"),
        "shape": list(material.X_train.shape),
        "seed": material.seed,
    }
