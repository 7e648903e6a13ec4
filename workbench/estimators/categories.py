"""Categories as embeddings: which features are codes of categories, and the layer that learns a vector for each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

    from workbench.recipe import FittedRecipe

LAYER = "CategoryEmbedding"

# So often a training row's category is hidden, else nothing would be learned for the ones that no training row has.
_HIDDEN_SHARE = 0.02


def category_features(recipe: FittedRecipe) -> dict[int, int]:
    """Find the features that the step ``ordinal`` made and no later step changed.

    Returns
    -------
    dict of int to int
        Place of the feature, and how many categories it has. Codes are 0, 1, ... and -1 for unseen and missing.
    """
    widths: dict[str, int] = {}
    coded: dict[str, int] = {}
    for stage in recipe.stages:
        widths |= dict(zip(stage.outputs, stage.widths, strict=True))
        for column in [*stage.columns, *stage.outputs]:
            coded.pop(column, None)
        if stage.fitted.name == "ordinal":
            counts = [len(found) for found in stage.fitted.transformer.categories_]
            coded |= dict(zip(stage.outputs, counts, strict=True))
    places = np.cumsum([0, *(widths.get(column, 1) for column in recipe.outputs)]).tolist()
    return {place: coded[column] for place, column in zip(places, recipe.outputs, strict=False) if column in coded}


def category_embedding(n_features: int, categories: Mapping[int, int], size: int) -> keras.Layer:
    """Make the layer that puts numbers first, and then `size` learned numbers for each category's code.

    It is a layer of its own so that a network still takes one array, and needs no layer that holds code.

    Parameters
    ----------
    n_features : int
    categories : mapping of int to int
        Place of each feature that is a code, and how many categories it has.
    size : int
    """
    # In 16 bits the codes beyond 2,048 would be others.
    return embedding_class()(n_features=n_features, categories=sorted(categories.items()), size=size, dtype="float32")


@cache
def embedding_class() -> Any:
    """Give the layer's class; made at first use, since importing Keras takes seconds."""
    import keras
    from keras import ops

    class CategoryEmbedding(keras.layers.Layer):  # type: ignore[misc]
        """One table of vectors for all columns; the first vector of each column is that of unseen and missing."""

        def __init__(self, *, n_features: int, categories: list[tuple[int, int]], size: int, **options: Any) -> None:
            super().__init__(**options)
            self.n_features, self.size = n_features, size
            self.categories = [(int(place), int(count)) for place, count in categories]
            self.places = [place for place, _ in self.categories]
            self.numbers = [place for place in range(n_features) if place not in set(self.places)]
            self.counts = np.array([count for _, count in self.categories], dtype=np.float32)
            self.starts = np.cumsum([0, *(count + 1 for _, count in self.categories)])[:-1].astype(np.int32)
            self.seed_generator = keras.random.SeedGenerator()

        def build(self, _shape: Any) -> None:
            """Make the table."""
            n_vectors = int(sum(count + 1 for _, count in self.categories))
            self.table = self.add_weight(shape=(n_vectors, self.size), initializer="uniform", name="embeddings")

        def call(self, features: Any, training: bool = False) -> Any:
            """Give numbers and vectors side by side."""
            codes = ops.take(features, self.places, axis=1)
            # What lies outside of the codes, which no recipe gives, is unseen, too.
            slots = ops.minimum(ops.maximum(codes + 1.0, 0.0), self.counts)
            if training:
                hidden = keras.random.uniform(ops.shape(slots), seed=self.seed_generator) < _HIDDEN_SHARE
                slots = ops.where(hidden, 0.0, slots)
            vectors = ops.take(self.table, ops.cast(slots, "int32") + self.starts, axis=0)
            flat = ops.reshape(vectors, (-1, len(self.places) * self.size))
            return ops.concatenate([ops.take(features, self.numbers, axis=1), flat], axis=1) if self.numbers else flat

        def compute_output_shape(self, shape: Any) -> Any:
            """Count numbers and vectors."""
            return (shape[0], len(self.numbers) + len(self.places) * self.size)

        def get_config(self) -> dict[str, Any]:
            """Give what it was made from."""
            own = {
                "n_features": self.n_features,
                "categories": [list(pair) for pair in self.categories],
                "size": self.size,
            }
            config: dict[str, Any] = super().get_config() | own
            return config

    return CategoryEmbedding
