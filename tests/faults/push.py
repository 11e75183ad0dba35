"""Stories of mappings that buckets keep, with a fault at any call, and what must hold afterwards.

They run in this process: a killed one ends by an exception that nothing handles, and makes no further call. The state's
files and S3 then have what a process leaves that was killed there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

from provisioner import workflow
from provisioner.errors import ProvisionerError
from provisioner.kinds.statements import PREFIX, short_lineage
from provisioner.model.report import Report
from provisioner.model.state import State
from provisioner.planning.naming import is_ours_by_name
from provisioner.planning.statements import place_of, recorded_statements
from provisioner.workflow import Execution, Run, Selection
from tests.support.clocks import Skipping
from tests.support.control_plane import ACCOUNT, REGION, KilledError, ServedControlPlane
from tests.support.s3_api import NAMESPACE, S3Api, entry
from tests.support.stack import Sessions, Stack

Manifest = dict[str, Any]
STATES: Final = "states"
BUCKETS: Final = ("media", "logs")
FUNCTIONS: Final = ("f", "f:live", "g", "h", "other")
CHANGES: Final = ("PUT", "POST", "DELETE")

FOREIGN: Final = (
    entry("s3:ObjectRemoved:*", id="console", arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:other"),
    entry("s3:ObjectRestore:*", id="queue", member="Queue", prefix="x/").replace("</Queue>", "</Queue><Later a='1'>&lt;</Later>"),
    "<EventBridgeConfiguration></EventBridgeConfiguration>",
    "<KinesisConfiguration><Stream>s</Stream></KinesisConfiguration>",
)  # fmt: skip
"""What others have in each bucket, with elements that boto3 does not know."""

REFUSALS: Final = {
    "?notification": (
        "403 AccessDenied", "500 InternalError", "503 SlowDown", "409 OperationAborted", "404 NoSuchBucket",
        "412 PreconditionFailed",
    ),
    "/policy": (
        "403 AccessDeniedException", "500 ServiceException", "429 TooManyRequestsException",
        "409 ResourceConflictException The function could not be updated due to a concurrent update operation.",
        "409 ResourceConflictException The statement id (s) provided already exists. Please provide a new one.",
        "412 PreconditionFailedException",
    ),
}  # fmt: skip
"""What AWS may answer to calls on notifications and on policies."""


def mapping(function: str = "f", bucket: str = "media", prefix: str = "in/", **more: Any) -> dict[str, Any]:
    """A mapping of S3."""
    return {
        "function_name": function, "event_source_arn": f"arn:aws:s3:::{bucket}", "events": ["s3:ObjectCreated:*"],
        "filter_prefix": prefix, **more,
    }  # fmt: skip


@dataclass
class Fault:
    """What goes wrong at the `at`-th call of a run (from 1; with 0 nothing): killed "kill before" or "kill after" it, "cut"
    or "lost" without an answer before or after AWS acted, or an error that AWS answers, by its status. `lasts`: so it is
    for all later calls of the same kind too.
    """

    mode: str = ""
    at: int = 0
    lasts: bool = False
    calls: list[tuple[str, str]] = field(default_factory=list)
    _killed: bool = False
    _kind: str = ""

    def __call__(self, method: str, path: str) -> str:
        if self._killed:
            raise KilledError
        self.calls.append((method, path))
        kind = f"{method} {path.partition('/policy')[0]}"
        if len(self.calls) != self.at and not (self.lasts and kind == self._kind):
            return ""
        self._kind = kind
        if self.mode == "kill before":
            self._killed = True
            raise KilledError
        if self.mode == "kill after":
            self._killed = True
            return "killed"
        return {"cut": "before", "lost": "after"}.get(self.mode, self.mode)


@dataclass
class World:
    """A control plane with entries and statements of others, and a stack in a folder, with its state there or in S3."""

    folder: Path
    plane: ServedControlPlane
    sessions: Sessions
    in_s3: bool = False
    manifest: Manifest = field(default_factory=dict)
    chosen: set[str] = field(default_factory=set)  # ids of statements that a manifest named

    def __post_init__(self) -> None:
        self.stack = Stack(self.folder, self.plane, self.sessions)
        self.stack.clock = Skipping()
        self.api = S3Api(self.plane, None)  # type: ignore[arg-type]  # no time passes here
        self.plane.faults.clear()
        self.plane.reset()
        if self.in_s3:
            self.put_objects({})
        self.put_foreign()

    def put_foreign(self) -> None:
        client = self.plane.client()
        for number, bucket in enumerate(BUCKETS):
            arn = f"arn:aws:s3:::{bucket}"
            for function in FUNCTIONS:
                self.api.permit(function, StatementId=f"foreign-{number}", SourceArn=f"{arn}-2", SourceAccount=ACCOUNT)
            client.add_permission(
                FunctionName="other", StatementId=f"console-{number}", Action="lambda:InvokeFunction",
                Principal="s3.amazonaws.com", SourceArn=arn,
            )  # fmt: skip
            self.api._sent.append(document_of(FOREIGN).encode())
            self.api.client.put_bucket_notification_configuration(
                Bucket=bucket, NotificationConfiguration={}, SkipDestinationValidation=True
            )

    # --- the tool -----------------------------------------------------------------------------------------------------

    def write(self, mappings: Manifest, **more: Any) -> None:
        self.manifest = mappings
        for item in mappings.values():
            permission = item.get("permission")
            self.chosen |= (
                {permission["statement_id"]} if isinstance(permission, dict) and "statement_id" in permission else set()
            )
        state = {"state": {"s3": {"bucket": STATES, "key": "test.json"}}} if self.in_s3 else {}
        value = {"stack": "test", "provider": {"region": REGION}, **state, "mappings": mappings, **more}
        (self.folder / "provisioner.yaml").write_text(json.dumps(value))

    def run(self) -> Run:
        return self.stack.run()

    def apply(self) -> Report:
        return workflow.apply(self.run(), Selection(), Execution(auto_approve=True, parallelism=1))[1]

    def applied(self, mappings: Manifest, **more: Any) -> None:
        self.write(mappings, **more)
        report = self.apply()
        assert report.clean, described(report)

    def faulty(self, fault: Callable[[str, str], str]) -> str:
        """Apply under a fault. Returns what is wrong already: an error that is a traceback, or an entry without permission."""
        self.plane.faults[:] = [fault]
        try:
            report = self.apply()
        except KilledError:
            self.plane.faults.clear()
            self._free_the_lock()
            return ""
        except ProvisionerError:
            return ""  # said in a sentence, before the first call or at the end
        finally:
            self.plane.faults.clear()
        broken = [item.detail for item in report.outcomes if "internal error" in item.detail]
        return "; ".join(broken)

    def _free_the_lock(self) -> None:
        """What a person does who knows that the machine is gone: only a lock in S3 needs it."""
        if self.in_s3:
            self.plane.client("s3").delete_object(Bucket=STATES, Key="test.json.lock")

    def objects(self) -> dict[str, bytes]:
        """What the bucket of states has."""
        client = self.plane.client("s3")
        listed = client.list_objects_v2(Bucket=STATES).get("Contents", [])
        return {item["Key"]: client.get_object(Bucket=STATES, Key=item["Key"])["Body"].read() for item in listed}

    def put_objects(self, objects: dict[str, bytes]) -> None:
        client = self.plane.client("s3")
        for key in self.objects():
            client.delete_object(Bucket=STATES, Key=key)
        for key, data in objects.items():
            client.put_object(Bucket=STATES, Key=key, Body=data)

    @property
    def state(self) -> State:
        return self.run().backend.read().state

    # --- what AWS has -------------------------------------------------------------------------------------------------

    def entries(self, bucket: str) -> list[ET.Element]:
        return list(ET.fromstring(self.api.get_text(bucket)))

    def statements(self, function: str) -> dict[str, dict[str, Any]]:
        try:
            text = self.plane.client().get_policy(FunctionName=function)["Policy"]
        except self.plane.client().exceptions.ResourceNotFoundException:
            return {}
        return {item["Sid"]: item for item in json.loads(text)["Statement"]}

    def _is_ours(self, element: ET.Element, lineage: str) -> bool:
        ident = element.findtext(f"{{{NAMESPACE}}}Id") or ""
        return is_ours_by_name(ident, lineage) or ident in CHOSEN_IDS

    def foreign(self) -> dict[str, list[str]]:
        """All that is not ours, as text, in its order."""
        lineage = self.state.lineage
        found = {
            bucket: [ET.tostring(item, "unicode") for item in self.entries(bucket) if not self._is_ours(item, lineage)]
            for bucket in BUCKETS
        }
        for function in FUNCTIONS:
            found[function] = [
                json.dumps(item, sort_keys=True)
                for sid, item in self.statements(function).items()
                if not self._is_our_statement(sid, lineage)
            ]
        return found

    def _is_our_statement(self, sid: str, lineage: str) -> bool:
        return sid.startswith(f"{PREFIX}-{short_lineage(lineage)}-") or sid in self.chosen

    def ours(self) -> tuple[set[str], set[tuple[str, str]]]:
        """The entries of ours, by bucket and Id, and the statements of ours, by function and id."""
        lineage = self.state.lineage
        entries = {
            f"{bucket}/{item.findtext(f'{{{NAMESPACE}}}Id')}"
            for bucket in BUCKETS
            for item in self.entries(bucket)
            if self._is_ours(item, lineage)
        }
        statements = {
            (function, sid)
            for function in FUNCTIONS
            for sid in self.statements(function)
            if self._is_our_statement(sid, lineage)
        }
        return entries, statements

    def unpermitted(self) -> list[str]:
        """Entries of ours whose function S3 may not invoke."""
        found = []
        lineage = self.state.lineage
        for bucket in BUCKETS:
            for item in self.entries(bucket):
                function = (item.findtext(f"{{{NAMESPACE}}}CloudFunction") or "").partition(":function:")[2]
                arn = f"arn:aws:s3:::{bucket}"
                if self._is_ours(item, lineage) and not any(
                    fnmatch(arn, one.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn", ""))
                    for one in self.statements(function).values()
                ):
                    found.append(f"{item.findtext(f'{{{NAMESPACE}}}Id')} -> {function}")
        return found

    # --- what must hold -----------------------------------------------------------------------------------------------

    def wrong(self, foreign: dict[str, list[str]]) -> list[str]:
        """Apply once more: what is wrong then. `foreign` is what was not ours before."""
        try:
            report = self.apply()
        except ProvisionerError as error:
            return [f"the next apply: {error.message}"]
        if not report.clean:
            return [f"the next apply: {described(report)}"]
        snapshot = self.run().backend.read()
        state, plan = snapshot.state, workflow.plan(self.run(), Selection())
        entries, statements = self.ours()
        recorded = {
            statement for record in state.mappings.values() for statement in map(place_of, recorded_statements(record))
        }
        findings = {
            "a plan that is not empty": [change.name for change in plan.changes if change.counts],
            "names": set(state.mappings) ^ set(self.manifest),
            "entries": entries ^ {key.id for key in state.managers()},
            "statements": statements ^ {(function, sid) for function, _, sid in recorded},
            "deposed": [name for name, record in state.mappings.items() if record.deposed],
            "two statements": [name for name, record in state.mappings.items() if len(recorded_statements(record)) > 1],
            "without permission": self.unpermitted() if self.manifest_needs_permission else [],
            "open intents": snapshot.unresolved,
        }
        wrong = [f"{what}: {found}" for what, found in findings.items() if found]
        now = self.foreign()
        return wrong + [
            f"foreign in {place}: {foreign[place]} became {now[place]}" for place in now if now[place] != foreign[place]
        ]

    @property
    def manifest_needs_permission(self) -> bool:
        return all(item.get("permission") != "none" for item in self.manifest.values())


CHOSEN_IDS: Final = {"mine", "yours"}
"""Ids of entries that manifests choose."""


def described(report: Report) -> str:
    return "; ".join(f"{item.change.key}: {item.result} {item.detail}" for item in report.outcomes if not item.clean)


def document_of(parts: Sequence[str]) -> str:
    return f'<NotificationConfiguration xmlns="{NAMESPACE}">{"".join(parts)}</NotificationConfiguration>'


def keeper(world: World) -> Callable[[], None]:
    """A function that puts the state and AWS back as they are now."""
    put_back_aws = world.plane.keep()
    state, kept = world.folder / "state", world.folder / "kept"
    objects = world.objects() if world.in_s3 else {}
    shutil.rmtree(kept, ignore_errors=True)
    if state.exists():
        shutil.copytree(state, kept)

    def put_back() -> None:
        put_back_aws()
        shutil.rmtree(state, ignore_errors=True)
        if kept.exists():
            shutil.copytree(kept, state)
        if world.in_s3:
            world.put_objects(objects)

    return put_back
