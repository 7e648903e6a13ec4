"""The table: an immutable set of rows with a digest, and what its columns are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from workbench.data import integrity, stored_rows
from workbench.data.columns import Column as Column
from workbench.data.columns import describe_columns as describe_columns
from workbench.data.columns import nearest as nearest
from workbench.data.spec import Task
from workbench.errors import DataError, StorageError, TargetError
from workbench.settings import Settings, current

if TYPE_CHECKING:
    from workbench.data.associations import Associations
    from workbench.data.profile import Profile

SHORT_DIGEST = 12


class Table:
    """Rows that never change, known by the digest of their contents.

    Tables come from `read_table`, `sample`, `open_table` or `resolve`. Opening one reads its schema only; the rows are
    read when `frame` is first called.

    Parameters
    ----------
    digest : str
        SHA-256 of the contents, in hexadecimal digits; the first 12 are enough wherever a table is named.
    name : str
        Name to show.
    target : str, optional
        Column to predict.
    origin : dict
        Where the rows came from, and under ``reader`` what was recognised in the file.
    columns : list of Column
    n_rows : int
    path : Path, optional
        Parquet file with the rows; not needed where `frame` is given.
    frame : DataFrame, optional
        The rows, where they are in memory already.
    n_bytes : int, optional
        Memory that all rows take as a frame; found out when it is absent.
    """

    def __init__(
        self,
        *,
        digest: str,
        name: str,
        target: str | None,
        origin: dict[str, Any],
        columns: list[Column],
        n_rows: int,
        path: Path | None = None,
        frame: pl.DataFrame | None = None,
        n_bytes: int | None = None,
    ) -> None:
        self.digest = digest
        self.name = name
        self.origin = origin
        self.columns = columns
        self.n_rows = n_rows
        self.path = path
        self._frame = frame
        self._n_bytes = n_bytes
        self._profile: Profile | None = None
        self._leaks: dict[str, dict[str, str]] = {}
        self._associations: dict[tuple[str | None, str | None], Associations] = {}
        self._by_name = {column.name: column for column in columns}
        if target is not None:
            check_target_name(target, self._by_name, name=self.name)
        self.target = target

    def __repr__(self) -> str:
        target = f", target={self.target!r}" if self.target else ""
        return (
            f"Table({self.name!r}, {self.n_rows:,} rows x {self.n_columns} columns{target}, digest={self.short_digest})"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and (self.digest, self.target) == (other.digest, other.target)

    def __hash__(self) -> int:
        return hash((self.digest, self.target))

    @property
    def short_digest(self) -> str:
        """First 12 digits of the digest, as used in addresses and RunSpecs."""
        return self.digest[:SHORT_DIGEST]

    @property
    def source(self) -> str:
        """What `DataSpec.source` calls this table: the name of a sample or of Keras' data set, or the short digest."""
        return str(self.origin.get("sample") or self.origin.get("keras") or self.short_digest)

    @property
    def n_columns(self) -> int:
        """Number of columns, the target included."""
        return len(self.columns)

    def column(self, name: str) -> Column:
        """Give one column.

        Raises
        ------
        DataError
            If there is no column of that name.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise DataError(
                f"Got column {name!r}, needed one of the {self.n_columns} columns of {self.name}."
                f"{nearest(name, self._by_name) or ' Look at the columns of the table.'}"
            ) from None

    @property
    def orders(self) -> dict[str, tuple[str, ...]]:
        """The words of each ordered category, the lowest first."""
        return {column.name: column.order for column in self.columns if column.order}

    @property
    def n_bytes(self) -> int:
        """Memory that all rows take as a frame."""
        if self._n_bytes is None:
            self._n_bytes = int(self.frame().estimated_size())
        return self._n_bytes

    def fits(self, settings: Settings | None = None) -> bool:
        """Whether all rows together take no more memory than ``max_table_mib`` allows a run."""
        return self.n_bytes <= (settings or current()).max_table_mib * 1024 * 1024

    def frame(self) -> pl.DataFrame:
        """Give all rows. A table that may be large is better read by `batches`, `take` or `sampled`.

        Raises
        ------
        StorageError
            If the stored rows can't be read.
        """
        if self._frame is None:
            self._frame = self._read(None)
        return self._frame

    def batches(
        self, columns: Sequence[str] | None = None, *, n_rows: int = stored_rows.BATCH_ROWS
    ) -> Iterator[tuple[int, pl.DataFrame]]:
        """Give the whole table in order, a batch at a time, each with the position of its first row.

        Parameters
        ----------
        columns : sequence of str, optional
            Those to read; all by default.
        n_rows : int
            Rows of a batch.

        Raises
        ------
        StorageError
            If the stored rows can't be read.

        Examples
        --------
        >>> from workbench.data import sample
        >>> [(start, batch.height) for start, batch in sample("iris").batches(["species"], n_rows=100)]
        [(0, 100), (100, 50)]
        """
        if self._frame is not None:
            rows = self._frame if columns is None else self._frame.select(list(columns))
            yield from stored_rows.slice_batches(rows, n_rows=n_rows)
            return
        with self._readable() as path:
            yield from stored_rows.read_batches(path, self.n_rows, columns, n_rows=n_rows)

    def take(self, positions: np.ndarray, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Give the rows at these positions, in this order, without holding the whole table.

        Raises
        ------
        StorageError
            If the stored rows can't be read.
        """
        if self._frame is not None:
            rows = self._frame if columns is None else self._frame.select(list(columns))
            return rows[positions]
        with self._readable(whole=False) as path:
            return stored_rows.take_rows(path, self.n_rows, positions, columns)

    def sampled(self, n_rows: int, *, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
        """Give rows drawn evenly at random, in the order of the table, and their positions.

        Up to 10,000 rows come from a sample that is kept beside the table, so they are quick to get from any size.

        Raises
        ------
        StorageError
            If the stored rows can't be read.
        """
        positions = stored_rows.draw_positions(self.n_rows, n_rows, seed=seed)
        kept = self.path.with_name(integrity.SAMPLE) if self.path else None
        if self._frame is None and n_rows <= stored_rows.SAMPLE_ROWS < self.n_rows and kept and _is_usable(kept):
            with self._readable(whole=False):
                return pl.read_parquet(kept)[stored_rows.draw_from_sample(n_rows, seed=seed)], positions
        return self.take(positions), positions

    def head(self, n: int = 10) -> pl.DataFrame:
        """Give the first `n` rows, without reading the others."""
        return self._frame.head(n) if self._frame is not None else self._read(n)

    def _read(self, n_rows: int | None) -> pl.DataFrame:
        with self._readable(whole=n_rows is None) as path:
            return pl.read_parquet(path, n_rows=n_rows)

    @contextmanager
    def _readable(self, *, whole: bool = True) -> Iterator[Path]:
        if self.path is None:
            raise StorageError(
                f"Got table {self.name!r} without rows or a file, needed one of them. Read the file again."
            )
        try:
            if problem := integrity.damage(self.path, up_to=None if whole else integrity.SOME_BYTES):
                raise StorageError(
                    f"The stored rows of table {self.name!r} are damaged: of {self.path.name}, {problem}. Read the "
                    "original file again; it is then stored anew."
                )
            yield self.path
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StorageError(
                f"Got unreadable rows of table {self.name!r} in {self.path} ({error}), needed Parquet. "
                "Read the original file again."
            ) from error

    @property
    def is_in_memory(self) -> bool:
        """Whether all rows have been read already."""
        return self._frame is not None

    def profile(self) -> Profile:
        """Summarize each column; computed once and kept beside the rows."""
        if self._profile is None:
            from workbench.data.profile import profile_of

            self._profile = profile_of(self)
        return self._profile

    def associations(self, target: str | None = None, *, first: str | None = None) -> Associations:
        """Say how closely each column goes with each other, or all with `target` only; on up to 20,000 rows.

        A map of all begins with the column `first`, by default the table's own target.

        Raises
        ------
        DataError
            If there is no such target.
        """
        key = (target, None if target is not None else first or self.target)
        if key not in self._associations:
            from workbench.data.associations import associations

            self._associations[key] = associations(self, target=target, first=key[1])
        return self._associations[key]

    def leaks(self, target: str) -> dict[str, str]:
        """Find the columns that give a target away, each with the reason; computed once for each target."""
        if target not in self._leaks:
            from workbench.data.leakage import leaks_of

            self._leaks[target] = leaks_of(self, target)
        return self._leaks[target]

    def with_target(self, target: str | None) -> Table:
        """Give the same table with another column to predict.

        Raises
        ------
        TargetError
            If there is no such column.
        """
        return self._replace(target=target)

    def _replace(self, *, target: str | None, name: str | None = None) -> Table:
        return Table(
            digest=self.digest,
            name=name or self.name,
            target=target,
            origin=self.origin,
            columns=self.columns,
            n_rows=self.n_rows,
            path=self.path,
            frame=self._frame,
            n_bytes=self._n_bytes,
        )

    def suggested_task(self, target: str | None = None) -> Task:
        """Suggest regression for numbers with fractions or more than 20 different values, else classification.

        Raises
        ------
        TargetError
            If no target is given or set, or there is no such column.
        """
        name = target or self.target
        if name is None:
            raise TargetError(
                f"Got no target for table {self.name!r}, needed the column to predict. Pass target='...'."
            )
        check_target_name(name, self._by_name, name=self.name)
        from workbench.data.targets import suggest_task

        column = self._by_name[name]
        if not pl.Series([], dtype=_numeric(column.dtype)).dtype.is_numeric():
            return "classification"
        if column.n_unique > 20:
            return "regression"
        if not column.dtype.startswith(("Float", "Decimal")):
            return "classification"  # said without reading the rows, which may be gigabytes of images
        return suggest_task(self.frame()[name])

    def schema_document(self) -> dict[str, Any]:
        """Give the content of ``schema.json``."""
        columns = [asdict(column) for column in self.columns]
        return {"format": 1, "n_rows": self.n_rows, "n_bytes": self.n_bytes, "columns": columns}


def check_target_name(target: str, columns: Iterable[str], *, name: str) -> None:
    """Refuse a target that isn't among the columns.

    Raises
    ------
    TargetError
    """
    names = list(columns)
    if target not in names:
        shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        raise TargetError(
            f"Got target {target!r}, needed one of the {len(names)} columns of {name} ({shown})."
            f"{nearest(target, names) or ' Choose one of them.'}"
        )


def _is_usable(sample: Path) -> bool:
    """Whether the sample beside the rows may be read; a damaged one is passed over, since the rows hold it, too."""
    return sample.exists() and not integrity.damage(sample)


def _numeric(dtype: str) -> Any:
    return pl.Float64 if dtype.startswith(("Int", "UInt", "Float", "Decimal")) else pl.String
