"""Stored models are read with an allow-list of types that lives in our code."""

import json
import zipfile

import numpy as np
import pytest
import skops.io

from workbench.errors import IntegrityError, PackageError
from workbench.estimators import load_model
from workbench.estimators.classical import SklearnModel


class Foreign:
    """Stands for a type that an attacker would like to have built."""

    def __init__(self):
        self.value = 1


@pytest.fixture
def stored(tmp_path):
    from sklearn.linear_model import Ridge

    model = SklearnModel(Ridge().fit(np.eye(3), [1.0, 2.0, 3.0]), task="regression", classes=None, n_features=3)
    model.save(tmp_path)
    return tmp_path


def test_a_file_with_a_type_beyond_the_allow_list_is_refused(stored):
    from sklearn.linear_model import Ridge

    ridge = Ridge().fit(np.eye(3), [1.0, 2.0, 3.0])
    ridge.extra = Foreign()
    skops.io.dump(ridge, stored / "model.skops")
    with pytest.raises(
        IntegrityError, match=r"Got model.skops with the types .*Foreign, needed only those of our allow"
    ):
        load_model(stored)


def test_a_trusted_estimator_that_we_never_write_is_refused(stored):
    from sklearn.svm import SVC

    skops.io.dump(SVC(), stored / "model.skops")
    with pytest.raises(IntegrityError, match="Got model.skops with a SVC, needed one of DummyClassifier"):
        load_model(stored)


def test_a_damaged_file_is_a_package_error(stored):
    (stored / "model.skops").write_bytes(b"not a zip")
    with pytest.raises(PackageError, match="needed a readable skops file.*Build the package again"):
        load_model(stored)


@pytest.mark.parametrize("document", [None, {"format": 99, "engine": "sklearn"}, {"format": 1, "engine": "pickle"}])
def test_a_folder_without_a_known_description_is_refused(stored, document):
    path = stored / "model.json"
    path.unlink() if document is None else path.write_text(json.dumps(document))
    with pytest.raises(PackageError, match="without a model.json of format 1, needed a stored model"):
        load_model(stored)


def test_no_stored_file_holds_pickle(stored):
    with zipfile.ZipFile(stored / "model.skops") as archive:
        assert not any(name.endswith((".pkl", ".pickle", ".joblib")) for name in archive.namelist())
