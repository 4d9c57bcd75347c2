"""A program of its own that says on one line of JSON how a Ray cluster answers; :mod:`sweep.execution.cluster.connection`
starts it.

Run as ``python probe.py HOST PORT``. In the driver itself the same calls could print stack traces, end the process or wait for
more than a minute. It imports nothing of this package, so that it runs from its file. The line has the key ``state``:

* ``unreachable`` (with ``reason``): there is no connection to the port;
* ``silent``: something accepts connections there, and Ray's head does not answer;
* ``token``: the cluster refuses the token, or the lack of one;
* ``answers``: with ``ray`` and ``python``, the versions of the head, and ``nodes``, a list of the nodes that are alive. Each
  has ``address``, ``host``, ``cpus`` and ``local`` (whether the node is on this machine, so that a driver can work through it).
"""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path
from typing import Any

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 5.0
FIRST_NODE_SECONDS = 8.0


def probe(host: str, port: int) -> dict[str, Any]:
    """Return how the head of a Ray cluster at ``host:port`` answers."""
    try:
        socket.create_connection((host, port), timeout=CONNECT_SECONDS).close()
    except (OSError, UnicodeError) as error:  # a host name can be none at all
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return {"state": "unreachable", "reason": reason.lower()}

    from ray._common.usage import usage_lib
    from ray._raylet import GcsClient  # type: ignore[attr-defined]  # compiled, without stubs
    from ray.exceptions import RayError

    try:
        client = GcsClient(address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        versions = usage_lib.get_cluster_metadata(client) or {}
        end = time.monotonic() + FIRST_NODE_SECONDS
        while True:
            nodes = [node for node in client.get_all_node_info(timeout=ANSWER_SECONDS).values() if node.state == 0]
            if nodes or time.monotonic() > end:
                break
            time.sleep(0.2)  # a head that has just begun answers before its own node has joined it
    except RayError as error:
        return {"state": "token" if type(error).__name__ == "AuthenticationError" else "silent"}
    return {
        "state": "answers",
        "ray": versions.get("ray_version"),
        "python": versions.get("python_version"),
        "nodes": [
            {
                "address": node.node_manager_address,
                "host": node.node_manager_hostname,
                "local": Path(node.raylet_socket_name).is_socket(),
                "cpus": node.resources_total.get("CPU", 0.0),
            }
            for node in nodes
        ],
    }


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1], int(sys.argv[2]))))
