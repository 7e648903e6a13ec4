"""What `import workbench` offers to type checkers: the names of `workbench.api`.

A stub, because for import-linter every module that says `from workbench import storage` would import all of the API.
"""

from workbench.api import Checks as Checks
from workbench.api import Drift as Drift
from workbench.api import RecipePreview as RecipePreview
from workbench.api import Run as Run
from workbench.api import RunSpec as RunSpec
from workbench.api import SavedRecipe as SavedRecipe
from workbench.api import Settings as Settings
from workbench.api import SplitPreview as SplitPreview
from workbench.api import SuggestedRecipe as SuggestedRecipe
from workbench.api import Table as Table
from workbench.api import Version as Version
from workbench.api import WorkbenchError as WorkbenchError
from workbench.api import apply_recipe as apply_recipe
from workbench.api import apply_remedy as apply_remedy
from workbench.api import as_notebook as as_notebook
from workbench.api import as_script as as_script
from workbench.api import audit as audit
from workbench.api import catalogue as catalogue
from workbench.api import check_data as check_data
from workbench.api import combined_spec as combined_spec
from workbench.api import compare as compare
from workbench.api import compare_recipes as compare_recipes
from workbench.api import compare_specs as compare_specs
from workbench.api import delete_recipe as delete_recipe
from workbench.api import delete_run as delete_run
from workbench.api import delete_table as delete_table
from workbench.api import drift as drift
from workbench.api import estimate as estimate
from workbench.api import explain_image as explain_image
from workbench.api import explain_model as explain_model
from workbench.api import folders as folders
from workbench.api import leak_comparison as leak_comparison
from workbench.api import load_model as load_model
from workbench.api import look_at as look_at
from workbench.api import match_recipe as match_recipe
from workbench.api import models as models
from workbench.api import open_recipe as open_recipe
from workbench.api import open_run as open_run
from workbench.api import open_source as open_source
from workbench.api import open_table as open_table
from workbench.api import open_version as open_version
from workbench.api import preview_recipe as preview_recipe
from workbench.api import promote as promote
from workbench.api import publish as publish
from workbench.api import read_recipe as read_recipe
from workbench.api import read_table as read_table
from workbench.api import recipes as recipes
from workbench.api import reread as reread
from workbench.api import rollback as rollback
from workbench.api import runs as runs
from workbench.api import runs_frame as runs_frame
from workbench.api import sample as sample
from workbench.api import samples as samples
from workbench.api import samples_frame as samples_frame
from workbench.api import save_recipe as save_recipe
from workbench.api import spec_from_notebook as spec_from_notebook
from workbench.api import split as split
from workbench.api import start as start
from workbench.api import suggest_recipe as suggest_recipe
from workbench.api import tables as tables
from workbench.api import train as train
from workbench.api import use_home as use_home
from workbench.api import versions as versions

__version__: str
