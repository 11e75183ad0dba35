"""A control plane in a process of its own: the tool is forked in these tests, and a fork must not inherit a server's
threads.

Everything exists and is allowed; moto stands behind it for S3. `POST /test/keep` keeps the mappings as they
are, and `POST /test/restore` puts them back.
"""

from __future__ import annotations

import copy
import logging
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from provisioner.sandbox.app import ControlPlane
from tests.support.control_plane import AT_ONCE, World

KEPT = ("_all", "_holders", "_order", "_due")
"""What a store holds."""


def serve() -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    world = World()
    moto = DomainDispatcherApplication(create_backend_app)

    def behind(environ: dict[str, Any], start_response: Any) -> Any:
        is_sts = "/sts/aws4_request" in environ.get("HTTP_AUTHORIZATION", "")
        return behind(environ, start_response) if is_sts else moto(environ, start_response)

    plane = ControlPlane(behind, AT_ONCE, world=lambda account, region: world)
    kept: dict[Any, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if not path.startswith("/test/"):
            return plane(environ, start_response)
        if path == "/test/keep":
            kept.clear()
            kept.update(
                {
                    key: {name: copy.deepcopy(getattr(store, name)) for name in KEPT}
                    for key, store in plane._stores.items()
                }
            )
        else:
            for key, store in plane._stores.items():
                for name in KEPT:
                    setattr(
                        store, name, copy.deepcopy(kept[key][name]) if key in kept else type(getattr(store, name))()
                    )
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    server = make_server("127.0.0.1", 0, application, threaded=True)
    print(server.port, flush=True)
    server.serve_forever(poll_interval=0.01)


if __name__ == "__main__":
    serve()
