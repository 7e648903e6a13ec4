"""A page as code, a run as a notebook or a script."""

from __future__ import annotations

from workbench.export.code import PAGES, Explained, as_code
from workbench.export.notebook import as_notebook, as_script, spec_from_notebook

__all__ = ["PAGES", "Explained", "as_code", "as_notebook", "as_script", "spec_from_notebook"]
