"""The command in forked processes: modules are imported once, and each command still has a process of its own.

`Forks` starts a server, `python -m tests.support.forks SOCKET`, which imports the product and forks for each request. A
command sees the arguments, folder, environment and streams that it was given, as after `python -m provisioner`. Shell
scripts get it as a program, `Forks.program`, which passes its own streams to the server.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.support.botocore_data import read_once

_LENGTH = struct.Struct("!I")
_TOP = Path(__file__).parents[2]
_PROGRAM = """\
#!{python} -IS
import json, os, socket, struct, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    request = {{"arguments": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}}
    data = json.dumps(request).encode()
    socket.send_fds(server, [struct.pack("!I", len(data)) + data], [0, 1, 2])
    sys.exit(int(server.recv(16)))
"""


class Forks:
    """Runs commands in forks of one server, which ends with the process that made this."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name) / "forks"
        alive, self._alive = os.pipe()  # the server ends when this end is closed, with this process
        arguments = [sys.executable, "-m", "tests.support.forks", str(self._path), str(alive)]
        self._server = subprocess.Popen(
            arguments, pass_fds=[alive], cwd=_TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        os.close(alive)
        assert self._server.stdout
        assert self._server.stdout.readline() == b"ready\n"

    @property
    def program(self) -> str:
        """The text of a program `provisioner` for shell scripts."""
        return _PROGRAM.format(python=sys.executable, path=str(self._path))

    def run(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: str = "", timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run the command to its end. Raises TimeoutError."""
        request = json.dumps({"arguments": list(arguments), "cwd": str(cwd), "env": dict(env)}).encode()
        with (
            socket.socket(socket.AF_UNIX) as server,
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            given.write(stdin.encode())
            given.seek(0)
            server.connect(str(self._path))
            streams = [given.fileno(), out.fileno(), err.fileno()]
            socket.send_fds(server, [_LENGTH.pack(len(request)) + request], streams)
            server.settimeout(timeout)
            code = int(server.recv(16))
            texts = []
            for stream in (out, err):
                stream.seek(0)
                texts.append(stream.read().decode())
        return subprocess.CompletedProcess(list(arguments), code, *texts)


def _serve(listening: socket.socket, alive: int) -> None:
    """Fork for each request, and report the exit code of each fork; returns in the fork that is to run the command."""
    ended, wake = os.pipe()
    os.set_blocking(ended, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # which writes to the pipe
    running: dict[int, socket.socket] = {}
    while True:
        ready = select.select([listening, alive, ended], [], [])[0]
        if alive in ready:
            sys.exit()
        if ended in ready:
            os.read(ended, 4096)
            _report(running)
        if listening not in ready:
            continue
        connection, _ = listening.accept()
        child = os.fork()
        if child == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (ended, wake, alive):
                os.close(descriptor)
            for other in (listening, *running.values()):
                other.close()
            _become_the_command(connection)
            return
        running[child] = connection


def _report(running: dict[int, socket.socket]) -> None:
    """Tell those whose commands have ended with which exit code."""
    for child in list(running):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            with running.pop(child) as connection, suppress(ConnectionError):
                connection.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become_the_command(connection: socket.socket) -> None:
    """Take arguments, folder, environment and streams from the request."""
    head, streams, _, _ = socket.recv_fds(connection, _LENGTH.size, 3)
    request = json.loads(connection.recv(_LENGTH.unpack(head)[0], socket.MSG_WAITALL))
    connection.close()
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    for descriptor in streams:
        os.close(descriptor)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["provisioner", *request["arguments"]]
    # The streams are open as long as the process.
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115


def _end(code: object) -> None:
    """End as the interpreter would, but for taking itself apart, which takes longer than most commands. Returns where it
    is to do that itself: at an exit code that is a text, or streams that cannot be written.
    """
    if not isinstance(code, int | None):
        return
    threading._shutdown()  # type: ignore[attr-defined]  # waits for the threads
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


def _warm_up() -> None:
    """Import what commands import late, build the models that are built on their first use, and parse botocore's data."""
    import boto3

    import provisioner

    ours = [module.name for module in pkgutil.walk_packages(provisioner.__path__, "provisioner.")]
    for name in (*ours, "deepdiff", "rich.progress", "botocore.httpsession", "encodings.idna"):
        if not name.startswith(("provisioner.sandbox", "provisioner.__main__")):
            importlib.import_module(name)
    importlib.import_module("provisioner.manifest").load(_TOP / "examples/quickstart")
    read_once()  # and forks inherit it
    session = boto3.session.Session("x", "x", region_name="eu-west-1")
    for service in ("lambda", "sts", "resourcegroupstaggingapi", "s3", "sqs", "kinesis", "dynamodb"):
        session.client(service)


if __name__ == "__main__":
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    from provisioner.cli import main

    _warm_up()
    gc.collect()
    gc.freeze()
    waiting = socket.socket(socket.AF_UNIX)
    waiting.bind(sys.argv[1])
    waiting.listen()
    os.write(1, b"ready\n")
    _serve(waiting, int(sys.argv[2]))
    try:
        main()
    except SystemExit as error:
        _end(error.code)
        raise
    _end(0)
