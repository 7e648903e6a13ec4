"""The normal distribution's quantile function, which ONNX has no operator for."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.graph.arithmetic import number
from workbench.graph.builder import GraphBuilder

# Numerators and denominators of algorithm AS 241 (PPND16), lowest power first.
_CENTRE = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
_MIDDLE = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
_TAIL = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip


def normal_quantile(graph: GraphBuilder, rank: str) -> str:
    """Give the normal distribution's quantile of each rank strictly between 0 and 1, to about 15 digits.

    Source: Wichura, Algorithm AS 241: The Percentage Points of the Normal Distribution, Applied Statistics 37, 1988.
    """
    half, zero = number(graph, 0.5), number(graph, 0.0)
    offset = graph.node("Sub", rank, half)
    squared = graph.node("Mul", offset, offset)
    centre = graph.node("Mul", offset, _ratio(graph, graph.node("Sub", number(graph, 0.180625), squared), _CENTRE))

    negative = graph.node("Less", offset, zero)
    outside = graph.node("Where", negative, rank, graph.node("Sub", number(graph, 1.0), rank))
    root = graph.node("Sqrt", graph.node("Neg", graph.node("Log", outside)))
    middle = _ratio(graph, graph.node("Sub", root, number(graph, 1.6)), _MIDDLE)
    tail = _ratio(graph, graph.node("Sub", root, number(graph, 5.0)), _TAIL)
    size = graph.node("Where", graph.node("LessOrEqual", root, number(graph, 5.0)), middle, tail)
    signed = graph.node("Where", negative, graph.node("Neg", size), size)
    is_centre = graph.node("LessOrEqual", graph.node("Abs", offset), number(graph, 0.425))
    return str(graph.node("Where", is_centre, centre, signed))


def _ratio(graph: GraphBuilder, tensor: str, coefficients: Sequence[Sequence[float]]) -> str:
    upper, lower = (_polynomial(graph, tensor, values) for values in coefficients)
    return str(graph.node("Div", upper, lower))


def _polynomial(graph: GraphBuilder, tensor: str, coefficients: Sequence[float]) -> str:
    result = number(graph, coefficients[-1])
    for value in reversed(coefficients[:-1]):
        result = graph.node("Add", graph.node("Mul", result, tensor), number(graph, value))
    return result
