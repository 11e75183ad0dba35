"""The command in forked processes: modules are imported once, and each command still has a process of its own.

`Forks` starts a server, `python -m tests.support.forks FD`, which imports the product and forks for each command. A
command sees the arguments, folder, environment and streams that it was given, as after `python -m provisioner`.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore import loaders

_LENGTH = struct.Struct("!I")


class Forks:
    """Runs commands, several at once if asked from several threads."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tests.support.forks", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=Path(__file__).parents[2],
            )

    def run(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: str = "", timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run the command to its end. Raises TimeoutError."""
        request = json.dumps({"arguments": list(arguments), "cwd": str(cwd), "env": dict(env)}).encode()
        reply, theirs = socket.socketpair()
        with reply, tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin.encode())
            given.seek(0)
            with theirs:
                streams = [given.fileno(), out.fileno(), err.fileno(), theirs.fileno()]
                socket.send_fds(self._control, [_LENGTH.pack(len(request)) + request], streams)
            reply.settimeout(timeout)
            code = int(reply.recv(16))
            texts = []
            for stream in (out, err):
                stream.seek(0)
                texts.append(stream.read().decode())
        return subprocess.CompletedProcess(list(arguments), code, *texts)


def _serve(control: socket.socket) -> None:
    """Fork for each request; returns in the fork that is to run the command."""
    while True:
        head, descriptors, _, _ = socket.recv_fds(control, _LENGTH.size, 4)
        if not head:
            sys.exit()
        request = json.loads(control.recv(_LENGTH.unpack(head)[0], socket.MSG_WAITALL))
        if os.fork() == 0 and _is_command(request, descriptors):
            control.close()
            return
        for descriptor in descriptors:
            os.close(descriptor)


def _is_command(request: dict[str, Any], descriptors: Sequence[int]) -> bool:
    """Become the command, and return; or stay to report its exit code, and end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, reply = descriptors
    command = os.fork()
    if command:
        _, status = os.waitpid(command, 0)
        os.write(reply, str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    for descriptor in descriptors:
        os.close(descriptor)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["provisioner", *request["arguments"]]
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    return True


def _warm_up() -> None:
    """Import what commands import late, build the models that are built on their first use, and parse botocore's data."""
    for module in ("provisioner.workflow", "deepdiff", "rich.progress", "botocore.httpsession"):
        importlib.import_module(module)
    importlib.import_module("provisioner.manifest").load(Path(__file__).parents[2] / "examples/quickstart")
    loaders.JSONFileLoader.load_file = cache(loaders.JSONFileLoader.load_file)  # type: ignore[method-assign]
    session = boto3.session.Session("x", "x", region_name="eu-west-1")
    for service in ("lambda", "sts", "resourcegroupstaggingapi", "s3", "sqs", "kinesis", "dynamodb"):
        session.client(service)


if __name__ == "__main__":
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    from provisioner.cli import main

    _warm_up()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who report
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    main()
