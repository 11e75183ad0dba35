"""Buckets and function policies in a history: all that was written there, by whom, and what must hold at each write.

A *key* is BUCKET/ID of an entry or FUNCTION/ID of a statement. *Ours* is what a process of the product wrote first, or what a
state ever had; all else is foreign.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from provisioner.sandbox.documents import ROOT, Entry, entries_of, written
from tests.simulator.cloud import FOREIGN, Answer, Cloud, Sender
from tests.simulator.turns import Process
from tests.support.control_plane import ACCOUNT, REGION

BUCKETS = ("media", "logs")
FUNCTIONS = ("f", "g", "other")
FUNCTION_PATH = "/2015-03-31/functions/"

RACED = "somebody else wrote between a read of the bucket and the write that followed it"

Parts = tuple[tuple[str, str], ...]
"""A document: the key of each element, "" where it has none, and its text."""


@dataclass(frozen=True)
class Write:
    """One change of a document or of a policy that AWS made."""

    at: float
    by: Sender
    place: str  # the bucket or function


@dataclass
class Sources:
    """All buckets and policies. `known` gives the keys that state and journal have now, `may_change` is asked before a
    process changes anything, and `appeared` is called for each key that was not there before a write; its last argument is
    whether the writer had read it there.
    """

    cloud: Cloud
    happened: Callable[..., None]
    broken: Callable[[str, str], None]
    known: Callable[[], Collection[str]]
    may_change: Callable[[Sender, str], None]
    appeared: Callable[[Sender, str, bool], None]
    gone: Callable[[Collection[str]], None]
    ours: set[str] = field(default_factory=set)
    writes: list[Write] = field(default_factory=list)
    older: dict[str, list[str]] = field(default_factory=dict)  # what each bucket has had
    about: dict[str, str] = field(default_factory=dict)  # the source of each statement, when it was new
    raced: set[str] = field(default_factory=set)  # what was lost between a read and a write

    # --- the truth ----------------------------------------------------------------------------------------------------

    def document(self, bucket: str) -> ET.Element:
        """What a bucket has, which nobody may change."""
        found: ET.Element = self.cloud._plane._notifications._documents.get(bucket, ET.Element(ROOT))
        return found

    def parts(self, bucket: str) -> Parts:
        """The document of a bucket, by element."""
        return tuple(
            (f"{bucket}/{ident}" if (ident := item.findtext("Id")) else "", ET.tostring(item, "unicode"))
            for item in self.document(bucket)
        )

    def entries(self) -> dict[str, Entry]:
        """All entries, by key."""
        return {
            f"{bucket}/{item.element.findtext('Id')}": item
            for bucket in BUCKETS
            for item in entries_of(self.document(bucket))
        }

    def statements(self) -> dict[str, dict[str, Any]]:
        """All statements, by key."""
        plane = self.cloud._plane._policies.get((ACCOUNT, REGION))
        return {
            f"{name}/{item['Sid']}": item
            for (name, _), policy in (plane._all.items() if plane else ())
            for item in policy.statements
        }

    def live(self) -> set[str]:
        """The keys of all that there is."""
        return {*self.entries(), *self.statements()}

    def admitted(self, key: str) -> bool:
        """Whether S3 may invoke the function of an entry; True for what is no function."""
        bucket, entry = key.partition("/")[0], self.entries()[key]
        found = self.cloud._plane._notifications
        place = found._world(ACCOUNT, REGION).bucket(bucket)
        assert place is not None, "buckets are never deleted here"
        return found._failure(bucket, place, entry) is None

    def serves_others(self, statement: str, recorded: Collection[str], by: Process) -> bool:
        """Whether an entry that is not recorded, and that there is or that a process has read, invokes the function of a
        statement, from a bucket that it is about.
        """
        function, source = statement.partition("/")[0], self.about.get(statement, "")
        return any(
            key not in recorded
            and entry.destination.rpartition(":")[2] == function
            and source.endswith(f":{key.partition('/')[0]}")
            for key, entry in (*self.entries().items(), *by.entries.items())
        )

    def touched(self, places: Collection[str], since: float, besides: Process | None) -> bool:
        """Whether anybody but a process, or a request of its that came late, wrote to one of these places since a time."""
        return any(
            item.place in places and item.at >= since and (item.by.late or item.by.process is not besides)
            for item in self.writes
        )

    def looked(self, place: str, by: Sender) -> None:
        """Note what a process sees, and what was ours that it sees missing, when it reads a bucket or a policy."""
        if by.process:
            by.process.entries |= {key: item for key, item in self.entries().items() if key.startswith(f"{place}/")}
            # With what an earlier run has only intended: this one may recover it, and save it after it has looked.
            ours = {key for key in {*self.ours, *self.known()} if key.startswith(f"{place}/")}
            by.process.missed = (by.process.missed - ours) | (ours - self.live())

    # --- requests -----------------------------------------------------------------------------------------------------

    def get_document(self, bucket: str, by: Sender) -> Answer:
        """The document, as bytes."""
        self.looked(bucket, by)
        return self._send("GET", f"/{bucket}", "notification", service="s3")

    def put_document(
        self, bucket: str, body: bytes, by: Sender = FOREIGN, base: Parts | None = None, *, skips: bool = True
    ) -> Answer:
        """Write a document; `base` is what its writer, a process, has read before."""
        before = self.parts(bucket)
        if by.process:
            self.may_change(by, bucket)
        more = {"HTTP_X_AMZ_SKIP_DESTINATION_VALIDATION": "true"} if skips else {}
        answer = self._send("PUT", f"/{bucket}", "notification", body, service="s3", more=more)
        if answer[0] < 300:
            after = self.parts(bucket)
            self.older.setdefault(bucket, []).append(written(self.document(bucket)).decode())
            if by.process:
                assert base is not None, "a process reads a document before it writes it"
                self._check(bucket, before, base, after, by)
            self._note(bucket, dict(before).keys() - {""}, dict(after).keys() - {""}, by, dict(base or ()).keys())
        return answer

    def policy(
        self, method: str, function: str, sid: str = "", query: Any = None, body: Any = None, by: Sender = FOREIGN
    ) -> Answer:
        """A call on a policy."""
        changes, before = method != "GET", self.statements().keys()
        key = f"{function}/{sid}"
        if changes and by.process:
            self.may_change(by, function)
        if not changes:
            self.looked(function, by)
        data = json.dumps(body).encode() if body is not None else b""
        path = f"{FUNCTION_PATH}{function}/policy" + (f"/{sid}" if sid else "")
        status, headers, answer = self._send(method, path, urlencode(query or {}), data)
        if changes and status < 300:
            if method == "DELETE" and by.process:
                self._check_removal(key, by, by.process)
            self._note(function, before, self.statements().keys(), by)
        return status, headers, json.loads(answer) if answer else {}

    def _send(
        self, method: str, path: str, query: str, body: bytes = b"", *, service: str = "lambda", more: Any = None
    ) -> Answer:
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "HTTP_AUTHORIZATION": f"Credential=x/20260101/{REGION}/{service}/aws4_request",
            **(more or {}),
        }
        started: list[Any] = []
        answer = b"".join(self.cloud._plane(environ, lambda *arguments: started.extend(arguments)))
        return int(started[0].split()[0]), dict(started[1]), answer

    # --- what must hold at each write ---------------------------------------------------------------------------------

    def _foreign(self, parts: Parts) -> list[str]:
        return [text for key, text in parts if key not in self.ours]

    def _check(self, bucket: str, before: Parts, base: Parts, after: Parts, by: Sender) -> None:
        """What others have is written as it was read, in its order, and of ours only what is recorded is changed. What stood
        there and was not read came between the read and the write, which the record of writes must show.
        """
        process = by.process
        assert process is not None
        self.ours |= dict(after).keys() - dict(base).keys() - dict(before).keys() - {""}
        if self._foreign(base) != self._foreign(after):
            what = f"{process.command}: {self._foreign(base)} became {self._foreign(after)}"
            self.broken("nothing foreign is lost", what)
        changed = {key for key, _ in set(base) ^ set(after)} - {""}
        if not (_loses(process) or by.late) and (unknown := changed - set(self.known())):
            self.broken("only what is recorded is changed", f"{process.command} in {bucket}: {unknown}")
        lost = [text for text in self._foreign(before) if text not in self._foreign(after)]
        if lost and not any(item.place == bucket and item.by.process is not process for item in self.writes):
            self.broken("nothing foreign is lost", f"{process.command}: {lost}, and nobody else wrote")
        if lost:
            self.happened(f"excused: {RACED}")
            self.raced.update(lost)

    def _check_removal(self, key: str, by: Sender, process: Process) -> None:
        if key not in self.known() and not (_loses(process) or by.late):
            self.broken("only what is recorded is removed", f"{process.command}: {key}")
        if key not in self.ours:
            self.broken("nothing foreign is lost", f"{process.command} removed the statement {key}")

    def _note(
        self, place: str, before: Collection[str], after: Collection[str], by: Sender, base: Collection[str] = ()
    ) -> None:
        self.writes.append(Write(self.cloud.turns.now, by, place))
        gone, new = sorted(set(before) - set(after)), sorted(set(after) - set(before))
        changed = [*(f"+{key}" for key in new), *(f"-{key}" for key in gone)]
        who = f"{place}{' late' if by.late else ''}{'' if by.process else ' by somebody else'}"
        self.happened(f"AWS: a write of {'a bucket' if place in BUCKETS else 'a policy'}", " ".join([who, *changed]))
        self.gone(gone)
        for key in new:
            if by.process:
                self.ours.add(key)
            if by.process and not by.late:
                by.process.missed.discard(key)
            if by.process or key not in self.about:
                condition = self.statements().get(key, {}).get("Condition", {})
                self.about[key] = condition.get("ArnLike", {}).get("AWS:SourceArn", "")
            self.appeared(by, key, key in base)


def _loses(process: Process) -> bool:
    """Whether somebody took away what a process works with; what it sends afterwards is looked at where it arrives."""
    return bool(process.lost or process.loses_state or process.lost_journal)
