"""Where a network trains: the CPU, one GPU or all of them, and in which precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from workbench.errors import RunError
from workbench.estimators.spec import TrainingSpec


@dataclass(frozen=True)
class Place:
    """The devices of a training.

    Parameters
    ----------
    devices : tuple of str
        ``CPU:0``, or GPUs as TensorFlow names them.
    mixed : bool
        Whether the network computes in 16 bits.
    notes : tuple of str
        What a reader of the run should know.
    """

    devices: tuple[str, ...]
    mixed: bool = False
    notes: tuple[str, ...] = ()

    def strategy(self) -> Any:
        """Give what spreads batches over several devices; None for one."""
        import tensorflow as tf

        if len(self.devices) < 2:
            return None
        return tf.distribute.MirroredStrategy(
            list(self.devices), cross_device_ops=tf.distribute.ReductionToOneDevice() if self._on_cpu else None
        )

    @property
    def _on_cpu(self) -> bool:
        return self.devices[0].startswith("CPU")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Build and train a network here."""
        import keras
        import tensorflow as tf

        before = keras.config.dtype_policy()
        with ExitStack() as stack:
            if len(self.devices) == 1:
                stack.enter_context(tf.device(f"/{self.devices[0]}"))
            if self.mixed:
                stack.callback(keras.config.set_dtype_policy, before)
                keras.config.set_dtype_policy("mixed_float16")
            yield


def place_for(training: TrainingSpec) -> Place:
    """Choose the devices that a TrainingSpec asks for.

    Raises
    ------
    RunError
        If it asks for GPUs and there are none.
    """
    gpus = devices("GPU")
    wanted = training.device
    if wanted in ("gpu", "all_gpus") and not gpus:
        raise RunError(
            f"Got device: {wanted}, needed a GPU that TensorFlow can use; there is none here. Set device: auto or cpu, "
            "or install a driver and `pip install 'tensorflow[and-cuda]'`."
        )
    if wanted == "all_gpus":
        chosen = gpus
    else:
        chosen = gpus[:1] if gpus and wanted != "cpu" else ("CPU:0",)
    notes = []
    if wanted == "all_gpus" and len(gpus) == 1:
        notes.append("There is one GPU only; all of its work is done there.")
    if len(chosen) > training.batch_size:
        chosen = chosen[: training.batch_size]  # each device learns at least one row of a batch
    on_gpu = chosen[0].startswith("GPU")
    if training.mixed_precision and not on_gpu:
        notes.append("mixed_precision was left out: it pays on a GPU only, and this run is on the CPU.")
    return Place(tuple(chosen), training.mixed_precision and on_gpu, tuple(notes))


def devices(kind: str) -> tuple[str, ...]:
    """Name the devices of a kind that TensorFlow sees in this process."""
    import tensorflow as tf

    return tuple(f"{kind}:{index}" for index in range(len(tf.config.list_logical_devices(kind))))


def prepare_tensorflow(n_threads: int) -> None:
    """Bound TensorFlow's threads, and its grip on GPUs."""
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")
    with suppress(RuntimeError):  # too late once TensorFlow has computed something in this process
        tf.config.threading.set_intra_op_parallelism_threads(n_threads)
        tf.config.threading.set_inter_op_parallelism_threads(min(2, n_threads))
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)  # or one run takes the whole GPU from all others
