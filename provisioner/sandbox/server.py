"""The sandbox as a process: a threaded server on 127.0.0.1 that forgets everything when it ends."""

from __future__ import annotations

import dataclasses
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from provisioner.errors import UsageError

# moto and werkzeug come with an extra; without it every other command works.
try:
    from botocore.exceptions import BotoCoreError, ClientError
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import BaseWSGIServer, make_server

    from provisioner.sandbox.app import ControlPlane
    from provisioner.sandbox.seed import KEY, Seed, load
    from provisioner.sandbox.seeder import Seeder
except ImportError as error:
    raise UsageError(
        f"the sandbox needs the package {error.name}",
        hint="install the sandbox extra: 'esm-provisioner[sandbox]', or '.[sandbox]' from a checkout",
    ) from error

from provisioner.sandbox.mappings import Delays

HOST = "127.0.0.1"  # this machine only: nothing is authenticated


class _Handler(MotoRequestHandler):
    """Keeps connections open, as AWS does, and logs nothing. Servers are threaded, because an open connection would
    keep a single thread busy.
    """

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log no request."""


def plane_over_moto(delays: Delays) -> ControlPlane:
    """The control plane with moto behind it for the rest of AWS."""
    return ControlPlane(DomainDispatcherApplication(create_backend_app), delays)


def reserve(port: int) -> socket.socket:
    """A socket that has the port and does not listen yet. Raises UsageError when the port is taken or is no port.

    Unlike `listening`, which is called when there is something to serve.
    """
    reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Else a sandbox could not start again while connections of the last one are in TIME_WAIT.
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with _port_errors(port):
        reserved.bind((HOST, port))
    return reserved


def listening(plane: ControlPlane, reserved: socket.socket) -> BaseWSGIServer:
    """A server that listens on a reserved port; the caller serves it. Raises UsageError when another one was faster."""
    # SO_REUSEADDR lets several sockets have the port until one of them listens.
    with _port_errors(reserved.getsockname()[1]):
        reserved.listen(128)
    # With `fd` werkzeug takes that socket, and the port 0 means nothing.
    return make_server(HOST, 0, plane, threaded=True, request_handler=_Handler, fd=reserved.fileno())


@contextmanager
def _port_errors(port: int) -> Iterator[None]:
    try:
        yield
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"port {port} cannot be used", hint="another sandbox may be running; choose another with --port"
        ) from error


@contextmanager
def served(plane: ControlPlane) -> Iterator[str]:
    """The URL of a server on a free port, which runs in a thread until the block ends. Unlike `serve`, which blocks."""
    server = make_server(HOST, 0, plane, threaded=True, request_handler=_Handler)
    # `shutdown` waits for the next poll: half a second by default, in each start.
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://{HOST}:{server.port}"
    finally:
        server.shutdown()
        server.server_close()


def parse_delays(text: str) -> Delays:
    """Delays from `0.5`, or from `creating=3,deleting=1`. One number is for every transition but deleting, because a
    deleted mapping is gone at once (docs/aws/lifecycle.md#times). Raises UsageError.
    """
    names = [field.name for field in dataclasses.fields(Delays)]
    try:
        if "=" not in text:
            return Delays(**{name: _seconds(text) for name in names if name != "deleting"})
        parts = dict(part.split("=", 1) for part in text.split(","))
        return dataclasses.replace(Delays(), **{name.strip(): _seconds(value) for name, value in parts.items()})
    except (ValueError, TypeError) as error:  # TypeError: no transition has the name
        raise UsageError(
            f"--delay {text}: not a number of seconds",
            hint=f"use a number of seconds, or NAME=SECONDS pairs with these names: {', '.join(names)}",
        ) from error


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < 86400:  # so written, it refuses `nan` too
        raise ValueError(text)
    return value


def serve(*, port: int, seed: str | None, delay: str, announce: Callable[[str], None]) -> None:
    """Run until interrupted. `announce` gets the text that describes what to export, once all of the seed exists; no
    request is answered before. Raises UsageError for a seed, delay or port that cannot be used.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    planted = load(seed) if seed else Seed()
    plane = plane_over_moto(parse_delays(delay))
    reserved = reserve(port)  # before the seed, so that a port that is taken is reported at once
    # Seeded through a port that nobody knows: a client that finds the real one finds all of the seed.
    with served(plane) as private:
        try:
            Seeder(private, planted).plant()
        except (ClientError, BotoCoreError) as error:
            raise UsageError(
                f"--seed {seed}: {error}", hint="fix the seed file at the place shown in the message"
            ) from error
    planted.trouble(plane.troubles)
    server = listening(plane, reserved)
    endpoint = f"http://{HOST}:{server.port}"
    announce(f"The sandbox is ready. Press Ctrl-C to stop it. In another shell:\n\n{exports(endpoint, planted.region)}")
    with suppress(KeyboardInterrupt):
        server.serve_forever()


def exports(endpoint: str, region: str) -> str:
    """The line to paste into a shell, so that AWS clients use the sandbox."""
    # boto3 reads the one name of the region, the AWS CLI prefers the other.
    values = {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": KEY}
    values |= {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    return "export " + " ".join(f"{name}={value}" for name, value in values.items())
