"""The prediction service over HTTP: the Open Inference Protocol V2 and a form for plain rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.service.app import create_app as create_app
    from workbench.service.server import serve as serve

_HOMES = {"create_app": "app", "serve": "server"}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    # Whoever only wants to know whether a port is free needn't load the web framework.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
