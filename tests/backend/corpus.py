"""Files of every format with every member that it has, as the commands write them, and what is beside them."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import boto3
import click
import pytest

from provisioner.backend.statefile import decode, encode_before, record_of
from provisioner.cli.app import cli
from provisioner.model.state import State
from provisioner.workflow import Run
from tests.support.clocks import Hurried
from tests.support.control_plane import ACCOUNT, REGION, ServedControlPlane
from tests.support.stack import Sessions
from tests.support.workspace import Result

BUCKET, KEY = "states", "test.json"
STATE, JOURNAL, LOCK = "state/test.json", "state/test.journal", "state/test.lock"


def queue(number: int, **more: Any) -> dict[str, Any]:
    return {"function_name": "f", "event_source_arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q{number}", **more}


RICH: Final = {
    "function_name": "f:live", "event_source_arn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s",
    "starting_position": "LATEST", "tags": {"team": "a"}, "lifecycle": {"prevent_destroy": True},
    "filter_criteria": {"filter": [{"pattern": {"data": {"n": [{"numeric": [">", 1.5]}]}}}]},
    "destination_config": {"on_failure": {"destination_arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead"}},
}  # fmt: skip
BAD: Final = queue(10)
BEFORE: Final = {"plain": queue(1), "rich": RICH, "gone": queue(2), "moved": queue(3), "also": queue(4)}
AFTER: Final = {
    "plain": queue(1, batch_size="${var.size}"), "rich": RICH, "moved": queue(13), "also": queue(14, tags={"a": "${var.prefix}"}),
    "imported": queue(22), "new": queue(9, lifecycle={"prevent_destroy": True}), "bad": BAD,
}  # fmt: skip
NEVER_SET: Final = {
    "statement": {"function": "f", "region": REGION, "id": "sid", "applied": {"Principal": "s3.amazonaws.com"}},
    "paused": {
        "by": "me", "at": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z", "reason": "r", "enabled_before": True
    },
}  # fmt: skip
"""Members of a record that this version keeps and does not set."""


@dataclass(frozen=True)
class Scene:
    """Files, objects and mappings, among them the file that is to be damaged, and the commands that read it."""

    name: str
    target: str
    files: Mapping[str, bytes]
    objects: Mapping[str, bytes]
    mappings: Callable[[], None]
    commands: tuple[tuple[str, ...], ...]

    @property
    def text(self) -> bytes:
        """The undamaged content."""
        return {**self.files, **self.objects}[self.target]


class Site:
    """A folder, a bucket and a control plane, and commands in this process on them."""

    def __init__(self, folder: Path, plane: ServedControlPlane, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.plane = plane
        self.calls: list[str] = []  # that change something
        opened = {"opened": Sessions(plane.endpoint, plane.attach), "clock": Hurried()}
        for function in (Run.__init__, Run.on.__func__):  # type: ignore[attr-defined]  # a classmethod has it
            for name, value in opened.items():
                patch.setitem(function.__kwdefaults__, name, value)

    def _seen(self, method: str, path: str) -> str:
        if method != "GET" and "event-source-mapping" in path:
            self.calls.append(f"{method} {path}")
        return ""

    def command(self, *arguments: str, folder: str = "") -> Result:
        """Run a command on the manifest in the folder, or in one below it. What is no answer of a command is raised."""
        given = [str(self.folder / word[1:]) if word.startswith("@") else word for word in arguments]
        # A saved plan needs no manifest, and takes none.
        self.plane.faults[:] = [self._seen, *(fault for fault in self.plane.faults if fault != self._seen)]
        self.calls.clear()
        given += [] if arguments[-1] == "@plan.json" else ["-f", str(self.folder / folder)]
        given += ["--checks", "off"] if arguments[0] in ("plan", "apply") else []  # behind the plane is no function
        out, err = io.StringIO(), io.StringIO()
        code = 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                cli.main(given, prog_name="provisioner", standalone_mode=False)
            except SystemExit as ended:
                code = int(ended.code or 0)
            except click.ClickException as error:
                code = 1
                error.show()
        return Result(code, out.getvalue(), err.getvalue())

    def did(self, *arguments: str, folder: str = "") -> Result:
        """A command that ends well."""
        result = self.command(*arguments, folder=folder)
        assert result.code == 0, result
        return result

    def write(self, mappings: Mapping[str, Any], folder: str = "", stack: str = "test", **more: Any) -> None:
        value = {
            "stack": stack, "provider": {"region": REGION}, "mappings": mappings,
            "variables": {"size": {"type": "integer", "default": 5}, "prefix": {"type": "string", "default": "x"}}, **more,
        }  # fmt: skip
        (self.folder / folder).mkdir(exist_ok=True)
        (self.folder / folder / "provisioner.yaml").write_text(json.dumps(value))

    @cached_property
    def s3(self) -> Any:
        """The client of the bucket."""
        client = boto3.client(
            "s3", region_name=REGION, endpoint_url=self.plane.endpoint, aws_access_key_id="x", aws_secret_access_key="x"
        )
        self.plane.attach(client.meta.events)
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        return client

    def files(self) -> dict[str, bytes]:
        """The content of each file, by its path."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()
        }

    def objects(self) -> dict[str, bytes]:
        """The content of each object, by its key after `s3:`."""
        keys = [item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]
        return {f"s3:{key}": self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}

    def put(self, scene: Scene, content: bytes) -> None:
        """Make everything as in a scene, with another content of its target."""
        files = {**scene.files, **({} if scene.target.startswith("s3:") else {scene.target: content})}
        for name, before in self.files().items():
            if files.get(name) != before:
                (self.folder / name).unlink()
        for name, data in files.items():
            (self.folder / name).parent.mkdir(exist_ok=True, parents=True)
            (self.folder / name).write_bytes(data)
        if scene.objects:
            objects = {**scene.objects, **({scene.target: content} if scene.target.startswith("s3:") else {})}
            for name in self.objects().keys() - objects.keys():
                self.s3.delete_object(Bucket=BUCKET, Key=name.removeprefix("s3:"))
            for name, data in objects.items():
                self.s3.put_object(Bucket=BUCKET, Key=name.removeprefix("s3:"), Body=data)
        scene.mappings()

    def live(self, source: str) -> dict[str, dict[str, Any]]:
        """What AWS has of a source, by UUID, with its tags."""
        client = self.plane.client()
        found = client.list_event_source_mappings(EventSourceArn=source)["EventSourceMappings"]
        return {
            item["UUID"]: {**item, "tags": client.list_tags(Resource=item["EventSourceMappingArn"])["Tags"]}
            for item in found
        }


READING: Final = (
    ("plan",), ("drift",), ("status",), ("state", "list"), ("state", "show", "plain"), ("state", "pull"),
    ("state", "pull", "--version", "1"),
)  # fmt: skip
WRITING: Final = (
    ("apply", "--auto-approve"), ("apply", "--auto-approve"), ("destroy", "--auto-approve"), ("state", "mv", "plain", "other"),
    ("state", "rm", "plain"), ("apply", "@plan.json"), ("apply", "--refresh=false", "--auto-approve"),
)  # fmt: skip


def scenes(site: Site) -> list[Scene]:
    """Every scene, made by real commands one after the other."""
    site.write({"theirs": queue(20), "taken": queue(22)}, "other", "other")
    site.did("apply", "--auto-approve", folder="other")
    site.plane.client().create_event_source_mapping(FunctionName="f", EventSourceArn=queue(21)["event_source_arn"])
    taken = dict(line.split() for line in site.did("state", "list", folder="other").out.splitlines())["taken"]
    site.write(BEFORE)
    site.did("apply", "--auto-approve")
    # A replacement that cannot delete the old mapping leaves it deposed.
    site.write({**BEFORE, "moved": queue(13)})
    with _fault(site, lambda method, path: "403" if method == "DELETE" else ""):
        assert site.command("apply", "--auto-approve").code == 3
    start = _now(site, "before", STATE)
    site.write({name: mapping for name, mapping in AFTER.items() if name != "imported"})
    (site.folder / STATE).write_text(site.did("state", "pull", "--version", "1").out)
    site.did("plan", "--out", "@plan.json", "--no-input")
    older = _interrupted(site, "apply", "--auto-approve", name="of version 1")
    site.put(start, start.text)
    site.write({**BEFORE, "moved": queue(13), "imported": queue(22)})
    site.did("import", "imported", taken)
    value = json.loads(site.did("state", "pull").out)
    value["environment"] = "prod"
    value["mappings"]["rich"] |= NEVER_SET
    value["mappings"]["moved"]["deposed"][0]["statement"] = NEVER_SET["statement"]
    (site.folder / "pushed.json").write_text(json.dumps(value))
    site.did("state", "push", "@pushed.json", "--force")
    site.write(AFTER)
    (site.folder / "vars.json").write_text(json.dumps({"size": 7, "prefix": "ü", "unknown": {"a": [1, None]}}))
    (site.folder / "vars.yaml").write_text("size: 7\nprefix: ü\n")
    site.did("plan", "--out", "@plan.json", "--no-input")
    settled = _now(site, "settled", STATE)
    state = site.did("state", "pull").out
    between = _interrupted(site, "apply", "--auto-approve", name="interrupted")
    site.put(settled, settled.text)
    site.write(AFTER, state={"s3": {"bucket": BUCKET, "key": KEY}})
    (site.folder / "pushed.json").write_text(state)
    _ = site.s3
    site.did("state", "push", "@pushed.json", "--no-input")
    site.did("plan", "--out", "@plan.json", "--no-input")
    shared = _now(site, "in S3", f"s3:{KEY}")
    locked = _interrupted(site, "apply", "--auto-approve", name="interrupted in S3")
    objects = {name: data for name, data in locked.objects.items() if not name.endswith(".lock")}
    ident = json.loads(locked.objects[f"s3:{KEY}.lock"])["id"]
    variables = tuple(
        (command, "--var-file", f"@vars.{ending}", last)
        for ending in ("json", "yaml")
        for command, last in (("plan", "--no-input"), ("apply", "--auto-approve"))
    )
    return [
        settled, shared, between, replace(between, target=JOURNAL), older, replace(older, target=JOURNAL),
        replace(locked, target=f"s3:{KEY}", objects=objects),
        replace(locked, target=f"s3:{KEY}.lock", commands=(("plan",), ("apply", "--auto-approve"), ("force-unlock", ident))),
        replace(settled, target=LOCK, commands=(("plan",), ("apply", "--auto-approve"))),
        replace(settled, target="plan.json", commands=(("show", "@plan.json"), ("apply", "@plan.json"))),
        replace(settled, target="vars.json", commands=variables[:2]),
        replace(settled, target="vars.yaml", commands=variables[2:]),
        replace(settled, target="pushed.json", commands=(("state", "push", "@pushed.json", "--force"),)),
    ]  # fmt: skip


@contextlib.contextmanager
def _fault(site: Site, fault: Any) -> Iterator[None]:
    site.plane.faults.append(fault)
    yield
    site.plane.faults.clear()


def _now(site: Site, name: str, target: str) -> Scene:
    objects = site.objects() if target.startswith("s3:") else {}
    return Scene(name, target, site.files(), objects, site.plane.keep(), ())


def _interrupted(site: Site, *command: str, name: str) -> Scene:
    """Everything as it is when the last changing call of a command arrives, one of which AWS refuses."""
    target = f"s3:{KEY}" if "S3" in name else STATE
    seen: list[Scene] = []

    def look(method: str, path: str) -> str:
        if method == "GET" or "event-source-mappings" not in path:
            return ""
        seen.append(_now(site, name, target))
        # Only one worker changes anything; the main thread may read at the same time.
        body = next(body for called, _, body in reversed(site.plane.requests) if called != "GET")
        return "400 InvalidParameterValueException" if body.get("EventSourceArn") == BAD["event_source_arn"] else ""

    with _fault(site, look):
        result = site.command(*command, "--parallelism", "1")
    assert result.code == 3, result
    last = seen[-1]
    return replace(last, files={**last.files, **_before(last.files)}) if name == "of version 1" else last


def _before(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """State and journal as version 1 wrote them."""
    state = decode(files[STATE].decode(), where=STATE, stack="test")
    lines = []
    for line in map(json.loads, files[JOURNAL].splitlines()):
        if "journal" in line:
            line["journal"] = 1
        elif "intent" in line:
            line.pop("kind")
            line["uuids"] = [key["id"] for key in line.pop("keys")]
        elif line.get("record"):
            record = State("test", "l", mappings={"x": record_of(line["record"])})
            line["record"] = json.loads(encode_before(record))["mappings"]["x"]
        lines.append(json.dumps(line) + "\n")
    return {STATE: encode_before(state).encode(), JOURNAL: "".join(lines).encode()}
