"""One format for every explanation, whichever engine computed it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from workbench import storage
from workbench.errors import ExplainError
from workbench.explain.wording import numbers_of, sentence, value_texts

if TYPE_CHECKING:
    import plotly.graph_objects as go

FORMAT_VERSION = 1
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
        if self.classes is None:
            return [self.target]
        return [str(label) for label in (self.classes[1:] if len(self.classes) == 2 else self.classes)]

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
        wanted = self.output_names if output is None else [output]
        texts = {name: value_texts(self.data[name]) for name in self.column_names}
        numbers = {name: numbers_of(self.data[name]) for name in self.column_names}
        rows = np.arange(self.n_rows)
        parts = [
            pl.DataFrame(
                {
                    "row": rows,
                    "output": [str(name)] * self.n_rows,
                    "column": [column] * self.n_rows,
                    "value": pl.Series(texts[column], dtype=pl.String),
                    "number": numbers[column].rename("number"),
                    "shap_value": self.shap_values[:, c, self.output_index(name if self.classes else None)],
                },
                schema_overrides={"output": pl.String, "column": pl.String},
            )
            for name in wanted
            for c, column in enumerate(self.column_names)
        ]
        return pl.concat(parts)

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
        long = (
            self.frame()
            .group_by("column", "output", maintain_order=True)
            .agg(mean_abs_shap=pl.col("shap_value").abs().mean())
        )
        total = long.group_by("column", maintain_order=True).agg(pl.col("mean_abs_shap").sum())
        total = total.sort("mean_abs_shap", descending=True, maintain_order=True)
        if not by_output:
            return total
        return total.select("column").join(long, on="column", how="left", maintain_order="left")

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
        folder = Path(folder)
        n, m, k = self.shap_values.shape
        wide = {f"data:{name}": self.data[name] for name in self.column_names}
        wide |= {f"shap:{c}:{j}": pl.Series(self.shap_values[:, c, j]) for c in range(m) for j in range(k)}
        wide |= {f"output:{j}": pl.Series(self.outputs[:, j]) for j in range(k)}
        buffer = io.BytesIO()
        pl.DataFrame(wide).write_parquet(buffer)
        storage.write_atomic(folder / "values.parquet", buffer.getvalue())
        storage.write_json(
            folder / "explanation.json", {"format_version": FORMAT_VERSION, "shape": [n, m, k], **self.describe()}
        )

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
        folder = Path(folder)
        document = storage.read_json(folder / "explanation.json")
        if document is None or document.pop("format_version", None) != FORMAT_VERSION:
            raise ExplainError(f"Got {folder} without an explanation of format {FORMAT_VERSION}. Compute it again.")
        n, m, k = document.pop("shape")
        names = document.pop("column_names")
        wide = pl.read_parquet(folder / "values.parquet")
        data = wide.select([pl.col(f"data:{name}").alias(name) for name in names])
        values = np.empty((n, m, k))
        for c in range(m):
            for j in range(k):
                values[:, c, j] = wide[f"shap:{c}:{j}"].to_numpy()
        outputs = np.column_stack([wide[f"output:{j}"].to_numpy() for j in range(k)])
        base_values = np.array(document.pop("base_values"), dtype=np.float64)
        return cls(shap_values=values, base_values=base_values, outputs=outputs, data=data, **document)

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
