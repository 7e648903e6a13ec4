"""Tables in and out: reading, storing, samples, profile, split, and what a target must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazily import lazily

if TYPE_CHECKING:
    from workbench.data.describing_split import describe_split as describe_split
    from workbench.data.folds import fold_frame as fold_frame
    from workbench.data.folds import split_folds as split_folds
    from workbench.data.parts import Split as Split
    from workbench.data.profile import Profile as Profile
    from workbench.data.profile import profile_table as profile_table
    from workbench.data.reading import read_table as read_table
    from workbench.data.sample_tables import SampleInfo as SampleInfo
    from workbench.data.sample_tables import sample as sample
    from workbench.data.sample_tables import samples as samples
    from workbench.data.sources import open_table as open_table
    from workbench.data.sources import resolve as resolve
    from workbench.data.splitting import split_rows as split_rows
    from workbench.data.store import TableInfo as TableInfo
    from workbench.data.store import delete_table as delete_table
    from workbench.data.store import store_batches as store_batches
    from workbench.data.store import store_frame as store_frame
    from workbench.data.store import tables as tables
    from workbench.data.table import Column as Column
    from workbench.data.table import Table as Table
    from workbench.data.targets import check_target as check_target
    from workbench.data.targets import encode_target as encode_target

# A RunSpec imports this package for its spec alone, and must not pay for Polars.
_HOMES = {
    "Column": "table",
    "Table": "table",
    "TableInfo": "store",
    "delete_table": "store",
    "store_batches": "store",
    "store_frame": "store",
    "tables": "store",
    "read_table": "reading",
    "SampleInfo": "sample_tables",
    "sample": "sample_tables",
    "samples": "sample_tables",
    "open_table": "sources",
    "resolve": "sources",
    "Profile": "profile",
    "profile_table": "profile",
    "Split": "parts",
    "split_rows": "splitting",
    "split_folds": "folds",
    "fold_frame": "folds",
    "describe_split": "describing_split",
    "check_target": "targets",
    "encode_target": "targets",
}

__all__ = [*_HOMES]

__getattr__ = lazily(__name__, _HOMES)
