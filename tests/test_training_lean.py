"""Workers do without pandas, unless somebody really wants it."""

from __future__ import annotations

import subprocess
import sys

import pytest


def in_a_process(code):
    begin = "import sys; from workbench.training.lean import leave_out_pandas; leave_out_pandas()\n"
    subprocess.run([sys.executable, "-c", begin + code], check=True, timeout=120)


def test_what_only_looks_for_pandas_does_not_load_it():
    in_a_process(
        "import numpy as np\n"
        "from sklearn.impute import SimpleImputer\n"
        "assert SimpleImputer().fit_transform(np.array([[1.0], [np.nan], [3.0]])).tolist() == [[1.0], [2.0], [3.0]]\n"
        "assert 'pandas' not in sys.modules\n"
    )


@pytest.mark.parametrize(
    "first", ["", "import sklearn.impute", "import pandas"], ids=["nothing", "sklearn first", "pandas first"]
)
def test_who_wants_pandas_gets_it(first):
    in_a_process(
        f"{first}\n"
        "from sklearn.impute import SimpleImputer\n"
        "import pandas as pd\n"
        "filled = SimpleImputer().set_output(transform='pandas').fit_transform(pd.DataFrame({'a': [1.0, None, 3.0]}))\n"
        "assert filled['a'].tolist() == [1.0, 2.0, 3.0]\n"
    )


def test_scikit_learn_itself_gets_it_where_it_cannot_do_without():
    in_a_process(
        "import numpy as np\n"
        "from sklearn.impute import SimpleImputer\n"
        "filled = SimpleImputer().set_output(transform='pandas').fit_transform(np.array([[1.0], [3.0]]))\n"
        "assert type(filled).__name__ == 'DataFrame'\n"
    )
