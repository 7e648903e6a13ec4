"""The only writer of ONNX nodes: recipes and estimators add their parts to one `GraphBuilder`."""

from __future__ import annotations

from workbench.graph.builder import IR_VERSION, ML_DOMAIN, ML_OPSET, OPSET, RUNTIME_DOMAIN, GraphBuilder, InputType

__all__ = ["IR_VERSION", "ML_DOMAIN", "ML_OPSET", "OPSET", "RUNTIME_DOMAIN", "GraphBuilder", "InputType"]
