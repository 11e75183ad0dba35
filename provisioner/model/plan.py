"""A plan and its changes. Values only: they decide nothing and do not print themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from provisioner.model.canonical import Canonical
from provisioner.model.checks import CheckFinding
from provisioner.model.desired import Desired
from provisioner.model.key import Key
from provisioner.model.level import Level
from provisioner.model.live import Live
from provisioner.model.place import FieldPath
from provisioner.model.references import Pair
from provisioner.model.state import AcceptedOwner, Record


class Action(StrEnum):
    """The action of a change, as in Terraform. FORGET changes the state and ownership tags alone, NOT_POSSIBLE nothing."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    FORGET = "forget"
    NO_OP = "no-op"
    NOT_POSSIBLE = "not-possible"


class Cause(StrEnum):
    """Why a value differs (docs/architecture.md#comparison)."""

    EDIT = "edit"  # the manifest changed
    DRIFT = "drift"  # somebody changed it outside provisioner
    CONFLICT = "conflict"  # both did
    AWS = "aws"  # AWS changed it by itself


class Edit(StrEnum):
    """How the manifest changed a value. Both SET_TO_DEFAULT and LINE_REMOVED restore AWS's default; only for the first
    the manifest has a line.
    """

    SET = "set"
    SET_TO_DEFAULT = "set to the default"
    LINE_REMOVED = "line removed"


class Reason(StrEnum):
    """Why an action was chosen. For people: no decision reads it, and a test holds this."""

    NEW = "new"
    DISAPPEARED = "disappeared"
    NOT_IN_MANIFEST = "not in manifest"
    GONE = "gone"
    DEPOSED = "deposed"
    CANNOT_UPDATE = "cannot update"
    REQUESTED = "requested"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Risk:
    """What a change may do to records in flight. `code` is a key of `codes.EXPLANATIONS`; `message` is one sentence."""

    code: str
    level: Level
    message: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One differing value: `prior` is the applied one. None means that the field is absent on that side. `replaces`:
    the value cannot be updated. `detail` is an `Edit`, or why AWS changed it, else "".
    """

    path: FieldPath
    prior: Any
    live: Any
    desired: Any
    cause: Cause
    replaces: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why a mapping is not possible: `holder` has its function and source."""

    holder: Key
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a plan, complete: execution needs nothing else.

    | action       | existing    | live         | desired            | record            |
    |--------------|-------------|--------------|--------------------|-------------------|
    | create       | None        | None, or one that is being deleted | to be sent | of a mapping that is gone, or None |
    | update       | to update   | before       | after, kept filled | prior             |
    | replace      | to delete   | before       | to be sent         | prior             |
    | delete       | to delete   | before       | None               | prior             |
    | forget       | the old one | None or live | None               | prior             |
    | no-op        | the live one| as it is     | as it is           | prior, or None    |
    | not-possible | None        | as it is, or None | as it is, or None | prior, or None |

    `desired` of an update and a no-op has live's value in every kept and ignored field. `applied` is what the state
    will hold. `pair` is the one that a create or replacement takes, else the live one. `wanted` is None where the
    manifest has no mapping of this name. `adopts` is a mapping that is imported first, and `accepted_owner` the other
    owner that its tags name. `conflict` is set when the action is NOT_POSSIBLE. `creates_first`: a replacement makes the
    new mapping before it deletes the old one. `deposed`: the change deletes a mapping that an earlier replacement left.
    `retags`: an update also writes our ownership tags, which the mapping lacks, and a forget removes them. `after` are
    keys of changes that must be done first.
    """

    name: str
    action: Action
    region: str
    pair: Pair
    existing: Key | None = None
    desired: Canonical | None = None
    applied: Canonical | None = None
    live: Live | None = None
    record: Record | None = None
    wanted: Desired | None = None
    fields: tuple[FieldChange, ...] = ()
    reason: Reason | None = None
    moved_from: str = ""
    adopts: Key | None = None
    creates_first: bool = False
    deposed: bool = False
    accepted_owner: AcceptedOwner | None = None
    conflict: Conflict | None = None
    retags: bool = False
    after: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    risks: tuple[Risk, ...] = ()

    @property
    def key(self) -> str:
        """The key of the change, unique in the plan: its name, and for a deposed mapping its id too, because the name
        can have a change of its own.
        """
        return f"{self.name} (deposed {self.existing})" if self.deposed else self.name

    @property
    def id(self) -> str:
        """The id of the existing mapping, or "" where the change makes one."""
        return self.existing.id if self.existing else ""

    @property
    def calls_aws(self) -> bool:
        """Whether the executor makes calls for the change. Unlike `counts`, false where only the state changes, and where a
        forgotten mapping loses its ownership tags before (`workflow/forgetting.py`).
        """
        return self.action not in (Action.NO_OP, Action.FORGET, Action.NOT_POSSIBLE)

    @property
    def counts(self) -> bool:
        """Whether it is counted as a change: everything but a no-op that neither moves nor imports. Unlike `calls_aws`,
        true where only the state changes.
        """
        return self.action is not Action.NO_OP or bool(self.moved_from or self.adopts)

    @property
    def destroys(self) -> bool:
        """Whether a mapping is deleted, also as a part of a replacement."""
        return self.action in (Action.DELETE, Action.REPLACE)


@dataclass(frozen=True, slots=True)
class StatementChange:
    """What becomes of one statement in the policy of a function: CREATE, REPLACE (removed and added with other content),
    DELETE or NO_OP. `before` and `after` are its content, by the members of `permission`; None where it is absent.
    `needed_by` are the keys of the changes that need it afterwards, `released_by` of those that do no longer.
    """

    function: str
    region: str
    id: str
    action: Action
    before: Canonical | None
    after: Canonical | None
    needed_by: tuple[str, ...] = ()
    released_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a plan must not be carried out. `name` is one mapping, several in one text, or "" for the whole plan."""

    name: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers of a plan. A replacement counts as one addition and one destruction, as in Terraform."""

    imported: int
    added: int
    changed: int
    destroyed: int
    moved: int
    forgotten: int
    not_possible: int


@dataclass(frozen=True, slots=True)
class Access:
    """How AWS is reached and where the state is, as the manifest says: a part of what is approved. "" where it says
    nothing. `environment` has the variables that decide instead, by name: they are shown and not approved, because who
    plans and who applies have different credentials on purpose.
    """

    state: str = ""
    endpoint: str = ""
    profile: str = ""
    role: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def stated(self) -> dict[str, str]:
        """What the manifest says, by name."""
        values = {"state": self.state, "endpoint": self.endpoint, "profile": self.profile, "role": self.role}
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything an apply does, from which state, in which account. `missing` are the recorded mappings that no longer
    exist. `destroys`: it is the plan of `destroy`. `selected`: it covers only some of the mappings. `statements` are those
    of function policies that its changes need or release, each once. `checks` are what was asked of AWS about it when it was
    made: no part of what is approved, and not saved.
    """

    stack: str
    account: str
    lineage: str
    serial: int
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...] = ()
    missing: tuple[Key, ...] = ()
    destroys: bool = False
    selected: bool = False
    access: Access = Access()
    statements: tuple[StatementChange, ...] = ()
    checks: tuple[CheckFinding, ...] = ()

    @property
    def risks(self) -> dict[Risk, list[str]]:
        """Each risk once, with the keys of the changes that have it, in the order of the plan."""
        keys: dict[Risk, list[str]] = {}
        for change in self.changes:
            for risk in change.risks:
                keys.setdefault(risk, []).append(change.key)
        return keys

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to do, to record as done, or to report as not possible."""
        return any(change.counts for change in self.changes)

    @property
    def applyable(self) -> bool:
        """Whether there is anything to do, or to record as done."""
        return any(change.counts and not change.conflict for change in self.changes)

    @property
    def summary(self) -> Summary:
        """The counts in the line `Plan: …`."""
        actions = [change.action for change in self.changes]
        replaced = actions.count(Action.REPLACE)
        return Summary(
            imported=sum(bool(change.adopts) for change in self.changes),
            added=actions.count(Action.CREATE) + replaced,
            changed=actions.count(Action.UPDATE),
            destroyed=actions.count(Action.DELETE) + replaced,
            moved=sum(bool(change.moved_from) for change in self.changes),
            forgotten=actions.count(Action.FORGET),
            not_possible=actions.count(Action.NOT_POSSIBLE),
        )


def grouped(problems: Iterable[Problem]) -> dict[tuple[str, str], list[str]]:
    """Each message and hint once, with the names that it is about, in the order of the problems; "" is the plan as a
    whole.
    """
    names: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        names.setdefault((problem.message, problem.hint), []).append(problem.name)
    return names
