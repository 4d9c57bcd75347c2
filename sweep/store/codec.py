r"""An entry as the bytes of a JSON file: a line that says what it is, with checksums, and a line of facts.

.. code-block:: text

    {"format": 1, "kind": "instances", "key": "9f86d081884c7d65", "sha256": "2c26b4...", "facts":
    {"status":"adversarial","margin":0.25}
    }

The checksum is over the bytes of the second line, so that it can be taken without reading the JSON:
``sed -n 2p FILE | tr -d '\n' | sha256sum``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

FORMAT = 1
"""Of the files; raise it when a file of before can no longer be read. It is set aside then, and its result made anew."""

_FACTS, _END = b', "facts":', b"\n}\n"


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
    return json.dumps(head, ensure_ascii=False)[:-1].encode() + _FACTS + b"\n" + body + _END


def decode(kind: str, key: str, data: bytes) -> tuple[dict[str, Any], WeightsFile | None]:
    """Return the facts of an entry and the file of its weights, if it has one.

    Raises:
        Damaged: these are not the bytes of this entry, or not all of them.
    """
    head, _, rest = data.partition(b"\n")
    if not head.endswith(_FACTS) or not rest.endswith(_END):
        raise Damaged("it is not the file of a stage result, or only a part of one")
    body = rest.removesuffix(_END)
    try:
        about = json.loads(head + b"null}")
        if about["format"] != FORMAT:
            raise Damaged(f"it has the format {about['format']}, which this version of the program does not read")
        if (about["kind"], about["key"]) != (kind, key):
            raise Damaged(f"it holds {about['kind']} {about['key']}")
        if about["sha256"] != checksum(body):
            raise Damaged("its checksum is wrong")
        weights = about.get("weights")
        return json.loads(body), None if weights is None else WeightsFile(weights["file"], weights["sha256"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"it cannot be read ({error})") from error


def weights_file(key: str, weights: bytes) -> WeightsFile:
    """Return where the weights of an entry go: named by content, so that an entry never meets the weights of another one."""
    digest = checksum(weights)
    return WeightsFile(f"{key}-{digest[:16]}.safetensors", digest)


def checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
