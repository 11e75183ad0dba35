"""A control plane in a process of its own: the tool is forked in these tests, and a fork must not inherit a server's
threads.

Everything exists and is allowed; moto stands behind it for S3. `POST /test/keep` keeps the mappings as they
are, and `POST /test/restore` puts them back.
"""

from __future__ import annotations

import logging
from typing import Any

from werkzeug.serving import make_server

from provisioner.sandbox.app import ControlPlane
from tests.support.control_plane import AT_ONCE, World, kept_mappings, with_buckets


def serve() -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    world = World()
    plane = ControlPlane(with_buckets(), AT_ONCE, world=lambda account, region: world)
    put_back = kept_mappings(plane)

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if not path.startswith("/test/"):
            return plane(environ, start_response)
        nonlocal put_back
        if path == "/test/keep":
            put_back = kept_mappings(plane)
        else:
            put_back()
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    server = make_server("127.0.0.1", 0, application, threaded=True)
    print(server.port, flush=True)
    server.serve_forever(poll_interval=0.01)


if __name__ == "__main__":
    serve()
