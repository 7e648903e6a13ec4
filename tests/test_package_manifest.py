import json

import pytest

from workbench.errors import IntegrityError
from workbench.package import verify_manifest, write_manifest
from workbench.settings import Settings


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "native").mkdir()
    (tmp_path / "model.onnx").write_bytes(b"graph")
    (tmp_path / "native" / "model.json").write_text("{}")
    write_manifest(tmp_path, Settings())
    return tmp_path


def test_an_untouched_folder_passes(folder):
    verify_manifest(folder, Settings())
    listed = json.loads((folder / "manifest.json").read_text())["files"]
    assert sorted(listed) == ["model.onnx", "native/model.json"]


def test_a_changed_file_is_refused(folder):
    (folder / "model.onnx").write_bytes(b"grapH")
    with pytest.raises(IntegrityError, match=r"model.onnx with another content than its manifest says"):
        verify_manifest(folder, Settings())


def test_a_missing_file_is_refused(folder):
    (folder / "model.onnx").unlink()
    with pytest.raises(IntegrityError, match="without model.onnx, needed every file of its manifest"):
        verify_manifest(folder, Settings())


@pytest.mark.parametrize("name", ["note.txt", "native/model.skops", "weights.bin", "native/deep/er.bin"])
def test_a_file_that_was_added_is_refused_wherever_it_lies(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"")
    with pytest.raises(IntegrityError, match=rf"{name}, which the manifest doesn't list.*Remove the file"):
        verify_manifest(folder, Settings())
    (folder / name).unlink()
    (folder / ".DS_Store").write_bytes(b"")  # what a file manager leaves
    verify_manifest(folder, Settings())


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(IntegrityError, match="without a manifest.json of format 1"):
        verify_manifest(tmp_path, Settings())


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname"])
def test_a_manifest_does_not_lead_out_of_its_folder(folder, name):
    document = json.loads((folder / "manifest.json").read_text())
    document["files"][name] = {"sha256": "", "bytes": 0}
    (folder / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(IntegrityError, match="needed a file of the package"):
        verify_manifest(folder, Settings())


def test_a_signature_is_asked_for_where_a_key_is_set(folder):
    with pytest.raises(IntegrityError, match="without a signature, needed one made with WORKBENCH_SIGNING_KEY"):
        verify_manifest(folder, Settings(signing_key="secret"))


def test_a_signature_fits_its_own_key_only(folder):
    write_manifest(folder, Settings(signing_key="secret"))
    verify_manifest(folder, Settings(signing_key="secret"))
    verify_manifest(folder, Settings())
    with pytest.raises(IntegrityError, match="signature that doesn't fit WORKBENCH_SIGNING_KEY"):
        verify_manifest(folder, Settings(signing_key="other"))


def test_a_manifest_made_anew_for_changed_files_has_no_valid_signature(folder):
    write_manifest(folder, Settings(signing_key="secret"))
    signature = json.loads((folder / "manifest.json").read_text())["signature"]
    (folder / "model.onnx").write_bytes(b"other")
    write_manifest(folder, Settings())
    document = json.loads((folder / "manifest.json").read_text()) | {"signature": signature}
    (folder / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(IntegrityError, match="doesn't fit"):
        verify_manifest(folder, Settings(signing_key="secret"))
