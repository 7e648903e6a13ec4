"""The prediction service over HTTP: the Open Inference Protocol V2 and a form for plain rows."""

from __future__ import annotations

from workbench.service.app import create_app
from workbench.service.server import serve

__all__ = ["create_app", "serve"]
