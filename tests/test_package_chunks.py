"""Many rows are answered in chunks whose memory is bounded, however long their texts."""

from __future__ import annotations

import numpy as np
import polars as pl

from workbench.package import Predictor, Signature
from workbench.package.inputs import InputColumn


def answered(frame: pl.DataFrame) -> tuple[list[int], np.ndarray]:
    """Give the rows of each chunk, and the answers."""
    kinds = {"n": InputColumn("n", "number", "number"), "text": InputColumn("text", "string", "text")}
    signature = Signature("regression", "y", None, [kinds[name] for name in frame.columns])
    sizes: list[int] = []

    def run(arrays):
        sizes.append(len(arrays["n"]))
        return arrays["n"][:, None] * 2

    return sizes, Predictor(signature, "onnx", {}, run).predict(frame)


def test_long_texts_go_in_few_rows_at_a_time_and_keep_their_order():
    rng = np.random.default_rng(0)
    texts = ["word " * int(n) for n in rng.integers(1, 4_000, 3_000)]
    texts[1_234] = "x" * 9_000_000
    sizes, answers = answered(pl.DataFrame({"n": np.arange(3_000.0), "text": texts}))
    assert answers.tolist() == (np.arange(3_000.0) * 2).tolist()
    starts = np.cumsum([0, *sizes[:-1]])
    for start, size in zip(starts, sizes, strict=True):
        longest = max(map(len, texts[start : start + size]))
        assert size == 1 or size * longest <= 8_000_000


def test_short_texts_and_numbers_go_in_thousands():
    numbers = pl.DataFrame({"n": np.arange(20_000.0)})
    assert answered(numbers)[0] == [*[2_048] * 9, 1_568]
    assert answered(numbers.with_columns(text=pl.lit("Cherbourg")))[0] == [*[2_048] * 9, 1_568]
    assert answered(numbers.head(1))[0] == [1]
