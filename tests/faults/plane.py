"""A control plane in a process of its own: the tool is forked in these tests, and a fork must not inherit a server's
threads.

A request comes as what a server would hand to the application, pickled, over a Unix socket: with HTTP two thirds of the
time of a call would be that of its connection. Everything exists and is allowed; moto stands behind it for S3.
`POST /test/keep` keeps the mappings as they are, and `POST /test/restore` puts them back.
"""

from __future__ import annotations

import io
import os
import pickle
import selectors
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import botocore.httpsession
import pytest

from provisioner.sandbox.app import Application, ControlPlane
from tests.support.control_plane import AT_ONCE, World, answered, environ_of, kept_mappings, response, with_buckets

ENDPOINT: Final = "http://127.0.0.2"
"""Nothing listens there."""

_LENGTH = struct.Struct("!I")


class Line:
    """Connections to the control plane: one for each thread, and none that another process opened."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._open: dict[tuple[int, int], socket.socket] = {}

    def ask(self, environ: dict[str, Any]) -> Any:
        """Status, headers and body of the answer."""
        key = (os.getpid(), threading.get_ident())
        if key not in self._open:
            self._open[key] = socket.socket(socket.AF_UNIX)
            self._open[key].connect(self._path)
        _send(self._open[key], environ)
        return _received(self._open[key])

    def post(self, path: str) -> None:
        """Ask for what is no request of AWS."""
        status, _, body = self.ask({**_POST, "PATH_INFO": path, "wsgi.input": io.BytesIO()})
        assert status == 200, body


_POST = {
    "REQUEST_METHOD": "POST", "SERVER_NAME": "127.0.0.2", "SERVER_PORT": "80", "HTTP_HOST": "127.0.0.2",
    "wsgi.url_scheme": "http",
}  # fmt: skip


def _send(connection: socket.socket, message: Any) -> None:
    data = pickle.dumps(message)
    connection.sendall(_LENGTH.pack(len(data)) + data)


def _received(connection: socket.socket) -> Any:
    """The next message; None at the end of the connection, also in the middle of a message: its sender was killed."""
    head = connection.recv(_LENGTH.size, socket.MSG_WAITALL)
    if len(head) < _LENGTH.size:
        return None
    [length] = _LENGTH.unpack(head)
    data = connection.recv(length, socket.MSG_WAITALL)
    return pickle.loads(data) if len(data) == length else None


@contextmanager
def plane_process() -> Iterator[Line]:
    """A control plane in another process, with an empty bucket: what this one sends to ENDPOINT gets there."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        line = Line(str(Path(folder) / "plane"))
        process = subprocess.Popen([sys.executable, "-m", "tests.faults.plane", line._path], stdout=subprocess.PIPE)
        assert process.stdout
        assert process.stdout.readline()
        real = botocore.httpsession.URLLib3Session.send

        def send(session: Any, request: Any) -> Any:
            if not request.url.startswith(f"{ENDPOINT}/"):
                return real(session, request)
            return response(request.url, *line.ask(environ_of(request)))

        patch.setattr(botocore.httpsession.URLLib3Session, "send", send)
        try:
            yield line
        finally:
            process.kill()
            process.wait()


def _application() -> Application:
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
        start_response("200 OK", [])
        return [b""]

    return application


def _serve(path: str) -> None:
    application = _application()
    with socket.socket(socket.AF_UNIX) as listening, selectors.DefaultSelector() as selector:
        listening.bind(path)
        listening.listen(128)
        selector.register(listening, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in selector.select():
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                if connection is listening:
                    selector.register(listening.accept()[0], selectors.EVENT_READ)
                elif not _served(application, connection):
                    selector.unregister(connection)
                    connection.close()


def _served(application: Application, connection: socket.socket) -> bool:
    """Answer the next request; False when there is none, or nobody any more who waits for the answer."""
    try:
        environ = _received(connection)
        if environ is not None:
            _send(connection, answered(application, environ))
    except ConnectionError:
        return False
    return environ is not None


if __name__ == "__main__":
    _serve(sys.argv[1])
