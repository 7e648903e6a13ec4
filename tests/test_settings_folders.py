"""Where tables, runs and models lie: what no variable names is found from the current folder upwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import workbench as wb
from workbench import settings as rules
from workbench.errors import SettingsError
from workbench.export import as_code, as_notebook, as_script
from workbench.settings import Settings, current, home_to_name

ROOT = Path(wb.__file__).resolve().parents[1]
SPEC = {"name": "flowers", "data": {"source": "iris", "target": "species"}, "estimator": {"name": "ridge"}}


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORKBENCH_HOME", "WORKBENCH_MODELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(rules, "_chosen", None)


def lying(folder: Path) -> tuple[Path, Path]:
    return folder / ".workbench", folder / "models"


def found() -> tuple[Path, Path]:
    return current().home.resolve(), current().models.resolve()


def test_the_nearest_home_above_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / "project" / "notebooks" / "drafts"
    deep.mkdir(parents=True)
    (tmp_path / "project" / ".workbench").mkdir()
    (tmp_path / ".workbench").mkdir()
    monkeypatch.chdir(deep)
    assert found() == lying(tmp_path / "project")
    assert "found above the current folder" in repr(wb.folders())
    (deep / ".workbench").mkdir()
    assert found() == lying(deep)


def test_a_notebook_of_the_checkout_finds_its_runs_and_demo_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "notebooks")  # as VS Code and plain Jupyter open it
    assert found() == lying(ROOT)
    assert "titanic" in wb.models()


def test_elsewhere_the_checkout_that_the_workbench_runs_from_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert found() == lying(ROOT)
    assert "checkout that this workbench runs from" in wb.folders().reason
    monkeypatch.setattr(rules, "_checkout", lambda: None)  # installed as a package
    assert found() == lying(tmp_path)


def test_variables_have_precedence_each_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".workbench").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "other"))
    assert found() == (tmp_path / "other", tmp_path / "models")
    wb.use_home(tmp_path / ".workbench")
    assert found()[0] == tmp_path / "other"
    assert "WORKBENCH_HOME" in repr(wb.folders())


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_home_in_a_folder_that_anybody_can_write_to_is_not_found_from_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, mine = tmp_path / "shared", tmp_path / "shared" / "mine"
    mine.mkdir(parents=True)
    (shared / ".workbench").mkdir()
    shared.chmod(0o777)
    monkeypatch.chdir(mine)
    assert found() == lying(ROOT)
    monkeypatch.chdir(shared)  # whoever goes there means it
    assert found() == lying(shared)


def test_a_chosen_home_holds_wherever_the_process_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    assert repr(wb.use_home("home")) == (
        f"Tables and runs lie in {tmp_path / 'home'} (chosen with use_home), models in {tmp_path / 'models'}."
    )
    monkeypatch.chdir("/")
    assert found() == (tmp_path / "home", tmp_path / "models")
    with pytest.raises(SettingsError, match=r"no folder .*gone on this machine\. Remove the line with use_home"):
        wb.use_home(tmp_path / "gone")


def test_exported_code_names_a_home_that_would_not_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, models = lying(ROOT)
    assert home_to_name(Settings(home=home, models=models)) is None  # each process of this installation finds it
    named = home_to_name(Settings(home=tmp_path / "home", models=tmp_path / "models"))
    (tmp_path / "home").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    code = as_code(None, "home", home=named)
    exec(compile(code, "home", "exec"), {})
    assert found() == (tmp_path / "home", tmp_path / "models")
    line = f'wb.use_home("{tmp_path / "home"}")'
    spec = wb.RunSpec.parse(SPEC)
    first = next(cell for cell in as_notebook(spec, home=named).cells if cell.cell_type == "code")
    assert line in code and line in as_script(spec, home=named) and line in first.source
    assert first.source.endswith("wb.folders()  # where tables, runs and models lie")
    assert wb.spec_from_notebook(as_notebook(spec, home=named)) == spec
    assert "use_home" not in as_script(spec) + as_code(spec, "train")


def test_a_run_on_a_relative_file_is_exported_and_asked_for_rows_from_any_folder(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    began_in = tmp_path / "began"
    began_in.mkdir()
    (began_in / "rows.csv").write_text("x,y\n" + "".join(f"{i},{2 * i}\n" for i in range(40)))
    monkeypatch.chdir(began_in)
    document = {**SPEC, "data": {"source": "rows.csv", "target": "y"}}
    run = wb.start(document, settings=settings).wait(120)
    assert run.status == "finished", run.reason
    rows = run.unseen_rows(3)
    monkeypatch.chdir(tmp_path)
    assert run.unseen_rows(3).equals(rows)
    assert str(began_in / "rows.csv") in as_script(run)
    (began_in / "rows.csv").write_text("x,y\n1,2\n")  # another file by now: the rows are those that it learned from
    assert run.unseen_rows(3).equals(rows)
