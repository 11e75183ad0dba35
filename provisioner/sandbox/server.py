"""The sandbox as a process: a threaded server on 127.0.0.1 that forgets everything when it ends."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable

from provisioner.errors import UsageError

try:
    from botocore.exceptions import BotoCoreError, ClientError
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import BaseWSGIServer, make_server

    from provisioner.sandbox.app import ControlPlane
    from provisioner.sandbox.seed import KEY, REGION, Seed, Seeder, load
except ImportError as error:
    raise UsageError(
        f"the sandbox needs the package {error.name}", hint="pip install 'provisioner[sandbox]'"
    ) from error

from provisioner.sandbox.mappings import Delays

HOST = "127.0.0.1"


class _Handler(MotoRequestHandler):
    """Keeps connections open, as AWS does, and logs nothing."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def plane_over_moto(delays: Delays) -> ControlPlane:
    """The control plane with moto behind it for the rest of AWS."""
    return ControlPlane(DomainDispatcherApplication(create_backend_app), delays)


def start(port: int, plane: ControlPlane) -> BaseWSGIServer:
    """A server that listens; the caller serves it. Raises UsageError when the port is taken."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    try:
        return make_server(HOST, port, plane, threaded=True, request_handler=_Handler)
    except (OSError, SystemExit, OverflowError) as error:
        raise UsageError(
            f"port {port} cannot be used", hint="another sandbox may be running; choose another with --port"
        ) from error


def parse_delays(text: str) -> Delays:
    """`0.5`, or `creating=3,deleting=1`. One number is for every transition but deleting. Raises UsageError."""
    names = [field.name for field in dataclasses.fields(Delays)]
    try:
        if "=" not in text:
            return Delays(**{name: _seconds(text) for name in names if name != "deleting"})
        parts = dict(part.split("=", 1) for part in text.split(","))
        return dataclasses.replace(Delays(), **{name.strip(): _seconds(value) for name, value in parts.items()})
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"--delay {text}: not a number of seconds", hint=f"or name transitions: {', '.join(names)}"
        ) from error


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < 86400:
        raise ValueError(text)
    return value


def serve(*, port: int, seed: str | None, delay: str, say: Callable[[str], None]) -> None:
    """Run until interrupted; says what to export once all is ready."""
    planted = load(seed) if seed else Seed()
    plane = plane_over_moto(parse_delays(delay))
    server = start(port, plane)
    endpoint = f"http://{HOST}:{server.port}"
    # Served from a thread, because seeding goes through the front door too.
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        Seeder(endpoint, planted).plant()
    except (ClientError, BotoCoreError) as error:
        raise UsageError(f"--seed {seed}: {error}", hint="correct what it names") from error
    planted.trouble(plane.troubles)
    region = planted.region if seed else REGION
    say(f"The sandbox is ready; Ctrl-C ends it. In another shell:\n\n{exports(endpoint, region)}")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.shutdown()


def exports(endpoint: str, region: str) -> str:
    """The line to paste into a shell."""
    # boto3 reads the one name of the region, the AWS CLI prefers the other.
    values = {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": KEY}
    values |= {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    return "export " + " ".join(f"{name}={value}" for name, value in values.items())
