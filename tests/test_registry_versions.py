"""Publishing, promoting, rolling back; with packages made by hand, so that no model is trained."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from workbench import registry
from workbench.errors import IntegrityError, ModelNotFoundError, PackageError, RegistryError, StorageError
from workbench.graph import GraphBuilder
from workbench.package import InputColumn, Signature, info, prove_package
from workbench.package.info import PackageInfo
from workbench.package.manifest import write_manifest
from workbench.registry import promotion, publishing
from workbench.registry.audit_lines import read_audit
from workbench.registry.auditing import live_versions
from workbench.registry.repository import read_aliases
from workbench.storage import write_json
from workbench.training.spec import SPEC_VERSION


@pytest.fixture
def package(tmp_path, settings):
    return make_package(tmp_path / "package", settings)


SIGNATURE = Signature("classification", "churned", ["no", "yes"], [InputColumn("age", "number", "number")])


def graph_of_age(column: str = "age", labels: tuple[str, ...] = ("no", "yes"), *, scale: float = 0.01) -> bytes:
    """Write the graph of a model whose probability of yes is the age in centuries."""
    graph = GraphBuilder()
    yes = graph.node("Mul", graph.input(column, "number"), graph.constant(np.array([scale])))
    scores = graph.node("Concat", graph.node("Sub", graph.constant(np.array([1.0])), yes), yes, axis=1)
    likely = graph.node("ArgMax", scores, axis=1, keepdims=0)
    label = graph.node("Gather", graph.constant(np.array(labels, dtype=object)), likely)
    graph.output("label", label, "string", [None])
    graph.output("probabilities", scores, "double", [None, 2])
    return graph.build().SerializeToString()


def make_package(folder: Path, settings, *, accuracy: float = 0.9, graph: bytes | None = None) -> Path:
    (folder / "native").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(graph_of_age() if graph is None else graph)
    (folder / "native" / "model.json").write_text("{}")
    write_json(folder / "signature.json", SIGNATURE.to_dict())
    write_json(folder / "spec.json", {"spec_version": 1})
    pl.DataFrame({"age": [20.0, 30.0, 80.0]}).write_parquet(folder / "background.parquet")
    (folder / "metrics.json").write_text(json.dumps({"test": {"accuracy": accuracy}}))
    info = PackageInfo(
        engine="onnx",
        max_difference=1e-8,
        labels_changed=0,
        n_rows_checked=10,
        reason="",
        latency_ms=0.1,
        native_latency_ms=1.0,
        estimator="baseline",
        created=0.0,
        versions={},
    )
    write_json(folder / "package.json", info.to_dict())
    write_manifest(folder, settings)
    return folder


def publish_three(package, settings) -> None:
    for _ in range(3):
        registry.publish(package, "churn", settings=settings)


def champion(settings, name: str = "churn") -> int:
    return registry.resolve(name, settings=settings).number


def test_the_first_version_goes_live_and_later_ones_do_not(package, settings):
    first = registry.publish(package, "churn", note="first try", by="ada", settings=settings)
    second = registry.publish(package, "churn", settings=settings)
    assert (first.number, first.aliases) == (1, ("champion",))
    assert (second.number, second.aliases) == (2, ())
    assert champion(settings) == 1
    assert [version.number for version in registry.versions("churn", settings=settings)] == [2, 1]
    assert registry.models(settings=settings) == ["churn"]
    line = registry.audit("churn", settings=settings)[0]
    assert {key: line[key] for key in ("action", "alias", "version", "previous", "by", "note")} == {
        "action": "publish",
        "alias": "champion",
        "version": 1,
        "previous": None,
        "by": "ada",
        "note": "first try",
    }
    assert abs(line["time"] - time.time()) < 60
    assert first.created == line["time"]


def test_a_version_is_a_copy_and_the_folder_a_triton_repository(package, settings):
    version = registry.publish(package, "churn", settings=settings)
    assert version.folder == settings.models / "churn" / "1"
    assert (version.folder / "model.onnx").read_bytes() == (package / "model.onnx").read_bytes()
    (package / "model.onnx").write_bytes(b"changed later")
    assert (version.folder / "model.onnx").read_bytes() == graph_of_age()
    assert version.metrics["test"] == {"accuracy": 0.9}
    folders = [entry.name for entry in (settings.models / "churn").iterdir() if entry.is_dir()]
    assert folders == ["1"]


@pytest.mark.parametrize("reference", ["churn", "churn@champion", "churn/2"])
def test_a_reference_names_a_version(package, settings, reference):
    publish_three(package, settings)
    registry.promote("churn", 2, settings=settings)
    assert registry.resolve(reference, settings=settings).number == 2


def test_rolling_back_walks_through_what_was_live(package, settings):
    publish_three(package, settings)
    registry.promote("churn", 2, settings=settings)
    registry.promote("churn", 3, settings=settings)
    assert registry.rollback("churn", settings=settings).number == 2
    assert registry.rollback("churn", settings=settings).number == 1
    with pytest.raises(RegistryError, match=r"no version was champion before version 1. Promote"):
        registry.rollback("churn", settings=settings)
    assert champion(settings) == 1
    registry.promote("churn", 3, settings=settings)
    assert registry.rollback("churn", settings=settings).number == 1
    actions = [
        (line["action"], line["version"], line["previous"]) for line in registry.audit("churn", settings=settings)
    ]
    assert actions[3:] == [
        ("promote", 2, 1),
        ("promote", 3, 2),
        ("rollback", 2, 3),
        ("rollback", 1, 2),
        ("promote", 3, 1),
        ("rollback", 1, 3),
    ]


def test_rolling_back_and_forth_returns_to_what_was_promoted_twice(package, settings):
    publish_three(package, settings)
    for number in (2, 1, 3):
        registry.promote("churn", number, settings=settings)
    assert [registry.rollback("churn", settings=settings).number for _ in range(3)] == [1, 2, 1]


def test_rolling_back_passes_over_a_deleted_version(package, settings):
    publish_three(package, settings)
    registry.promote("churn", 2, settings=settings)
    registry.promote("churn", 3, settings=settings)
    (settings.models / "churn" / "2").rename(settings.models / "gone")
    assert registry.rollback("churn", settings=settings).number == 1


def test_promoting_what_is_live_changes_nothing(package, settings):
    publish_three(package, settings)
    registry.promote("churn", 1, settings=settings)
    assert len(registry.audit("churn", settings=settings)) == 3


def test_another_alias_has_its_own_history(package, settings):
    publish_three(package, settings)
    registry.promote("churn", 2, "challenger", settings=settings)
    registry.promote("churn", 3, "challenger", settings=settings)
    assert registry.resolve("churn@challenger", settings=settings).number == 3
    assert registry.rollback("churn", "challenger", settings=settings).aliases == ("challenger",)
    assert champion(settings) == 1


def test_an_unknown_model_version_or_alias_lists_what_exists(package, settings):
    with pytest.raises(ModelNotFoundError, match=r"'churn', which doesn't exist. Models here: none yet"):
        registry.resolve("churn", settings=settings)
    publish_three(package, settings)
    with pytest.raises(ModelNotFoundError, match=r"'other', which doesn't exist. Models here: churn"):
        registry.versions("other", settings=settings)
    with pytest.raises(ModelNotFoundError, match=r"version 9 of churn.*its versions: 1, 2, 3"):
        registry.promote("churn", 9, settings=settings)
    with pytest.raises(ModelNotFoundError, match=r"no alias 'best'. Aliases: champion \(version 1\)"):
        registry.resolve("churn@best", settings=settings)
    with pytest.raises(ModelNotFoundError, match=r"needed NAME, NAME@ALIAS or NAME/NUMBER"):
        registry.resolve("../churn", settings=settings)


@pytest.mark.parametrize("name", ["", "Churn", "../x", "a/b", "a b", "-a", "a" * 65, "ä", ".hidden", "con.txt"])
def test_a_name_that_is_not_safe_is_refused(package, settings, name):
    with pytest.raises(RegistryError, match=r"needed 1 to 64 of a-z, 0-9, - and _"):
        registry.publish(package, name, settings=settings)
    assert not settings.models.exists()


def test_an_alias_that_looks_like_a_number_is_refused(package, settings):
    publish_three(package, settings)
    with pytest.raises(RegistryError, match=r"alias '7', needed"):
        registry.promote("churn", 2, "7", settings=settings)
    with pytest.raises(RegistryError, match=r"version '2', needed a whole number"):
        registry.promote("churn", "2", settings=settings)


def test_a_package_with_a_wrong_checksum_is_not_published(package, settings):
    (package / "model.onnx").write_bytes(b"b graph")
    with pytest.raises(IntegrityError, match="model.onnx"):
        registry.publish(package, "churn", settings=settings)
    assert registry.models(settings=settings) == []


def test_a_version_with_a_wrong_checksum_neither_goes_live_nor_loads(package, settings):
    publish_three(package, settings)
    registry.promote("churn", 2, settings=settings)
    registry.promote("churn", 3, settings=settings)
    (settings.models / "churn" / "2" / "model.onnx").write_bytes(b"b graph")
    with pytest.raises(IntegrityError, match="model.onnx"):
        registry.rollback("churn", settings=settings)
    with pytest.raises(IntegrityError, match="model.onnx"):
        registry.promote("churn", 2, settings=settings)
    with pytest.raises(IntegrityError, match="model.onnx"):
        registry.load_model("churn/2", settings=settings)
    assert champion(settings) == 3


def test_a_folder_without_a_package_is_not_published(tmp_path, settings):
    with pytest.raises(RegistryError, match=r"needed a finished package \(a folder with manifest.json\)"):
        registry.publish(tmp_path, "churn", settings=settings)


def test_a_disk_that_refuses_leaves_nothing_behind(package, settings, monkeypatch):
    def full(source, destination, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("workbench.registry.publishing.shutil.copyfile", full)
    with pytest.raises(StorageError, match=r"^Got no space left on the disk of .* Free some space and try again\.$"):
        registry.publish(package, "churn", settings=settings)
    assert registry.models(settings=settings) == []
    monkeypatch.undo()
    assert registry.publish(package, "churn", settings=settings).number == 1


PUBLISH = """
import sys
from pathlib import Path
from workbench import registry
from workbench.registry import publishing
from workbench.settings import Settings

settings = Settings(home=Path(sys.argv[1]) / "home", models=Path(sys.argv[1]) / "models")
if len(sys.argv) > 2:  # stand still in the middle, where the test kills
    import time

    whole = publishing._copy
    def half(source, destination):
        whole(source, destination)
        print("copying", flush=True)
        time.sleep(60)
    publishing._copy = half
print(registry.publish(Path(sys.argv[1]) / "package", "churn", settings=settings).number)
"""


def publisher(folder: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PUBLISH, str(folder), *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_publishing_twice_at_once_gives_two_numbers(package, settings, tmp_path):
    processes = [publisher(tmp_path) for _ in range(4)]
    numbers = []
    for process in processes:
        printed, problem = process.communicate(timeout=60)
        assert process.returncode == 0, problem
        numbers.append(int(printed))
    assert sorted(numbers) == [1, 2, 3, 4]
    audit = registry.audit("churn", settings=settings)
    assert [line["version"] for line in audit] == [1, 2, 3, 4]
    assert [line["alias"] for line in audit] == ["champion", None, None, None]


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_publish_leaves_no_half_version(package, settings, tmp_path):
    process = publisher(tmp_path, "slowly")
    assert process.stdout is not None and process.stdout.readline() == "copying\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert registry.models(settings=settings) == []
    assert registry.publish(package, "churn", settings=settings).number == 1
    left = [entry.name for entry in (settings.models / "churn").iterdir()]
    assert sorted(name for name in left if name != ".lock") == ["1", "aliases.json", "audit.jsonl"]


def test_an_alias_moved_without_an_audit_line_is_understood(tmp_path):
    def write(*moves: tuple[str, int]) -> None:
        lines = [json.dumps({"action": action, "alias": "champion", "version": n}) for action, n in moves]
        (tmp_path / "audit.jsonl").write_text("\n".join(lines) + "\n")

    write(("publish", 1), ("promote", 2), ("promote", 3))
    assert live_versions(tmp_path, "champion", 2) == [1, 2]  # a rollback that was killed before its line
    assert live_versions(tmp_path, "champion", 4) == [1, 2, 3, 4]  # a promotion that was
    write()
    assert live_versions(tmp_path, "champion", 4) == [4]


def test_damaged_aliases_say_which_file(package, settings):
    registry.publish(package, "churn", settings=settings)
    (settings.models / "churn" / "aliases.json").write_text('{"champion": "1"}')
    with pytest.raises(StorageError, match=r"aliases.json, needed"):
        registry.resolve("churn", settings=settings)


def test_a_damaged_version_is_listed_with_its_problem_and_hides_no_other(package, settings):
    publish_three(package, settings)
    (settings.models / "churn" / "2" / "package.json").write_text("{")
    listed = registry.versions("churn", settings=settings)
    assert [version.number for version in listed] == [3, 2, 1]
    assert [version.engine for version in listed] == ["onnx", "unknown", "onnx"]
    assert "package.json" in listed[1].problem
    assert (listed[0].max_difference, listed[0].labels_changed, listed[0].problem) == (1e-8, 0, "")


@pytest.mark.parametrize("aliases", ["{", "[1]", '{"champion": true}', '{"champion": "1"}'])
def test_damaged_aliases_are_the_problem_of_each_version_listed(package, settings, aliases):
    registry.publish(package, "churn", settings=settings)
    (settings.models / "churn" / "aliases.json").write_text(aliases)
    (listed,) = registry.versions("churn", settings=settings)
    assert (listed.number, listed.aliases, listed.engine) == (1, (), "onnx")
    assert "aliases.json" in listed.problem
    assert registry.resolve("churn/1", settings=settings).problem == listed.problem


def test_damaged_lines_of_the_audit_are_passed_over(package, settings):
    publish_three(package, settings)
    with (settings.models / "churn" / "audit.jsonl").open("a") as audit:
        audit.write('junk\n{"action": 3, "version": 1, "time": 1}\n{"action": "publish", "version": [1], "time": 1}\n')
        audit.write('{"action": "publish", "version": 2, "time": "never"}\n7\n')
    assert len(registry.audit("churn", settings=settings)) == 3
    assert all(version.created for version in registry.versions("churn", settings=settings))
    assert registry.promote("churn", 3, settings=settings).number == 3
    assert registry.rollback("churn", settings=settings).number == 1


@pytest.mark.parametrize("metrics", ["[]", '{"test": 3}', "{"])
def test_metrics_of_another_form_are_a_problem_of_their_version(package, settings, metrics):
    registry.publish(package, "churn", settings=settings)
    (settings.models / "churn" / "1" / "metrics.json").write_text(metrics)
    version = registry.resolve("churn", settings=settings)
    assert (version.metrics, "metrics.json" in version.problem) == ({}, True)


def test_the_number_of_a_deleted_version_is_not_given_again(package, settings):
    publish_three(package, settings)
    shutil.rmtree(settings.models / "churn" / "3")
    assert registry.publish(package, "churn", settings=settings).number == 4


@pytest.mark.parametrize("name", ["con", "nul", "com1", "lpt9"])
def test_a_name_that_is_a_device_on_windows_is_refused(package, settings, name):
    with pytest.raises(RegistryError, match=f"Windows keeps for a device.* Choose a name such as '{name}-model'"):
        registry.publish(package, name, settings=settings)


def test_other_files_in_the_repository_are_no_models(package, settings):
    registry.publish(package, "churn", settings=settings)
    (settings.models / "build_demo.py").write_text("")
    (settings.models / "empty").mkdir()
    (settings.models / "Notes").mkdir()
    (settings.models / "churn" / "01").mkdir()
    (settings.models / "churn" / "drafts").mkdir()
    assert registry.models(settings=settings) == ["churn"]
    assert [version.number for version in registry.versions("churn", settings=settings)] == [1]


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (b"no graph at all", r"ONNX Runtime refuses"),
        (graph_of_age("height"), r"graph and signature differ in the column 'age'"),
        (graph_of_age(labels=("yes", "no")), r"labels aren't the classes of its signature in their order"),
        (graph_of_age(scale=9.0), r"other values than 2 probabilities"),
    ],
)
def test_a_model_that_doesnt_keep_its_signature_never_goes_live(package, settings, tmp_path, graph, words):
    wrong = make_package(tmp_path / "wrong", settings, graph=graph)
    with pytest.raises(PackageError, match=words):
        registry.publish(wrong, "first", settings=settings)
    assert registry.models(settings=settings) == []
    registry.publish(package, "churn", settings=settings)
    registry.publish(wrong, "churn", settings=settings)
    with pytest.raises(PackageError, match=words):
        registry.promote("churn", 2, settings=settings)
    assert champion(settings) == 1
    assert [line["action"] for line in registry.audit("churn", settings=settings)] == ["publish", "publish"]


def test_a_version_that_doesnt_take_its_own_rows_never_goes_live(package, settings, tmp_path):
    publish_three(package, settings)
    place = settings.models / "churn" / "2"
    pl.DataFrame({"age": ["old"]}).write_parquet(place / "background.parquet")
    write_manifest(place, settings)
    with pytest.raises(PackageError, match=r"doesn't take its own training rows.*'old'"):
        registry.promote("churn", 2, settings=settings)
    (place / "background.parquet").unlink()
    write_manifest(place, settings)
    with pytest.raises(PackageError, match=r"background.parquet can't be read"):
        registry.promote("churn", 2, settings=settings)
    assert champion(settings) == 1


def test_a_graph_with_weights_in_another_file_is_refused_whatever_the_manifest_lists(settings, tmp_path):
    import onnx
    from onnx.external_data_helper import set_external_data

    model = onnx.load_model_from_string(graph_of_age())
    constant = next(tensor for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.DOUBLE)
    constant.raw_data = constant.raw_data or np.array([0.01]).tobytes()
    set_external_data(constant, location="weights.bin")
    constant.ClearField("raw_data")
    folder = make_package(tmp_path / "p", settings, graph=model.SerializeToString())
    (folder / "weights.bin").write_bytes(np.array([0.01]).tobytes())
    write_manifest(folder, settings)
    with pytest.raises(IntegrityError, match=r"weights in 'weights.bin', needed a graph that holds all"):
        registry.publish(folder, "churn", settings=settings)


def test_a_file_that_a_package_needs_is_missed_also_where_the_manifest_leaves_it_out(settings, tmp_path):
    for number, name in enumerate(("model.onnx", "signature.json", "spec.json", "package.json")):
        folder = make_package(tmp_path / str(number), settings)
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        write_manifest(folder, settings)
        with pytest.raises(PackageError, match=name.replace(".", r"\.")):
            registry.publish(folder, "churn", settings=settings)
        (folder / name).write_bytes(content)  # there, but not listed
        with pytest.raises(IntegrityError, match=r"which the manifest doesn't list"):
            registry.publish(folder, "churn", settings=settings)


def test_a_package_of_a_later_spec_is_refused(package, settings):
    write_json(package / "spec.json", {"spec_version": 2})
    write_manifest(package, settings)
    with pytest.raises(PackageError, match=r"spec.json of format 2, needed 1 or earlier. Update the workbench"):
        registry.publish(package, "churn", settings=settings)
    assert info.SPEC_VERSION == SPEC_VERSION


def test_a_signature_holds_for_one_version_of_one_model(settings, tmp_path):
    signed = replace(settings, signing_key="secret")
    package = make_package(tmp_path / "signed", signed)
    first = registry.publish(package, "churn", settings=signed)
    registry.publish(package, "churn", settings=signed)
    assert registry.load_model("churn/2", settings=signed).predict({"age": [90.0]}).tolist() == ["yes"]
    (settings.models / "other").mkdir()
    shutil.copytree(first.folder, settings.models / "other" / "1")
    shutil.copytree(first.folder, settings.models / "churn" / "3")
    for name, number in (("other", 1), ("churn", 3)):
        with pytest.raises(IntegrityError, match=rf"isn't signed as version {number} of {name}"):
            registry.load_model(f"{name}/{number}", settings=signed)
        with pytest.raises(IntegrityError, match=r"isn't signed as version"):
            registry.promote(name, number, settings=signed)
    (first.folder / "publication.json").unlink()
    with pytest.raises(IntegrityError, match=r"isn't signed as version 1 of churn"):
        registry.load_model("churn", settings=signed)
    assert registry.publish(first.folder, "churn", settings=signed).number == 4  # made whole again
    assert registry.load_model("churn/4", settings=signed).engine == "onnx"


def test_a_version_appears_with_its_alias_and_an_alias_moves_after_its_line(package, settings, monkeypatch):
    seen = []
    rename, write = os.rename, publishing.write_json

    def renamed(source, destination):
        seen.append(("rename", read_aliases(settings.models / "churn"), len(read_audit(settings.models / "churn"))))
        rename(source, destination)

    monkeypatch.setattr(publishing.os, "rename", renamed)
    registry.publish(package, "churn", settings=settings)
    registry.publish(package, "churn", settings=settings)
    assert seen == [("rename", {"champion": 1}, 1), ("rename", {"champion": 1}, 2)]
    monkeypatch.undo()

    def written(path, value):
        assert read_audit(path.parent)[-1]["version"] == value["champion"]
        write(path, value)

    monkeypatch.setattr(promotion, "write_json", written)
    registry.promote("churn", 2, settings=settings)
    assert registry.rollback("churn", settings=settings).number == 1


def test_a_publish_that_ended_before_its_version_appeared_is_followed_by_a_sound_one(package, settings, monkeypatch):
    def killed(source, destination):
        raise KeyboardInterrupt

    monkeypatch.setattr(publishing.os, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        registry.publish(package, "churn", settings=settings)
    monkeypatch.undo()
    assert registry.models(settings=settings) == []
    version = registry.publish(package, "churn", settings=settings)
    assert (version.number, version.aliases) == (2, ("champion",))


def test_the_models_that_ship_are_sound():
    for name in ("titanic", "digits"):
        assert prove_package(Path(__file__).parents[1] / "models" / name / "1").engine == "onnx"
