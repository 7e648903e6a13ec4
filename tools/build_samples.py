"""Build the samples in workbench/data/samples from scikit-learn's bundled files and from three raw files.

Run it as ``python tools/build_samples.py FOLDER``, where FOLDER holds titanic3.csv, california_housing.csv.gz and
bike_sharing_day.csv (day.csv of the UCI repository's data set).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from workbench.data.digests import digest_of
from workbench.data.normalize import normalize_frame
from workbench.data.reading import find_file, parse_content
from workbench.data.sample_tables import FOLDER
from workbench.data.table import describe_columns
from workbench.settings import Settings
from workbench.storage import write_json

UCI = "CC BY 4.0 (UCI); taken from scikit-learn, BSD-3-Clause"


def _file(folder: Path, name: str) -> pl.DataFrame:
    import gzip

    path = find_file(folder / name)
    data = gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()
    return parse_content(data, name=name, settings=Settings())[0]


def _bundled(loader: str, target: str, labels: list[str] | None = None, **options: Any) -> pl.DataFrame:
    from sklearn import datasets

    bunch = getattr(datasets, loader)(**options)
    names = [str(name).replace(" (cm)", "").replace(" ", "_").replace("/", "_") for name in bunch.feature_names]
    frame = pl.DataFrame(bunch.data, schema=names, orient="row")
    frame = frame.with_columns(_whole(series) for series in frame)
    values = [labels[value] for value in bunch.target] if labels else bunch.target
    return frame.with_columns(_whole(pl.Series(target, values)))


def _whole(series: pl.Series) -> pl.Series:
    if series.dtype.is_float() and (series == series.round(0)).all():
        series = series.cast(pl.Int64)
    return series.cast(pl.UInt8) if series.name.startswith("pixel_") else series


SAMPLES: dict[str, tuple[Callable[[Path], pl.DataFrame], dict[str, str]]] = {
    "titanic": (
        lambda folder: _file(folder, "titanic3.csv"),
        {
            "title": "Titanic",
            "description": (
                "Passengers of the Titanic and whether they survived; "
                "names, missing ages, and two columns (boat, body) that give the answer away."
            ),
            "target": "survived",
            "task": "classification",
            "source": "Encyclopedia Titanica; titanic3 of F. Harrell's data sets, Vanderbilt University",
            "licence": "Free to use",
        },
    ),
    "iris": (
        lambda folder: _bundled("load_iris", "species", ["setosa", "versicolor", "virginica"]),
        {
            "title": "Iris",
            "description": "Length and width of petals and sepals in cm, three species with 50 flowers each.",
            "target": "species",
            "task": "classification",
            "source": (
                "R. A. Fisher, The use of multiple measurements in taxonomic problems, 1936; "
                "UCI Machine Learning Repository"
            ),
            "licence": UCI,
        },
    ),
    "wine": (
        lambda folder: _bundled("load_wine", "cultivar", ["cultivar_1", "cultivar_2", "cultivar_3"]),
        {
            "title": "Wine",
            "description": "Thirteen chemical measurements of wines from three cultivars of one Italian region.",
            "target": "cultivar",
            "task": "classification",
            "source": "M. Forina and others, PARVUS, 1988; UCI Machine Learning Repository",
            "licence": UCI,
        },
    ),
    "breast_cancer": (
        lambda folder: _bundled("load_breast_cancer", "diagnosis", ["malignant", "benign"]),
        {
            "title": "Breast cancer (Wisconsin)",
            "description": "Thirty measurements of cell nuclei from images of breast masses, malignant or benign.",
            "target": "diagnosis",
            "task": "classification",
            "source": "W. H. Wolberg, W. N. Street, O. L. Mangasarian, 1995; UCI Machine Learning Repository",
            "licence": UCI,
        },
    ),
    "diabetes": (
        lambda folder: _bundled("load_diabetes", "progression", scaled=False),
        {
            "title": "Diabetes",
            "description": "Ten measurements of 442 patients and how far the disease had progressed a year later.",
            "target": "progression",
            "task": "regression",
            "source": "Efron, Hastie, Johnstone, Tibshirani, Least angle regression, Annals of Statistics, 2004",
            "licence": "Free to use; taken from scikit-learn, BSD-3-Clause",
        },
    ),
    "digits": (
        lambda folder: _bundled("load_digits", "digit"),
        {
            "title": "Handwritten digits",
            "description": "Images of handwritten digits, 8 by 8 pixels of 0 (white) to 16 (black), one column each.",
            "target": "digit",
            "task": "classification",
            "source": "E. Alpaydin, C. Kaynak, 1998; UCI Machine Learning Repository",
            "licence": UCI,
        },
    ),
    "california_housing": (
        lambda folder: _file(folder, "california_housing.csv.gz"),
        {
            "title": "California housing",
            "description": (
                "Blocks of the 1990 census in California and their median house value in dollars, capped at 500,001."
            ),
            "target": "median_house_value",
            "task": "regression",
            "source": (
                "R. K. Pace, R. Barry, Sparse spatial autoregressions, 1997; variant of A. "
                "Geron's handson-ml2 with ocean_proximity"
            ),
            "licence": "Free to use; variant under Apache-2.0",
        },
    ),
    "bike_sharing": (
        lambda folder: _file(folder, "bike_sharing_day.csv").drop("instant"),
        {
            "title": "Bike sharing",
            "description": (
                "Rentals of each day of 2011 and 2012 in Washington, D.C., with date, weather and holidays; "
                "casual and registered add up to the answer (cnt)."
            ),
            "target": "cnt",
            "task": "regression",
            "source": (
                "H. Fanaee-T, J. Gama, Event labeling combining ensemble detectors and background knowledge, "
                "Progress in Artificial Intelligence, 2013; UCI Machine Learning Repository"
            ),
            "licence": "CC BY 4.0 (UCI)",
        },
    ),
}


def main(folder: Path) -> None:
    """Write each sample's Parquet file, and sources.json."""
    documents = {}
    for name, (build, document) in SAMPLES.items():
        frame, _ = normalize_frame(build(folder), name=name, max_columns=1_000)
        path = FOLDER / f"{name}.parquet"
        FOLDER.mkdir(exist_ok=True)
        frame.write_parquet(path, compression="zstd", compression_level=19, statistics=False)
        documents[name] = {
            "name": name,
            **document,
            "n_rows": frame.height,
            "n_columns": frame.width,
            "digest": digest_of(frame),
            "columns": [asdict(column) for column in describe_columns(frame)],
        }
        print(f"{name}: {frame.height} x {frame.width}, {path.stat().st_size / 1024:.0f} KiB")
    write_json(FOLDER / "sources.json", documents)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
