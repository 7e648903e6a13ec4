"""A trained model as a folder: graph, signature, card, checksums; built with a parity check, loaded to predict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazily import lazily

if TYPE_CHECKING:
    from workbench.package.build import build_package as build_package
    from workbench.package.describing import make_signature as make_signature
    from workbench.package.info import PackageInfo as PackageInfo
    from workbench.package.info import package_info as package_info
    from workbench.package.inputs import CheckedRows as CheckedRows
    from workbench.package.inputs import InputColumn as InputColumn
    from workbench.package.manifest import verify_manifest as verify_manifest
    from workbench.package.manifest import write_manifest as write_manifest
    from workbench.package.predictor import Predictor as Predictor
    from workbench.package.predictor import load_native as load_native
    from workbench.package.predictor import load_predictor as load_predictor
    from workbench.package.proving import prove_package as prove_package
    from workbench.package.signature import Signature as Signature

_HOMES = {
    "CheckedRows": "inputs",
    "InputColumn": "inputs",
    "PackageInfo": "info",
    "Predictor": "predictor",
    "Signature": "signature",
    "build_package": "build",
    "load_native": "predictor",
    "load_predictor": "predictor",
    "make_signature": "describing",
    "package_info": "info",
    "prove_package": "proving",
    "verify_manifest": "manifest",
    "write_manifest": "manifest",
}

__all__ = [*_HOMES]

__getattr__ = lazily(__name__, _HOMES)
