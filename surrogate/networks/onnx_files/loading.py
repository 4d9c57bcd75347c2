"""Reading the protocol buffers of an ONNX file, without trusting its contents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx.checker import ValidationError
from onnx.external_data_helper import load_external_data_for_model, uses_external_data

from surrogate.checks import first_line
from surrogate.errors import InvalidNetwork, UnsupportedLayer
from surrogate.files import read_bytes, refuse_pickled
from surrogate.networks.onnx_files.graph import SUPPORTED

MAX_BYTES = 2**31 - 1
"""Largest file that is read, unpacked: protocol buffers allow no larger one."""

FIRST_OPSET = 7
"""Before version 7 of ONNX's operators, Add and Gemm broadcast in another way."""


def load_model(path: Path) -> Any:
    """Return the checked model in ``path``, which may be gzipped; weights that lie in files beside it included.

    Raises:
        UnsupportedLayer: a node that is not supported; gives index and type.
        InvalidNetwork: a file that is unreadable or malformed, or points outside its folder.
    """
    data = read_bytes(path, MAX_BYTES, "weights", InvalidNetwork)
    refuse_pickled(path, data)
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise InvalidNetwork(f"{path} is not an ONNX file, or is truncated: {error}") from error
    try:
        _require_supported(model, path)
        _load_external_data(model, path)
        onnx.checker.check_model(model)
    except ValidationError as error:
        raise InvalidNetwork(f"{path} is not a well-formed ONNX file: {first_line(error)}") from error
    except UnicodeDecodeError as error:  # protocol buffers decode a name when it is read
        raise InvalidNetwork(f"{path} is not a well-formed ONNX file: a name is not UTF-8 text ({error.reason})") from error
    versions = {opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")}
    if not versions or min(versions) < FIRST_OPSET:
        raise InvalidNetwork(f"{path} uses operators of version {min(versions, default=0)}: expected {FIRST_OPSET} or newer")
    return model


def _require_supported(model: Any, path: Path) -> None:
    for index, node in enumerate(model.graph.node):
        where = f"{path.name}, node {index} ({node.op_type})"
        if node.op_type not in SUPPORTED or node.domain not in ("", "ai.onnx"):
            raise UnsupportedLayer(f"{where} is not supported: expected {', '.join(SUPPORTED)}")
        # None of the supported operators has these, and onnx would look for files that they name.
        if any(attribute.HasField("g") or attribute.graphs or attribute.tensors for attribute in node.attribute):
            raise InvalidNetwork(f"{where} carries graphs or lists of tensors, which are not supported")
    if model.functions or model.graph.sparse_initializer:
        raise InvalidNetwork(f"{path} defines functions or sparse weights, which are not supported")


def _load_external_data(model: Any, path: Path) -> None:
    folder = path.parent.resolve()
    for tensor in _tensors(model.graph):
        if not uses_external_data(tensor):
            continue
        location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        if not location.isprintable():
            raise InvalidNetwork(f"{path}: the weights {tensor.name} lie in a file whose name {location!r} is not allowed")
        target = (folder / location).resolve()  # resolves links too
        if not target.is_relative_to(folder):
            raise InvalidNetwork(f"{path}: the weights {tensor.name} lie outside the file's folder, at {location}: refused")
        if not target.is_file():
            raise InvalidNetwork(f"{path}: the weights {tensor.name} should lie in {target}, which is not there")
    try:
        load_external_data_for_model(model, str(folder))
    except (ValidationError, ValueError, OSError) as error:
        raise InvalidNetwork(f"{path}: weights in files beside it cannot be read: {first_line(error)}") from error


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for node in graph.node:
        yield from (attribute.t for attribute in node.attribute if attribute.HasField("t"))
