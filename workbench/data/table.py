"""The table: an immutable set of rows with a digest, and what its columns are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from workbench.data.kinds import count_unique, kind_of
from workbench.data.spec import Kind, Task
from workbench.errors import DataError, StorageError, TargetError

if TYPE_CHECKING:
    from workbench.data.profile import Profile

SHORT_DIGEST = 12


@dataclass(frozen=True)
class Column:
    """Name and nature of one column.

    Parameters
    ----------
    name : str
    kind : Kind
        What the column is for.
    dtype : str
        Polars type, as text.
    n_missing, n_unique : int
        Missing values, and different values that aren't missing.
    """

    name: str
    kind: Kind
    dtype: str
    n_missing: int
    n_unique: int


def describe_columns(frame: pl.DataFrame) -> list[Column]:
    """Decide the kind of each column and count its missing and different values."""
    n_unique = count_unique(frame)
    return [
        Column(
            name=series.name,
            kind=kind_of(series, n_unique=n_unique[series.name]),
            dtype=str(series.dtype),
            n_missing=series.null_count(),
            n_unique=n_unique[series.name],
        )
        for series in frame
    ]


def nearest(name: str, names: Iterable[str]) -> str:
    """Give ``" Did you mean 'age'?"``, or nothing where no name is near."""
    candidates = list(names)
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    found = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(by_lower[match]) for match in found)}?" if found else ""


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
    ) -> None:
        self.digest = digest
        self.name = name
        self.origin = origin
        self.columns = columns
        self.n_rows = n_rows
        self.path = path
        self._frame = frame
        self._profile: Profile | None = None
        self._leaks: dict[str, dict[str, str]] = {}
        self._by_name = {column.name: column for column in columns}
        if target is not None:
            self._check_target_name(target)
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
        """What `DataSpec.source` calls this table: the sample's name or the short digest."""
        return str(self.origin["sample"]) if "sample" in self.origin else self.short_digest

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

    def frame(self) -> pl.DataFrame:
        """Give all rows.

        Raises
        ------
        StorageError
            If the stored rows can't be read.
        """
        if self._frame is None:
            self._frame = self._read(None)
        return self._frame

    def head(self, n: int = 10) -> pl.DataFrame:
        """Give the first `n` rows, without reading the others."""
        return self._frame.head(n) if self._frame is not None else self._read(n)

    def _read(self, n_rows: int | None) -> pl.DataFrame:
        if self.path is None:
            raise StorageError(
                f"Got table {self.name!r} without rows or a file, needed one of them. Read the file again."
            )
        try:
            return pl.read_parquet(self.path, n_rows=n_rows)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StorageError(
                f"Got unreadable rows of table {self.name!r} in {self.path} ({error}), needed Parquet. "
                "Read the original file again."
            ) from error

    def profile(self) -> Profile:
        """Summarize each column; computed once."""
        if self._profile is None:
            from workbench.data.profile import profile_table

            self._profile = profile_table(self.frame(), columns=self.columns, target=self.target)
        return self._profile

    def leaks(self, target: str) -> dict[str, str]:
        """Find the columns that give a target away, each with the reason; computed once for each target."""
        if target not in self._leaks:
            from workbench.data.leakage import find_leaks

            self._leaks[target] = find_leaks(self.frame(), target, self.suggested_task(target))
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
        self._check_target_name(name)
        from workbench.data.targets import suggest_task

        column = self._by_name[name]
        if not pl.Series([], dtype=_numeric(column.dtype)).dtype.is_numeric():
            return "classification"
        if column.n_unique > 20:
            return "regression"
        return suggest_task(self.frame()[name])

    def _check_target_name(self, target: str) -> None:
        if target not in self._by_name:
            shown = ", ".join(list(self._by_name)[:8]) + (", ..." if self.n_columns > 8 else "")
            raise TargetError(
                f"Got target {target!r}, needed one of the {self.n_columns} columns of {self.name} ({shown})."
                f"{nearest(target, self._by_name) or ' Choose one of them.'}"
            )

    def schema_document(self) -> dict[str, Any]:
        """Give the content of ``schema.json``."""
        return {"format": 1, "n_rows": self.n_rows, "columns": [asdict(column) for column in self.columns]}


def _numeric(dtype: str) -> Any:
    return pl.Float64 if dtype.startswith(("Int", "UInt", "Float", "Decimal")) else pl.String
