"""One format for every explanation, whichever engine computed it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from workbench.errors import ExplainError
from workbench.explain.wording import numbers_of, sentence, value_texts

if TYPE_CHECKING:
    import plotly.graph_objects as go

Engine = Literal["auto", "tree", "linear", "permutation", "gradient", "kernel"]
PlotKind = Literal["importance", "beeswarm", "dependence", "waterfall"]


@dataclass(frozen=True)
class Explanation:
    """SHAP values of rows in the user's raw columns: numbers first, pictures second.

    Parameters
    ----------
    shap_values : ndarray of shape (n_rows, n_columns, k)
        One output for each class, or one for a regression; in `output_space`.
    base_values : ndarray of shape (k,)
        Mean output over the background.
    outputs : ndarray of shape (n_rows, k)
        The model's output for each row: base value plus the row's SHAP values, to `additivity_error`.
    data : DataFrame
        The rows, raw columns only.
    classes : list of str or int, optional
        None for regression.
    target : str
    output_space : str
        "probability", "log-odds", or "unit of <target>".
    engine : str
        "tree", "linear", "permutation", "gradient" or "kernel".
    method : str
        What exactly was computed, in words.
    background_rows : int
        Rows that the base value is the mean of; 0 where the trees' own training counts were used.
    seed : int
    additivity_error : float
        Largest distance of a row's output from base value plus SHAP values.
    seconds : float
    """

    shap_values: np.ndarray
    base_values: np.ndarray
    outputs: np.ndarray
    data: pl.DataFrame
    classes: list[str | int] | None
    target: str
    output_space: str
    engine: str
    method: str
    background_rows: int
    seed: int
    additivity_error: float
    seconds: float = 0.0

    def __repr__(self) -> str:
        return (
            f"Explanation({self.target!r}, {self.n_rows:,} rows, {len(self.column_names)} columns, {self.engine}, "
            f"{self.output_space}, additivity error {self.additivity_error:.1e})"
        )

    @property
    def n_rows(self) -> int:
        """Number of explained rows."""
        return self.data.height

    @property
    def column_names(self) -> list[str]:
        """The raw columns."""
        return self.data.columns

    @property
    def output_names(self) -> list[str]:
        """The outputs to show: the second of two classes (the first is its mirror), every class, or the target."""
        return self._names(self._shown())

    @property
    def note(self) -> str:
        """One line that must stand beside every picture: engine, background, error."""
        background = (
            f"{self.background_rows} background rows" if self.background_rows else "training counts of the trees"
        )
        return f"{self.engine}, {background}, {self.output_space}, additivity error {self.additivity_error:.1e}"

    def output_index(self, output: str | int | None = None, *, row: int | None = None) -> int:
        """Find an output by class; by default the second of two, else the most likely one of `row`, or of most rows.

        Raises
        ------
        ExplainError
            If there is no such class.
        """
        if self.classes is None:
            return 0
        labels = [str(label) for label in self.classes]
        if output is not None:
            if str(output) not in labels:
                raise ExplainError(
                    f"Got the output {output!r}, needed one of the classes. Choose from {', '.join(labels[:20])}."
                )
            return labels.index(str(output))
        if len(labels) == 2:
            return 1
        best = self.outputs.argmax(axis=1)
        return int(best[row]) if row is not None else int(np.bincount(best, minlength=len(labels)).argmax())

    def frame(self, output: str | int | None = None) -> pl.DataFrame:
        """Give the values long: ``row``, ``output``, ``column``, ``value`` (in words), ``number``, ``shap_value``.

        Parameters
        ----------
        output : str or int, optional
            A class; by default all of `output_names`.
        """
        wanted = self._shown() if output is None else [self.output_index(output)]
        n, m = self.n_rows, len(self.column_names)
        texts = [text for name in self.column_names for text in value_texts(self.data[name])]
        numbers = pl.concat([numbers_of(self.data[name]).rename("number") for name in self.column_names])
        names = pl.Series(self._names(wanted), dtype=pl.String)
        return pl.DataFrame(
            {
                "row": np.tile(np.arange(n), m * len(wanted)),
                "output": names.gather(np.repeat(np.arange(len(wanted)), n * m)),
                "column": pl.Series(self.column_names).gather(np.tile(np.repeat(np.arange(m), n), len(wanted))),
                "value": pl.Series(texts * len(wanted), dtype=pl.String),
                "number": pl.concat([numbers] * len(wanted)),
                "shap_value": self.shap_values[:, :, wanted].transpose(2, 1, 0).ravel(),
            }
        )

    def importance(self, *, by_output: bool = False) -> pl.DataFrame:
        """Rank columns by mean absolute SHAP value.

        Parameters
        ----------
        by_output : bool
            One row for each column and shown output (``output``), instead of the sum over the outputs.

        Returns
        -------
        DataFrame
            ``column``, ``mean_abs_shap``, largest first.
        """
        shown = self._shown()
        size = np.zeros((self.data.width, len(shown)))
        if self.n_rows:
            size = np.abs(self.shap_values[:, :, shown]).mean(axis=0)
        order = np.argsort(-size.sum(axis=1), kind="stable")
        columns = [self.column_names[c] for c in order]
        if not by_output:
            return pl.DataFrame({"column": columns, "mean_abs_shap": size.sum(axis=1)[order]})
        return pl.DataFrame(
            {
                "column": [name for name in columns for _ in shown],
                "output": self._names(shown) * len(columns),
                "mean_abs_shap": size[order].ravel(),
            }
        )

    def row_frame(self, row: int = 0, output: str | int | None = None) -> pl.DataFrame:
        """Give one row's values, largest first: ``column``, ``value`` (in words), ``shap_value``."""
        row = self.check_row(row)
        shap_values = self.shap_values[row, :, self.output_index(output, row=row)]
        values = [value_texts(self.data[name].slice(row, 1))[0] for name in self.column_names]
        frame = pl.DataFrame({"column": self.column_names, "value": values, "shap_value": shap_values})
        return frame.sort(pl.col("shap_value").abs(), descending=True, maintain_order=True)

    def output_title(self, index: int) -> str:
        """Say what an output is, for axes and sentences."""
        if self.classes is None:
            return f"predicted {self.target}"
        return f"{self.output_space} of {self.target} = {self.classes[index]}"

    def words(self, row: int = 0, output: str | int | None = None, *, max_columns: int = 5) -> str:
        """Tell one row's explanation in sentences."""
        row = self.check_row(row)
        index = self.output_index(output, row=row)
        frame = self.row_frame(row, None if self.classes is None else self.classes[index])
        return sentence(
            output=("the " if self.classes else "") + self.output_title(index),
            prediction=float(self.outputs[row, index]),
            base_value=float(self.base_values[index]),
            background=f"{self.background_rows} background rows" if self.background_rows else "the training rows",
            contributions=[(str(column), str(value), float(shap)) for column, value, shap in frame.iter_rows()],
            max_columns=max_columns,
        )

    def plot(
        self,
        kind: PlotKind = "importance",
        *,
        column: str | None = None,
        row: int = 0,
        output: str | int | None = None,
        max_columns: int | None = None,
        title: str | None = None,
    ) -> go.Figure:
        """Draw importance, beeswarm, the dependence on one column, or the waterfall of one row.

        Raises
        ------
        ExplainError
            If the kind, column, row or class isn't known.
        """
        from workbench.explain.pictures import draw

        return draw(self, kind, column=column, row=row, output=output, max_columns=max_columns, title=title)

    def save(self, folder: Path | str) -> None:
        """Store ``values.parquet`` (rows and SHAP values) and ``explanation.json``, which comes last.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        from workbench.explain.files import write_explanation

        write_explanation(Path(folder), self)

    def describe(self) -> dict[str, Any]:
        """Give everything but rows and values."""
        names = (
            "classes",
            "target",
            "output_space",
            "engine",
            "method",
            "background_rows",
            "seed",
            "additivity_error",
            "seconds",
        )
        return {
            "column_names": self.column_names,
            "base_values": self.base_values.tolist(),
            **{name: getattr(self, name) for name in names},
        }

    @classmethod
    def load(cls, folder: Path | str) -> Explanation:
        """Open what `save` stored.

        Raises
        ------
        ExplainError
            If the folder holds no explanation, or one of another format.
        """
        from workbench.explain.files import read_explanation

        return read_explanation(Path(folder))

    def _shown(self) -> list[int]:
        if self.classes is None:
            return [0]
        return [1] if len(self.classes) == 2 else list(range(len(self.classes)))

    def _names(self, outputs: list[int]) -> list[str]:
        return [self.target if self.classes is None else str(self.classes[index]) for index in outputs]

    def check_row(self, row: int) -> int:
        """Refuse a row that the explanation doesn't have."""
        if not 0 <= row < self.n_rows:
            raise ExplainError(
                f"Got row {row}, needed one from 0 to {self.n_rows - 1}. The explanation has {self.n_rows:,} rows."
            )
        return row


def additivity_error(shap_values: np.ndarray, base_values: np.ndarray, outputs: np.ndarray) -> float:
    """Give the largest distance of an output from base value plus SHAP values; 0 without rows."""
    gaps = np.abs(shap_values.sum(axis=1) + base_values - outputs)
    return float(gaps.max()) if gaps.size else 0.0
