"""Formats beside delimited text: each a small reader that gives batches of rows and says what it recognised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazily import lazily

if TYPE_CHECKING:
    from workbench.data.formats.databases import is_connection as is_connection
    from workbench.data.formats.databases import read_database as read_database
    from workbench.data.formats.opened import Reading as Reading
    from workbench.data.formats.opening import Member as Member
    from workbench.data.formats.opening import open_format as open_format
    from workbench.data.formats.opening import open_member as open_member
    from workbench.data.formats.recognizing import ENDINGS as ENDINGS

_HOMES = {
    "ENDINGS": "recognizing",
    "Member": "opening",
    "Reading": "opened",
    "is_connection": "databases",
    "open_format": "opening",
    "open_member": "opening",
    "read_database": "databases",
}

__all__ = [*_HOMES]

__getattr__ = lazily(__name__, _HOMES)
