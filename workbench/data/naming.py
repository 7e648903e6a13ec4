"""What people call a table: RunSpecs name a stored one by its digest, and lists by its name.

Loads nothing that reads tables, since lists of runs ask it.
"""

from __future__ import annotations

import re
import unicodedata

from workbench.errors import StorageError
from workbench.settings import Settings, current
from workbench.storage import read_json

_DIGEST = re.compile(r"[0-9a-f]{6,64}", re.IGNORECASE)
_LETTERS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "ø": "o", "æ": "ae"}
)


def source_name(source: str, *, settings: Settings | None = None) -> str:
    """Give the name that people know a RunSpec's source by: of a stored table its name instead of its digest.

    A sample, a file, a database, and a table that is gone keep what the RunSpec calls them.
    """
    if not _DIGEST.fullmatch(source):
        return source
    try:
        found = [path for path in (settings or current()).tables.glob(f"{source.lower()}*") if path.is_dir()]
        document = read_json(found[0] / "origin.json", default=None) if len(found) == 1 else None
    except (OSError, StorageError):  # whoever opens the table is told
        return source
    return str((document or {}).get("name") or source)


def as_file_name(text: str) -> str:
    """Turn a table's name into letters, digits, dots, dashes and underscores; empty where nothing is left.

    Examples
    --------
    >>> as_file_name("Überfällige Kunden (2024)"), as_file_name("顧客")
    ('Ueberfaellige-Kunden-2024', '')
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", text).translate(_LETTERS))
    kept = re.sub(r"[^A-Za-z0-9._-]+", "-", plain.encode("ascii", "ignore").decode())
    return re.sub(r"-{2,}", "-", kept).strip("-._")
