"""Faults for a forked tool: killed, cut, answered with errors at the n-th call; killed or failed at the n-th file
operation.

The tool is imported once and forked for each point, so that a point takes a fraction of a second and SIGKILL stays
real.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import shutil
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Final
from unittest import mock

import boto3
import botocore.exceptions
import botocore.httpsession

from provisioner import workflow
from provisioner.errors import LockedError, ProvisionerError
from provisioner.model.report import Report
from provisioner.workflow import Execution, Run, Selection
from tests.faults.plane import ENDPOINT, Line
from tests.support.clocks import Hurried
from tests.support.control_plane import REGION, response
from tests.support.stack import Sessions, SilentUi

LONGEST: Final = 60
"""Seconds after which a fork is killed: nothing in these stories waits so long."""

BUCKET, KEY = "states", "test.json"
OPERATIONS: Final = ("write", "fsync", "replace", "link", "unlink", "ftruncate", "open")
FILE_MODES: Final = ("kill", "torn", "ENOSPC", "EIO")
CALL_MODES: Final = ("kill before", "kill after", "cut", "429", "500", "garbage")


@dataclass
class Counted:
    """What one run did: calls, file operations, and the bytes and syncs among them."""

    calls: int = 0
    files: int = 0
    bytes: int = 0
    syncs: int = 0
    state_writes: int = 0
    cuts: list[tuple[int, str, bool]] = field(default_factory=list)  # see power.PowerCut


@dataclass
class Fault:
    """What goes wrong, and at which call or file operation (from 1); 0 counts only. `only_writes` counts no other file
    operations: at them a torn write is a kill.
    """

    mode: str = ""
    at: int = 0
    only_writes: bool = False
    counted: Counted = field(default_factory=Counted)

    def install(self) -> None:
        """Put the hooks in this process, which is a fork."""
        for name in OPERATIONS:
            setattr(os, name, self._file_operation(name, getattr(os, name)))
        send = botocore.httpsession.URLLib3Session.send
        hook = lambda session, request: self._call(send, session, request)  # noqa: E731  # a function, so that it is bound
        mock.patch.object(botocore.httpsession.URLLib3Session, "send", hook).start()

    def _file_operation(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*arguments: Any, **options: Any) -> Any:
            if name == "open" and not (len(arguments) > 1 and arguments[1] & os.O_CREAT):
                return real(*arguments, **options)
            counted, counts = self.counted, name == "write" or not self.only_writes
            counted.files += counts
            counted.syncs += name == "fsync"
            counted.bytes += len(arguments[1]) if name == "write" else 0
            if self.mode in FILE_MODES and counted.files == self.at and counts:
                if self.mode == "torn" and name == "write":
                    real(arguments[0], arguments[1][: len(arguments[1]) // 2])
                if self.mode in ("kill", "torn"):
                    os.kill(os.getpid(), signal.SIGKILL)
                code = getattr(errno, self.mode)
                raise OSError(code, os.strerror(code))
            return real(*arguments, **options)

        return operation

    def _call(self, send: Callable[..., Any], session: Any, request: Any) -> Any:
        self.counted.calls += 1
        if f"/{BUCKET}/" in request.url and request.method == "PUT":
            self.counted.state_writes += 1
            self.counted.bytes += int(request.headers.get("Content-Length") or 0)
        mode = self.mode if self.counted.calls == self.at else ""
        if mode == "kill before":
            os.kill(os.getpid(), signal.SIGKILL)
        if mode in ("429", "500"):
            code = "TooManyRequestsException" if mode == "429" else "ServiceException"
            return response(request.url, int(mode), {"x-amzn-errortype": code}, b'{"message": "made by a test"}')
        if mode == "garbage":
            return response(request.url, 200, {}, b"\x00<garbage")
        answered = send(session, request)
        if mode == "kill after":
            os.kill(os.getpid(), signal.SIGKILL)
        if mode == "cut":
            raise botocore.exceptions.ConnectionClosedError(endpoint_url=request.url)
        return answered


@dataclass
class Machine:
    """A folder with a manifest, a control plane, and forks of the tool."""

    folder: Path
    line: Line
    s3: bool = False
    manifest: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Opened here without a connection, so that no fork has to open it.
        self.sessions = Sessions(ENDPOINT)
        self._client = cache(
            partial(
                boto3.client,
                region_name=REGION, endpoint_url=ENDPOINT, aws_access_key_id="x", aws_secret_access_key="x",
            )
        )  # fmt: skip
        self.clock = Hurried()
        self._prepared: Any = None

    def client(self, service: str = "lambda") -> Any:
        """The one client of a service, which forks inherit: making one takes longer than ten calls."""
        return self._client(service)

    def make_bucket(self) -> None:
        self.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def write(self, mappings: dict[str, Any], **more: Any) -> None:
        state = {"state": {"s3": {"bucket": BUCKET, "key": KEY}}} if self.s3 else {}
        self.manifest = {"stack": "test", "provider": {"region": REGION}, **state, "mappings": mappings, **more}
        (self.folder / "provisioner.yaml").write_text(json.dumps(self.manifest))

    def run(self) -> Run:
        run = Run.on(self.folder, SilentUi(), clock=self.clock, opened=self.sessions)
        _ = run.aws.gateway(REGION), run.backend if self.s3 else None
        return run

    def apply(self, parallelism: int = 3) -> Report:
        return workflow.apply(self.run(), Selection(), Execution(auto_approve=True, parallelism=parallelism))[1]

    def _prepare(self) -> None:
        """Plan here, once, so that forks inherit what else each would do anew: imports, clients, botocore's shapes."""
        aws = self.run().aws
        if aws is not self._prepared:
            workflow.plan(self.run(), Selection())
            self.client().can_paginate("list_event_source_mappings")
            gc.collect()
            gc.freeze()  # a fork that collects garbage copies every page that it looks at
            self._prepared = aws

    def forked(self, work: Callable[[], Any], fault: Fault | None = None) -> tuple[int, Counted, str]:
        """Do work in a fork under a fault: how it ended (negative is a signal), what it did, and what it says."""
        self._prepare()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            status, said = 1, ""
            fault = fault or Fault()
            signal.alarm(LONGEST)
            try:
                fault.install()
                said = str(work() or "")
                status = 0
            except ProvisionerError as error:
                said, status = error.message, 3
            except BaseException:  # whatever it was, the parent must learn of it before this fork ends
                said, status = traceback.format_exc(), 2
            counted = json.dumps([vars(fault.counted), said[-4000:]]).encode()
            _real_write(writing, counted)
            os._exit(status)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            text = pipe.read()
        _, ended = os.waitpid(child, 0)
        counts, said = json.loads(text) if text else ({}, "")
        return os.waitstatus_to_exitcode(ended), Counted(**counts), said

    def free_the_lock(self) -> None:
        """What a person does who knows that the machine is gone: only a lock in S3 needs it."""
        if not self.s3:
            return
        client = self.client("s3")
        with suppress(client.exceptions.NoSuchKey):
            ident = json.loads(client.get_object(Bucket=BUCKET, Key=f"{KEY}.lock")["Body"].read())["id"]
            workflow.force_unlock(self.run(), ident)

    def recovers(self) -> str:
        """Apply again, and look: what is wrong afterwards, or ""."""
        self.free_the_lock()
        report = self.apply()
        if not report.clean:
            return f"the second apply is not clean: {[(item.change.name, item.detail) for item in report.outcomes]}"
        pages = self.client().get_paginator("list_event_source_mappings").paginate()
        live = [item["UUID"] for page in pages for item in page["EventSourceMappings"]]
        snapshot = self.run().backend.read()
        known = {key.id for key in snapshot.state.managers()}
        wanted = self.manifest["mappings"]
        plan = workflow.plan(self.run(), Selection())
        findings = {
            "a plan that is not empty": [change.name for change in plan.changes if change.counts],
            "orphans": set(live) - known,
            "records of nothing": known - set(live),
            "mappings twice": len(live) - len(wanted),
            "names": set(snapshot.state.mappings) ^ set(wanted),
            "open intents": snapshot.unresolved,
        }
        return "; ".join(f"{what}: {found}" for what, found in findings.items() if found)

    def wrong_after(self, work: Callable[[], Any], fault: Fault) -> str:
        """Do work in a fork under a fault, and recover here: what is wrong then, or ""."""
        status, _, said = self.forked(work, fault)
        try:
            finding = self.recovers()
        except Exception:
            finding = traceback.format_exc()
        broken = [said] * (status == 2) + [f"(first run {status}): {finding}"] * bool(finding)
        return "; ".join(broken)

    def copy_of_state(self) -> Callable[[], None]:
        """A function that puts the state and the mappings back as they are now."""
        self.line.post("/test/keep")
        if self.s3:
            client = self.client("s3")
            text = client.get_object(Bucket=BUCKET, Key=KEY)["Body"].read()

            def put_back() -> None:
                client.delete_object(Bucket=BUCKET, Key=f"{KEY}.lock")
                client.put_object(Bucket=BUCKET, Key=KEY, Body=text)
                self.line.post("/test/restore")
        else:
            state, kept = self.folder / "state", self.folder.with_name(f"{self.folder.name}-kept")
            if state.exists():
                shutil.copytree(state, kept)

            def put_back() -> None:
                shutil.rmtree(state, ignore_errors=True)
                if kept.exists():
                    shutil.copytree(kept, state)
                self.line.post("/test/restore")

        return put_back


_real_write = os.write


__all__ = ["CALL_MODES", "FILE_MODES", "Counted", "Fault", "LockedError", "Machine"]
