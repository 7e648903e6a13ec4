"""Write the formulas of training into docs/training.md: ``python tools/make_formulas.py``.

A test fails when the page is out of step.
"""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "training.md"
_MARKED = re.compile(r"(<!-- formulas -->\n).*?(<!-- end of formulas -->)", re.DOTALL)


def with_formulas(page: str) -> str:
    """Give the page with its marked part written anew."""
    from workbench.estimators.formulas import as_markdown

    written, n_parts = _MARKED.subn(lambda found: f"{found[1]}\n{as_markdown()}\n\n{found[2]}", page)
    if n_parts != 1:
        raise SystemExit(f"Got {PAGE} with {n_parts} marked parts, needed one between the two comments. Put them back.")
    return written


if __name__ == "__main__":
    PAGE.write_text(with_formulas(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
