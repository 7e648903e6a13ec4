"""Published models: numbered versions, aliases, promotion, rollback and the audit of all of it.

The folder is a Triton model repository: ``<name>/<number>/model.onnx``.
"""

from __future__ import annotations

from workbench.registry.auditing import audit
from workbench.registry.names import CHAMPION, check_name, parse_reference, suggest_name, suggest_name_of
from workbench.registry.promotion import promote, rollback
from workbench.registry.publishing import publish
from workbench.registry.repository import Version, load_model, models, resolve, versions

__all__ = [
    "CHAMPION",
    "Version",
    "audit",
    "check_name",
    "load_model",
    "models",
    "parse_reference",
    "promote",
    "publish",
    "resolve",
    "rollback",
    "suggest_name",
    "suggest_name_of",
    "versions",
]
