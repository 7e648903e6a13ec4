"""Estimators without a target, and those that combine finished runs."""

from __future__ import annotations

from workbench.estimators.entry import BOTH_TASKS, EstimatorEntry
from workbench.estimators.parameters import Parameter

_KMEANS = EstimatorEntry(
    name="kmeans",
    title="K-means",
    summary="Divides the rows into k groups, each around its mean.",
    strengths="Fast, and its groups are easy to describe; wants scaled columns and finds round groups best.",
    cost="Seconds, even with a million rows.",
    tasks=("clustering",),
    engine="sklearn",
    progress="rounds",
    handles_missing=False,
    needs_scaling=True,
    family="groups",
    formula=r"\min_{\mu_1,\dots,\mu_k} \sum_{i=1}^{n} \min_{j} \lVert x_i - \mu_j \rVert^2",
    parameters=(
        Parameter(
            "n_clusters",
            "int",
            None,
            "Number of groups; none tries 2 to 12 and keeps the number whose groups lie clearest apart (silhouette).",
            2,
            200,
            optional=True,
            none_means="find it",
        ),
        Parameter("n_init", "int", 5, "Starts from other random means; the best one is kept.", 1, 100),
        Parameter("max_iter", "int", 300, "Most steps of one start.", 1, 10_000, "log"),
    ),
)

_HDBSCAN = EstimatorEntry(
    name="hdbscan",
    title="HDBSCAN",
    summary="Finds groups as dense regions of any shape, and leaves sparse rows out as noise.",
    strengths="Finds the number of groups by itself and bears outliers; one number to set, with a plain meaning.",
    cost="Grows with the square of the rows: seconds up to 5,000, minutes up to 20,000.",
    tasks=("clustering",),
    engine="sklearn",
    progress="single",
    handles_missing=False,
    needs_scaling=True,
    family="groups",
    converts=False,
    max_rows=20_000,
    formula=r"d_{\mathrm{reach}}(a,b)=\max\{\mathrm{core}_m(a),\ \mathrm{core}_m(b),\ \lVert a-b\rVert\}",
    parameters=(
        Parameter("min_cluster_size", "int", 15, "Fewest rows that count as a group.", 2, 10_000, "log"),
        Parameter(
            "min_samples",
            "int",
            None,
            "Neighbours that make a place dense; more calls more rows noise.",
            1,
            1_000,
            "log",
            optional=True,
            none_means="as min_cluster_size",
        ),
        Parameter(
            "cluster_selection_epsilon",
            "float",
            0.0,
            "Groups nearer than this are joined; 0 joins none.",
            0.0,
            1e6,
        ),
    ),
)

_ISOLATION = EstimatorEntry(
    name="isolation_forest",
    title="Isolation forest",
    summary="Random trees that ask random questions: rows that few questions set apart are outliers.",
    strengths="Needs no scaling and no idea of what an outlier looks like; fast with many columns.",
    cost="Seconds; a small model.",
    tasks=("outlier_detection",),
    engine="sklearn",
    progress="single",
    handles_missing=False,
    needs_scaling=False,
    family="groups",
    formula=r"s(x)=2^{-\,\overline{h}(x)\,/\,c(m)}",
    parameters=(
        Parameter("n_estimators", "int", 200, "Number of trees; more is steadier.", 1, 5000, "log"),
        Parameter("max_samples", "int", 256, "Training rows that each tree looks at.", 2, 100_000, "log"),
        Parameter(
            "contamination",
            "float",
            None,
            "Share of the training rows that is to be called outliers.",
            0.0001,
            0.5,
            optional=True,
            none_means="score above 0.5",
        ),
    ),
)

_RUNS = Parameter(
    "runs",
    "names",
    (),
    "Finished runs on the same table, target, split and seed.",
    searched=False,
)

_STACKING = EstimatorEntry(
    name="stacking",
    title="Stacking",
    summary="Learns from the validation rows how much to trust which of several finished runs.",
    strengths="Usually a little better than the best of its runs, most where they err differently.",
    cost="Seconds to train; answers cost as much as all its runs together.",
    tasks=BOTH_TASKS,
    engine="ensemble",
    progress="single",
    handles_missing=True,
    needs_scaling=False,
    takes="runs",
    family="combined",
    sensible=False,
    formula=r"\hat p(x)=\mathrm{softmax}\Big(b+\sum_{r} W_r \log \hat p_r(x)\Big)",
    parameters=(
        _RUNS,
        Parameter("C", "float", 1.0, "Inverse strength of the penalty: smaller trusts runs alike.", 1e-5, 1e5, "log"),
    ),
)

_VOTING = EstimatorEntry(
    name="voting",
    title="Soft voting",
    summary="Averages the probabilities, or numbers, of several finished runs.",
    strengths="Nothing to learn, so nothing to overfit; steadier than each of its runs.",
    cost="Nothing to train; answers cost as much as all its runs together.",
    tasks=BOTH_TASKS,
    engine="ensemble",
    progress="single",
    handles_missing=True,
    needs_scaling=False,
    takes="runs",
    family="combined",
    sensible=False,
    formula=r"\hat p(x)=\frac{1}{R}\sum_{r=1}^{R}\hat p_r(x)",
    parameters=(_RUNS,),
)

ENTRIES = (_KMEANS, _HDBSCAN, _ISOLATION, _STACKING, _VOTING)
