"""SHAP values in the user's own columns: on the graph here, or with the SHAP library in a worker.

Importing this loads neither SHAP nor scikit-learn nor TensorFlow.
"""

from workbench.explain.engines import explain
from workbench.explain.jobs import ExplanationJob, ExplanationState, open_explanation, start_explanation
from workbench.explain.occlusion import OcclusionMap, explain_image
from workbench.explain.result import Engine, Explanation, PlotKind
from workbench.explain.rows import explain_rows

__all__ = [
    "Engine",
    "Explanation",
    "ExplanationJob",
    "ExplanationState",
    "OcclusionMap",
    "PlotKind",
    "explain",
    "explain_image",
    "explain_rows",
    "open_explanation",
    "start_explanation",
]
