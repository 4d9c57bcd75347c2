r"""An entry as the bytes of a JSON file: a line that says what it is, with checksums, and a line of facts.

.. code-block:: text

    {"format": 2, "kind": "instances", "key": "9f86d081884c7d65", "sha256": "2c26b4...", "head_sha256": "e3b0c4...", "facts":
    {"status":"adversarial","dense_value":0.25}
    }

``sha256`` is over the bytes of the second line, so that it can be computed without reading the JSON:
``sed -n 2p FILE | tr -d '\n' | sha256sum``. ``head_sha256`` is over the first line up to the comma before it:
``sed -n '1s/, "head_sha256".*//p' FILE | tr -d '\n' | sha256sum``.

Files of format 1 have no ``head_sha256``. They are read if each part of the first line is as it is written.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

FORMAT = 2
"""The format of files that are written. Raise it when their form changes."""

READ = (1, FORMAT)
"""Formats that are read. A file of another format is set aside, and its result is computed again."""

_FACTS, _END = b', "facts":', b"\n}\n"
_HEAD_CHECKSUM = re.compile(rb', "head_sha256": "([0-9a-f]{64})"\Z')
_PARTS = {"format", "kind", "key", "sha256"}

_KEY = re.compile(r"[0-9A-Za-z_-]{1,250}")
"""A file system takes no longer names than that and ``.json``."""


class Damaged(Exception):
    """Bytes that are not what :func:`encode` wrote; the text is a clause that completes "the file is damaged: ..."."""


@dataclass(frozen=True)
class WeightsFile:
    """The name of the file of weights beside an entry, and the SHA-256 of its bytes as hex digits."""

    name: str
    sha256: str


def encode(kind: str, key: str, facts: dict[str, Any], weights: WeightsFile | None) -> bytes:
    """Return the bytes of an entry's file.

    Raises:
        ValueError: ``facts`` hold a NaN or an infinity, which JSON lacks.
    """
    body = json.dumps(facts, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    head: dict[str, Any] = {"format": FORMAT, "kind": kind, "key": key, "sha256": checksum(body)}
    if weights is not None:
        head["weights"] = {"file": weights.name, "sha256": weights.sha256}
    line = json.dumps(head, ensure_ascii=False)[:-1].encode()
    return line + f', "head_sha256": "{checksum(line)}"'.encode() + _FACTS + b"\n" + body + _END


def decode(kind: str, key: str, data: bytes) -> tuple[dict[str, Any], WeightsFile | None]:
    """Return the facts of an entry and the file of its weights, if it has one.

    Raises:
        Damaged: these are not the bytes of this entry, or not all of them.
    """
    head, _, rest = data.partition(b"\n")
    if not head.endswith(_FACTS) or not rest.endswith(_END):
        raise Damaged("it is not the file of a stage result, or the file is cut short")
    body = rest.removesuffix(_END)
    try:
        about = json.loads(head + b"null}")
        if about["format"] not in READ:
            raise Damaged(f"it has the format {about['format']!r:.20}, which this version of the program does not read")
        weights = _weights(about, head.removesuffix(_FACTS))
        if (about["kind"], about["key"]) != (kind, key):
            raise Damaged(f"it holds {about['kind']!r:.20} {about['key']!r:.80}")
        if about["sha256"] != checksum(body):
            raise Damaged("its checksum is wrong")
        facts = json.loads(body)
        if not isinstance(facts, dict):
            raise Damaged("it holds no facts")
        return facts, weights
    except json.JSONDecodeError as error:
        raise Damaged(f"it is not JSON ({error!s:.200})") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Damaged("it is JSON without the parts that a stage result has") from error


def _weights(about: dict[str, Any], head: bytes) -> WeightsFile | None:
    """Return the file of an entry's weights, if it has one, from a first line that is as :func:`encode` writes it.

    Raises:
        Damaged: it is not, or it names another file than the one that goes with the key and the checksum.
    """
    parts = _PARTS | {"facts"}
    if about["format"] != 1:
        parts |= {"head_sha256"}
        found = _HEAD_CHECKSUM.search(head)
        if found is None or found[1].decode() != checksum(head[: found.start()]):
            raise Damaged("its first line has a wrong checksum")
    if about.keys() - {"weights"} != parts:
        raise Damaged("its first line lacks parts that a stage result has")
    if "weights" not in about:
        return None
    weights = WeightsFile(about["weights"]["file"], about["weights"]["sha256"])
    if about["weights"].keys() != {"file", "sha256"} or weights.name != _name(about["key"], weights.sha256):
        raise Damaged("its weights are not in the file that is named by their contents")
    return weights


def weights_file(key: str, weights: bytes) -> WeightsFile:
    """Return where the weights of an entry go: named by content, so that an entry never meets the weights of another one."""
    digest = checksum(weights)
    return WeightsFile(_name(key, digest), digest)


def _name(key: str, digest: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise ValueError(f"{digest!r:.20} is no checksum")
    return f"{key}-{digest[:16]}.safetensors"


def checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def is_key(text: object) -> bool:
    """Whether something can be the key of an entry: what is read from anywhere else must not name a file outside the store."""
    return isinstance(text, str) and _KEY.fullmatch(text) is not None
