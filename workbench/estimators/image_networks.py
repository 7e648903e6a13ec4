"""Networks for images: built and compiled with Keras. Pixels come in as 0 to 255; the first layer scales them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.data.spec import Task
from workbench.estimators.catalogue import check_params
from workbench.estimators.entry import EstimatorEntry
from workbench.estimators.spec import TrainingSpec

if TYPE_CHECKING:
    import keras

_MOMENTUM = 0.9  # of batch normalization: with Keras' 0.99 the running means lag behind for the first epochs
_SMALLEST_UNPADDED = 18  # smaller images would have no pixel left after three convolutions without padding


@dataclass(frozen=True)
class Picture:
    """What the images are that a network takes.

    Parameters
    ----------
    height, width, n_channels : int
    factor, offset : sequence of float
        For each channel: pixels are multiplied by `factor`, then `offset` is added.
    """

    height: int
    width: int
    n_channels: int
    factor: Sequence[float]
    offset: Sequence[float]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.height, self.width, self.n_channels


def build_image_network(
    estimator: EstimatorEntry,
    params: dict[str, Any],
    training: TrainingSpec,
    *,
    picture: Picture,
    task: Task,
    n_classes: int,
    seed: int,
    steps_per_epoch: int = 1,
) -> keras.Model:
    """Build and compile a network for images.

    Parameters
    ----------
    estimator : EstimatorEntry
        Of ``dense_network`` for images, ``small_convnet`` or ``residual_convnet``.
    params : dict
        Checked here.
    training : TrainingSpec
    picture : Picture
    task : {"classification", "regression"}
    n_classes : int
        Ignored for regression.
    seed : int
        The same seed gives the same weights.
    steps_per_epoch : int

    Returns
    -------
    keras.Model
        From pixels [N, height, width, n_channels], 0 to 255, to what `network.ending` gives.

    Raises
    ------
    EstimatorError
        If a parameter is out of range, or the loss doesn't fit the task.
    """
    import keras

    from workbench.estimators.network import compile_network, ending

    checked = check_params(estimator, params)
    keras.utils.set_random_seed(seed)
    pixels = keras.Input(picture.shape, name="pixels")
    # One number for all channels stays one: it is multiplied in half the time.
    factor, offset = (
        values[0] if len(set(values)) == 1 else list(values) for values in (picture.factor, picture.offset)
    )
    scaled = keras.layers.Rescaling(factor, offset, name="scale")(pixels)
    features = _BODIES[estimator.name](scaled, checked, picture)
    network = keras.Model(pixels, ending(task, n_classes)(features))
    compile_network(network, training, task=task, n_classes=n_classes, steps_per_epoch=steps_per_epoch)
    return network


def _dense(tensor: Any, params: dict[str, Any], picture: Picture) -> Any:
    from keras import layers

    tensor = layers.Flatten()(tensor)
    for units in params["layers"]:
        tensor = layers.Dense(units, activation=params["activation"], kernel_regularizer=_penalty(params))(tensor)
        tensor = _dropout(tensor, params)
    return tensor


def _small_convnet(tensor: Any, params: dict[str, Any], picture: Picture) -> Any:
    from keras import layers

    padding = "valid" if min(picture.height, picture.width) >= _SMALLEST_UNPADDED else "same"
    filters = params["filters"]
    for place, n_filters in enumerate(filters):
        if padding == "valid" and min(tensor.shape[1:3]) < 3:
            padding = "same"
        tensor = layers.Conv2D(n_filters, 3, padding=padding, activation="relu", kernel_regularizer=_penalty(params))(
            tensor
        )
        if place < len(filters) - 1:
            tensor = layers.MaxPooling2D(2, padding=padding)(tensor)
    tensor = _dropout(layers.Flatten()(tensor), params)
    return layers.Dense(params["units"], activation="relu", kernel_regularizer=_penalty(params))(tensor)


def _residual_convnet(tensor: Any, params: dict[str, Any], picture: Picture) -> Any:
    """Build a small ResNet.

    Source: He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, CVPR 2016, section 4.2; smaller, and
    with max pooling behind the first convolution.
    """
    from keras import layers

    filters = params["filters"]
    # Pooled before it is normalized: a third of the first layers' time for nearly the same features.
    tensor = layers.MaxPooling2D(2, padding="same")(_convolved(tensor, filters[0], params))
    tensor = layers.ReLU()(layers.BatchNormalization(momentum=_MOMENTUM)(tensor))
    for stage, n_filters in enumerate(filters):
        for block in range(params["blocks"]):
            strides = 2 if stage and not block else 1
            inner = layers.ReLU()(_normalized(tensor, n_filters, params, strides=strides))
            inner = _normalized(inner, n_filters, params)
            if strides != 1 or tensor.shape[-1] != n_filters:
                tensor = _normalized(tensor, n_filters, params, size=1, strides=strides)
            tensor = layers.ReLU()(layers.Add()([tensor, inner]))
    return _dropout(layers.GlobalAveragePooling2D()(tensor), params)


def _normalized(tensor: Any, n_filters: int, params: dict[str, Any], *, size: int = 3, strides: int = 1) -> Any:
    from keras import layers

    convolved = _convolved(tensor, n_filters, params, size=size, strides=strides)
    return layers.BatchNormalization(momentum=_MOMENTUM)(convolved)


def _convolved(tensor: Any, n_filters: int, params: dict[str, Any], *, size: int = 3, strides: int = 1) -> Any:
    from keras import layers

    return layers.Conv2D(
        n_filters, size, strides=strides, padding="same", use_bias=False, kernel_regularizer=_penalty(params)
    )(tensor)


def _dropout(tensor: Any, params: dict[str, Any]) -> Any:
    from keras import layers

    return layers.Dropout(params["dropout"])(tensor) if params["dropout"] else tensor


def _penalty(params: dict[str, Any]) -> Any:
    import keras

    return keras.regularizers.L2(params["l2"]) if params["l2"] else None


_BODIES: dict[str, Callable[[Any, dict[str, Any], Picture], Any]] = {
    "dense_network": _dense,
    "small_convnet": _small_convnet,
    "residual_convnet": _residual_convnet,
}
