"""What one conversion collects: mappings, the variables that they need, and what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioner.convert.fields import FieldReader, Problem
from provisioner.convert.found import IGNORED, Doubt, Evidence, Found, OwnerKind, Ownership
from provisioner.convert.unknown import Unknowns, as_arn, has_unknown, is_unknown
from provisioner.kinds import kind_for
from provisioner.kinds.canonical import canonical
from provisioner.kinds.fields import Field
from provisioner.kinds.tables import fields_of
from provisioner.kinds.uniqueness import CONSUMER_GROUPS
from provisioner.model.canonical import Canonical, is_own_tag, value_at, with_value
from provisioner.model.key import LAMBDA, S3, Key
from provisioner.model.place import FieldPath, Place
from provisioner.model.references import REGION, UUID, Arn, FunctionReference
from provisioner.model.sources import PUSH, SourceKind, kind_of, kind_of_arn


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says of the files: the values of parameters, and the stage, region and account where they are
    deployed; "" for one that is not known.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    stage: str = ""
    region: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something in a file that is not in the manifest: where, what it is, and why."""

    place: Place
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a mapping is in a file, how its tool calls it, and what the tool knows of it.

    id      its UUID, or the id of its entry, or ""
    address what a command of its tool calls it, or "" for `what`
    is_part, permission as in `Ownership`
    region  "" for that of its function or source, else of the command line
    given   a name that it has in the file and keeps, or ""
    state   as AWS shows it, or ""
    """

    place: Place
    what: str
    id: str = ""
    address: str = ""
    region: str = ""
    given: str = ""
    state: str = ""
    notes: tuple[Doubt, ...] = ()
    changes: bool = False
    is_part: bool = False
    permission: str = ""


@dataclass(slots=True)
class Conversion:
    """Collects what the files have. `owner` is the tool whose files are read, and what they prove; `asked` are the
    parameters that they have.
    """

    options: Options
    unknowns: Unknowns = field(default_factory=Unknowns)
    found: list[Found] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    accounts: set[str] = field(default_factory=set)
    owner: tuple[OwnerKind, Evidence] = (OwnerKind.UNKNOWN, Evidence.NONE)
    asked: set[str] = field(default_factory=set)

    def parameter(self, name: str) -> str | None:
        """The value of a parameter on the command line, or None. What is never asked for is reported at the end."""
        self.asked.add(name)
        return self.options.parameters.get(name)

    def is_of(self, kind: OwnerKind) -> bool:
        """Whether the files that were read last are of this tool."""
        return self.owner[0] is kind

    def note(self, text: str) -> None:
        """What is to be known of the files as a whole."""
        if text not in self.notes:
            self.notes.append(text)

    def reader(self, kind: SourceKind | None = None, **options: Any) -> FieldReader:
        """A reader of fields whose unknown values are variables of this conversion."""
        return FieldReader(self.unknowns, kind, **options)

    def leave_out(self, place: Place, what: str, why: str) -> None:
        """Something that is not converted."""
        self.left_out.append(LeftOut(place, what, why))

    def add(
        self, members: Canonical, origin: Origin, problems: Iterable[Problem] = (), kind: SourceKind | None = None
    ) -> None:
        """A mapping by its fields, as `FieldReader.mapping` has read them. `kind` is that of its source, where the fields do not
        say it. A field whose value could not be read is listed in `ignore_changes`, so that nothing is done to it.
        """
        doubts = []
        for problem in problems:
            self.leave_out(problem.place, f"{problem.name} of {origin.what}", problem.why)
            if problem.field and problem.field not in members:
                doubts.append(Doubt(problem.field, problem.why, IGNORED))
        kind = kind_in(members, kind)
        if kind is None:
            self.leave_out(origin.place, origin.what, _why_no_kind(members))
            return
        if not members.get("function_name"):
            self.leave_out(origin.place, origin.what, "it names no function")
            return
        tags = members.get("tags")
        if isinstance(tags, dict):
            members = {**members, "tags": {key: value for key, value in tags.items() if not is_own_tag(key)}}
        for path in CONSUMER_GROUPS:
            if origin.id and value_at(members, path) == origin.id:
                members = with_value(members, path, None)  # AWS's default, the mapping's own UUID
        mapping = canonical_of(members, kind)
        fields = fields_of(kind)
        for name in [name for name in mapping if not fields[name].row.has(kind)]:
            self.leave_out(origin.place, f"{name} of {origin.what}", f"{kind.phrase} does not have it")
            del mapping[name]
        function = FunctionReference.parse(members.get("function_name"))
        if function and function.account:
            self.accounts.add(function.account)
        source = Arn.parse(mapping.get("event_source_arn"))
        of_source = source.region if source and kind not in PUSH and REGION.fullmatch(source.region) else ""
        region = origin.region or (function.region if function else "") or of_source or self.options.region
        owner, evidence = self.owner
        address = origin.address or origin.what
        self.found.append(
            Found(
                key=_key(kind, region, origin.id),
                kind=kind,
                region=region,
                mapping=mapping,
                origin=f"{origin.place.file}:{origin.place.line}: {origin.what}",
                owner=Ownership(owner, origin.place.file, evidence, address, origin.is_part, origin.permission),
                doubts=(*doubts, *origin.notes),
                given=origin.given,
                state=origin.state,
                changes=origin.changes,
            )
        )


def canonical_of(members: Canonical, kind: SourceKind) -> Canonical:
    """The canonical form of fields among which whole values, and blocks in a list, may be unknown."""
    unknown = dict(_unknown_parts(fields_of(kind), members, ()))
    known = members
    for path, marker in unknown.items():
        items = [item for item in value_at(members, path) if item not in marker] if isinstance(marker, list) else None
        known = with_value(known, path, items)
    mapping = canonical(known, kind)
    for path, marker in unknown.items():
        whole = [*(value_at(mapping, path) or []), *marker] if isinstance(marker, list) else marker
        mapping = with_value(mapping, path, whole)
    order = [name for name in fields_of(kind) if name in mapping]
    return {name: mapping[name] for name in order}


def _unknown_parts(
    fields: Mapping[str, Field], members: Canonical, path: FieldPath
) -> Iterable[tuple[FieldPath, str | list[str]]]:
    """The paths of values that are unknown as a whole, and of lists with the blocks in them that are."""
    for name, value in members.items():
        field, inner = fields.get(name), (*path, name)
        if is_unknown(value):
            yield inner, value
        elif isinstance(value, dict) and name != "tags":
            yield from _unknown_parts(field.children if field else {}, value, inner)
        elif isinstance(value, list) and field and field.many and any(map(is_unknown, value)):
            yield inner, [item for item in value if is_unknown(item)]


def kind_in(members: Canonical, hint: SourceKind | None) -> SourceKind | None:
    """The kind of source that the fields say, also where a part of the ARN is not known. `hint` is what the file says besides."""
    source = members.get("event_source_arn")
    if source and not members.get("self_managed_event_source"):
        arn = as_arn(source)
        return kind_of_arn(arn) if arn else (hint or SourceKind.UNKNOWN) if has_unknown(source) else None
    known = {
        name: value for name, value in members.items() if not is_unknown(value) or name == "self_managed_event_source"
    }
    return kind_of(known)


def _why_no_kind(members: Canonical) -> str:
    source = members.get("event_source_arn")
    if not source:
        return "it names no source"
    arn = as_arn(source)
    return f"{arn.service} as a source is not supported yet" if arn else f"{source!r} is not an ARN"


def _key(kind: SourceKind, region: str, ident: str) -> Key | None:
    name = kind_for(kind).name
    if name == S3:
        return Key(S3, region, ident) if ident else None
    return Key(LAMBDA, region, ident) if UUID.fullmatch(ident) else None
