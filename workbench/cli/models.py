"""Commands about models: publish, models, promote, rollback, predict."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.output import Json, moment, note, show, table, write_frame
from workbench.cli.tables import ModelOptions, parse_options

if TYPE_CHECKING:
    from workbench.data.spec import ReaderOptions
    from workbench.registry import Version

Note = Annotated[str, typer.Option("--note", help="A line for the audit: why.")]
Model = Annotated[str, typer.Argument(metavar="NAME", help="The model's name.", show_default=False)]
CHUNK_ROWS = 20_000
CHUNK_IMAGES = 1_000


def publish(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The id of a finished or stopped run.", show_default=False)],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The model's name: a-z, 0-9, - and _.", show_default=False)
    ],
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Publish a run as a version of a model.

    The first version goes live at once; later ones when they are promoted.
    """
    from workbench import registry
    from workbench.training.listing import open_run

    version = registry.publish(open_run(run), name, note=note)
    show(version.to_dict(), as_json, lambda: f"Published {version}. {_engine(version)}")


def models(as_json: Json = False) -> None:
    """List the models and their versions."""
    from workbench import registry

    listed = [version for name in registry.models() for version in registry.versions(name)]
    document: dict[str, dict[str, Any]] = {}
    for version in listed:
        entry = document.setdefault(version.name, {"name": version.name, "champion": None, "versions": []})
        entry["versions"].append(version.to_dict())
        if registry.CHAMPION in version.aliases:
            entry["champion"] = version.number
    show(list(document.values()), as_json, lambda: _models_table(listed))


def promote(
    name: Model,
    number: Annotated[
        int, typer.Argument(metavar="NUMBER", help="The version to make live.", min=1, show_default=False)
    ],
    alias: Annotated[str, typer.Option(help="The alias to move; a bare name means `champion`.")] = "champion",
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Make a version live.

    The service answers with it from the next request on.
    """
    from workbench import registry

    version = registry.promote(name, number, alias, note=note)
    show(version.to_dict(), as_json, lambda: f"{name} version {number} is {alias} now.")


def rollback(
    name: Model,
    alias: Annotated[str, typer.Option(help="The alias to move back.")] = "champion",
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Go back to the version before."""
    from workbench import registry

    version = registry.rollback(name, alias, note=note)
    show(version.to_dict(), as_json, lambda: f"{name} version {version.number} is {alias} again.")


def predict(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="NAME (its champion), NAME@ALIAS or NAME/NUMBER.", show_default=False)
    ],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A table; of images also a file, folder or zip.", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write the CSV here instead of to stdout.", dir_okay=False, show_default=False
        ),
    ] = None,
    option: ModelOptions = None,
    as_json: Json = False,
) -> None:
    """Predict the rows of a file.

    Writes CSV with `prediction` and `probability_<class>`, one line for each row of the file, in its order. The file is
    read first as the training table was: with its marks, date order, missing-value words and so on.
    """
    from workbench import registry

    predictor = registry.load_model(model)
    predictions, ignored, misfits = _predict(predictor, file, parse_options(option))
    for misfit in misfits:
        note(misfit)
    if ignored:
        note(f"Ignored columns that the model doesn't take: {', '.join(ignored)}.")
    if as_json and output is None:
        document = {"model": model, "n_rows": predictions.height, "ignored_columns": ignored, "notes": misfits}
        show({**document, "predictions": predictions.to_dicts()}, True, str)
        return
    if output is None:
        predictions.write_csv(sys.stdout.buffer)
        return
    write_frame(predictions, output)
    document = {
        "model": model,
        "n_rows": predictions.height,
        "ignored_columns": ignored,
        "notes": misfits,
        "output": str(output),
    }
    if as_json:
        show(document, True, str)
    else:
        note(f"Wrote {predictions.height:,} predictions to {output}.")


def _predict(predictor: Any, file: Path, options: ReaderOptions | None) -> tuple[Any, list[str], list[str]]:
    """Give the predictions, the columns that the model doesn't take, and what of the file isn't as in training."""
    import polars as pl

    read = predictor.read_rows(file, options=options)
    if predictor.signature.image is not None:
        return _predict_images(predictor, read.frame), [], []
    checked = predictor.signature.check(read.frame)
    frame: pl.DataFrame = checked.frame
    # In pieces: the probabilities of a million rows and many classes needn't be in memory twice.
    pieces = [predictor.predict_frame(frame.slice(start, CHUNK_ROWS)) for start in range(0, frame.height, CHUNK_ROWS)]
    return pl.concat(pieces), checked.ignored, read.misfits


def _predict_images(predictor: Any, rows: Any) -> Any:
    """Predict images a few at a time, each beside the name of its file where it has one."""
    import polars as pl

    pieces = [predictor.predict_frame(rows.slice(start, CHUNK_IMAGES)) for start in range(0, rows.height, CHUNK_IMAGES)]
    answers = pl.concat(pieces)
    return pl.concat([rows.select("file"), answers], how="horizontal") if "file" in rows.columns else answers


def _engine(version: Version) -> str:
    if version.engine == "native":
        return "It predicts with the native model, since no graph agreed with it."
    difference = f"{version.max_difference:.1e}" if version.max_difference is not None else "unknown"
    return (
        f"One ONNX graph; largest difference to the native model {difference}, labels changed {version.labels_changed}."
    )


def _models_table(listed: list[Version]) -> str:
    if not listed:
        return "No models yet. Publish a run: workbench publish RUN NAME"
    return table(
        ["name", "version", "alias", "engine", "published", "test"],
        [(v.name, v.number, ", ".join(v.aliases), v.engine, moment(v.created), _metrics(v)) for v in listed],
    )


def _metrics(version: Version) -> str:
    if version.problem:
        return version.problem
    shown = [key for key in ("accuracy", "roc_auc", "r2", "rmse") if key in version.metrics.get("test", {})]
    return ", ".join(f"{key} {version.metrics['test'][key]:.4g}" for key in shown)


commands = (publish, models, promote, rollback, predict)
