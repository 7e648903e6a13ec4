"""The layers of the networks for tables: a plain stack, and blocks that add to what they are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.estimators.categories import category_embedding

if TYPE_CHECKING:
    import keras

_HIDDEN = 2  # a block's inner layer is so many times as wide as its ends, as in the paper's default


def dense_network(params: Mapping[str, Any], *, n_features: int, ending: keras.Layer) -> keras.Model:
    """Stack fully connected layers, each with its normalization and dropout.

    Parameters
    ----------
    params : mapping
        Of ``dense_network``, checked.
    n_features : int
    ending : keras.Layer
        The last layer.
    """
    import keras

    normalized = params["normalization"] != "none"
    layers = [keras.Input((n_features,), name="features")]
    for units in params["layers"]:
        # What is normalized has its own offset, and the activation comes after it.
        activation = None if normalized else params["activation"]
        layers.append(
            keras.layers.Dense(
                units, activation=activation, use_bias=not normalized, kernel_regularizer=_penalty(params)
            )
        )
        if normalized:
            layers += [_normalization(params), keras.layers.Activation(params["activation"])]
        if params["dropout"]:
            layers.append(keras.layers.Dropout(params["dropout"]))
    return keras.Sequential([*layers, ending])


def residual_network(
    params: Mapping[str, Any], *, n_features: int, categories: Mapping[int, int], ending: keras.Layer
) -> keras.Model:
    """Build a residual network: each block computes what is added to its input, so that many can be stacked.

    Source: Gorishniy, Rubachev, Khrulkov and Babenko, Revisiting Deep Learning Models for Tabular Data, NeurIPS 34,
    2021: normalization first in each block, an inner layer twice as wide, one normalization more at the end.

    Parameters
    ----------
    params : mapping
        Of ``residual_dense_network``, checked.
    n_features : int
    categories : mapping of int to int
        Features that are codes, and how many categories each has; they enter as embeddings, all others as numbers.
    ending : keras.Layer
        The last layer.
    """
    import keras

    features = keras.Input((n_features,), name="features")
    rows = features
    if categories:
        rows = category_embedding(n_features, categories, params["embedding_size"])(features)
    rows = keras.layers.Dense(params["units"], kernel_regularizer=_penalty(params), name="entrance")(rows)
    for _ in range(params["blocks"]):
        rows = keras.layers.Add()([rows, _block(rows, params)])
    return keras.Model(features, ending(_activated(_normalized(rows, params), params)))


def _block(rows: Any, params: Mapping[str, Any]) -> Any:
    import keras

    inner = keras.layers.Dense(_HIDDEN * params["units"], kernel_regularizer=_penalty(params))(
        _normalized(rows, params)
    )
    inner = _dropped(_activated(inner, params), params)
    return keras.layers.Dense(params["units"], kernel_regularizer=_penalty(params))(inner)


def _normalized(rows: Any, params: Mapping[str, Any]) -> Any:
    return rows if params["normalization"] == "none" else _normalization(params)(rows)


def _activated(rows: Any, params: Mapping[str, Any]) -> Any:
    import keras

    return keras.layers.Activation(params["activation"])(rows)


def _dropped(rows: Any, params: Mapping[str, Any]) -> Any:
    import keras

    return keras.layers.Dropout(params["dropout"])(rows) if params["dropout"] else rows


def _normalization(params: Mapping[str, Any]) -> keras.Layer:
    import keras

    return {"batch": keras.layers.BatchNormalization, "layer": keras.layers.LayerNormalization}[
        params["normalization"]
    ]()


def _penalty(params: Mapping[str, Any]) -> keras.Regularizer | None:
    import keras

    return keras.regularizers.L1L2(params["l1"], params["l2"]) if params["l1"] or params["l2"] else None
