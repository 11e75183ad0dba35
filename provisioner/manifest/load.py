"""A manifest, from its file or folder to desired state, with every mistake found on the way."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from provisioner.errors import ManifestError
from provisioner.manifest.check import TIME_HINT, field_findings, ignored_path, source_findings, tag_findings
from provisioner.manifest.finding import Finding, nearest, suggestion
from provisioner.manifest.reader import Document, read, scalar
from provisioner.manifest.rules import secret_findings
from provisioner.manifest.schema import NOT_YET, Entry, LifecycleBlock, Root
from provisioner.model.canonical import canonical, claims, consumer_group
from provisioner.model.desired import (
    Adoption,
    AssumeRole,
    Desired,
    Lifecycle,
    Manifest,
    Place,
    Provider,
    Removal,
    Renaming,
    S3Location,
)
from provisioner.model.diagnostics import Diagnostic, Severity
from provisioner.model.duration import seconds
from provisioner.model.mapping import FIELDS, Field, learn
from provisioner.model.references import ACCOUNT, UUID, Arn, FunctionReference
from provisioner.model.sources import kind_of

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
STACK: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SOURCES: Final = {"event_source_arn", "self_managed_event_source"}
_LISTS: Final = ("imports", "moved", "removed")
MOST_POLLERS, MOST_MEMBERS = 2000, 100
_A_FIELD: Final = 3  # steps from the top to a field of a mapping
_TYPES: Final = {
    "int_type": "a whole number",
    "bool_type": "true or false",
    "string_type": "a text",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "a group of `name: value` lines",
    "model_type": "a group of `name: value` lines",
    "model_attributes_type": "a group of `name: value` lines",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A manifest without errors, and its warnings."""

    manifest: Manifest
    warnings: tuple[Diagnostic, ...]


def load(path: Path, *, region: str = "", member: Callable[[Sequence[str]], str] | None = None) -> Loaded:
    """Read the manifest in a file or folder.

    `region` is the environment's; `member` names the API's member for a path that the field table lacks, or "".

    Raises ManifestError with every diagnostic, errors and warnings, in the order of the files.
    """
    joined = _join([read(file, str(file)) for file in _files(path)])
    checked = _Checked(joined, region, member or _no_member)
    manifest = checked.manifest(path if path.is_dir() else path.parent)
    findings = sorted(checked.found, key=lambda item: (item.place.file, item.place.line, item.place.column))
    if manifest is None or any(item.severity is Severity.ERROR for item in findings):
        raise ManifestError(findings)
    return Loaded(manifest, tuple(findings))


def _no_member(_: Sequence[str]) -> str:
    return ""


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise ManifestError(
            [Diagnostic("E001", "there is no such file or folder", Place(str(path)), "name the manifest with -f")]
        )
    if not path.is_dir():
        return [path]
    if (path / "provisioner.yaml").is_file():
        return [path / "provisioner.yaml"]
    files = sorted(file for file in path.iterdir() if file.suffix in (".yaml", ".yml") and file.is_file())
    if not files:
        hint = "name a manifest with -f, or write provisioner.yaml"
        raise ManifestError([Diagnostic("E001", "the folder holds no *.yaml file", Place(str(path)), hint)])
    return files


# --- several files as one document -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Joined:
    """The joined value, and the document from which each top-level key, mapping and list entry comes."""

    first: Document
    value: dict[str, Any] = field(default_factory=dict)
    found: list[Diagnostic] = field(default_factory=list)
    _origin: dict[tuple[Hashable, ...], tuple[Document, tuple[Hashable, ...]]] = field(default_factory=dict)

    def add(self, document: Document) -> None:
        if document.value is None:
            return
        if not isinstance(document.value, dict):
            place = document.place(())
            message = "a manifest is made of keys such as `stack:` and `mappings:`"
            raise ManifestError([Diagnostic("E104", message, place)])
        for key, value in document.value.items():
            if key.startswith("x-") or value is None:
                continue
            if key in _LISTS and isinstance(value, list) and isinstance(self.value.get(key, []), list):
                self._add_list(document, key, value)
            elif key == "mappings" and isinstance(value, dict) and isinstance(self.value.get(key, {}), dict):
                self._add_mappings(document, value)
            else:
                self._set(document, (key,), self.value, key, value)

    def _add_list(self, document: Document, key: str, items: list[Any]) -> None:
        joined = self.value.setdefault(key, [])
        for index, item in enumerate(items):
            self._origin[(key, len(joined))] = (document, (key, index))
            joined.append(item)

    def _add_mappings(self, document: Document, items: dict[str, Any]) -> None:
        self._origin.setdefault(("mappings",), (document, ("mappings",)))
        mappings = self.value.setdefault("mappings", {})
        for name, item in items.items():
            self._set(document, ("mappings", name), mappings, name, item)

    def _set(
        self, document: Document, path: tuple[Hashable, ...], target: dict[str, Any], key: str, value: Any
    ) -> None:
        if key in target:
            other = self.place(path, key=True)
            message = f"{key!r} stands already at {other}"
            self.found.append(Diagnostic("E002", message, document.place(path, key=True)))
            return
        target[key] = value
        self._origin[path] = (document, path)

    def place(self, path: Sequence[Hashable], *, key: bool = False) -> Place:
        """Where the value at a path stands; with `key`, where the key that leads to it does."""
        path = tuple(path)
        for length in (2, 1):
            if path[:length] in self._origin:
                document, start = self._origin[path[:length]]
                return document.place((*start, *path[length:]), key=key)
        return self.first.place(path, key=key) if path else Place(self.first.file)


def _join(documents: Sequence[Document]) -> _Joined:
    joined = _Joined(documents[0])
    for document in documents:
        joined.add(document)
    return joined


# --- from the joined value to desired state --------------------------------------------------------------------------


class _Checked:
    """Checks one joined manifest and collects what it finds; each method does one part."""

    def __init__(self, joined: _Joined, region: str, member: Callable[[Sequence[str]], str]) -> None:
        self._joined = joined
        self._value = joined.value
        self._region = region
        self._member = member
        self.found = joined.found

    def manifest(self, folder: Path) -> Manifest | None:
        """The manifest, or None when its shape is wrong."""
        self._not_yet()
        self._names()
        with self._new_members_aside():
            root, wrong, sound = self._shape()
        mappings = {name: item for name, raw in _entries(sound) if (item := self._mapping(name, raw, wrong, root))}
        self._unique_pairs(mappings)
        if root is None:
            return None
        if root.state.path is not None and (not root.state.path.endswith(".json") or not root.state.path.isprintable()):
            hint = "its lock and its journal stand beside it under the same name"
            self._add(
                "E104", ("state", "path"), f"{root.state.path!r} is not the path of a file that ends in .json", hint
            )
        if root.state.path is not None and root.state.s3:
            self._add(
                "E104", ("state", "s3"), "the state is kept in one place: path or s3", "remove one of the two", key=True
            )
        if not STACK.fullmatch(root.stack):
            self._add(
                "E104",
                ("stack",),
                f"{root.stack!r} is not a stack's name",
                "use letters, digits, '.', '_' and '-', at most 64",
            )
        return Manifest(
            stack=root.stack,
            folder=str(folder),
            state_path=str(folder / (root.state.path or f"state/{root.stack}.json")),
            place=Place(self._joined.first.file),
            provider=self._provider(root),
            mappings=mappings,
            imports=tuple(self._imports(root)),
            moved=tuple(
                Renaming(item.from_, item.to, self._joined.place(("moved", index)))
                for index, item in enumerate(root.moved)
            ),
            removed=tuple(
                Removal(item.from_, self._joined.place(("removed", index))) for index, item in enumerate(root.removed)
            ),
            delete_limit=root.limits.deletes,
            state_s3=S3Location(root.state.s3.bucket, root.state.s3.key, root.state.s3.region)
            if root.state.s3
            else None,
        )

    def _add(self, code: str, path: Sequence[Hashable], message: str, hint: str = "", *, key: bool = False) -> None:
        self.found.append(Diagnostic(code, message, self._joined.place(path, key=key), hint))

    def _not_yet(self) -> None:
        for path, what in NOT_YET.items():
            holder = self._value if len(path) == 1 else self._value.get(path[0])
            if isinstance(holder, dict) and path[-1] in holder:
                del holder[path[-1]]
                self._add("E003", path, f"{what}: not carried out by this version of provisioner", key=True)

    @contextmanager
    def _new_members_aside(self) -> Iterator[None]:
        """While shapes are checked, set aside the fields that only botocore knows; each gets a line in the field table."""
        aside = [
            item
            for name, raw in _entries(self._value)
            for item in list(self._new_members(FIELDS, raw, (), ("mappings", name)))
        ]
        values = [(block, key, block.pop(key)) for block, key in aside if key in block]  # aliases share a block
        yield
        for block, key, value in values:
            block[key] = value

    def _new_members(
        self, fields: Mapping[str, Field], block: dict[str, Any], names: tuple[str, ...], path: tuple[Hashable, ...]
    ) -> Iterator[tuple[dict[str, Any], str]]:
        for key, value in block.items():
            known = fields.get(key)
            if known and not known.learned:
                items = enumerate(value) if isinstance(value, list) else [(None, value)]
                for index, item in items if known.children else ():
                    if isinstance(item, dict):
                        here = (*path, key) if index is None else (*path, key, index)
                        yield from self._new_members(known.children, item, (*names, key), here)
            elif (names or key not in Entry.model_fields) and (api := self._member((*names, key))):
                learn((*names, key), api)
                message = f"{key}: only the installed botocore knows this field; it is sent as it is, as {api}"
                self._add("W202", (*path, key), message, key=True)
                yield block, key

    def _shape(self) -> tuple[Root | None, set[tuple[Hashable, ...]], dict[str, Any]]:
        """The manifest by its types, the places whose shape is wrong, and the manifest without what is there.

        What is left is checked all the same, so that one mistake hides no other. A field whose name is misspelt counts as
        wrong too: that it is missing is no second mistake.
        """
        try:
            return Root.model_validate(self._value), set(), self._value
        except ValidationError as error:
            items = error.errors(include_url=False, include_context=False)
        found = [(self._known_part(item["loc"], missing=item["type"] == "missing"), item) for item in items]
        meant = {
            (*path[:-1], near)
            for path, item in found
            if item["type"] == "extra_forbidden" and (near := nearest(_field_name(path), _siblings(path)))
        }
        seen: set[tuple[Hashable, ...]] = set()
        for path, item in found:
            if path not in seen | meant:
                self._shape_error(path, item["type"], item["msg"], item["input"])
            seen.add(path)
        sound = _without(self._value, seen)
        try:
            return Root.model_validate(sound), seen | meant, sound
        except ValidationError:
            return None, seen | meant, sound

    def _known_part(self, path: tuple[Hashable, ...], *, missing: bool) -> tuple[Hashable, ...]:
        """The steps of a path that lead somewhere in the manifest: pydantic adds the branches of its unions."""
        value: Any = self._value
        for index, step in enumerate(path):
            inside = step in value if isinstance(value, dict) else isinstance(value, list) and isinstance(step, int)
            if not inside:
                return path[: index + 1] if missing else path[:index]
            value = value[step]
        return path

    def _shape_error(self, path: tuple[Hashable, ...], kind: str, message: str, value: Any) -> None:
        name = _field_name(path)
        if value is None and kind in ("dict_type", "model_type", "list_type"):
            self._add(
                "E104", path, f"{name} is empty", "what belongs to it stands below it, indented further", key=True
            )
            return
        if kind == "extra_forbidden":
            self._add("E101", path, f"there is no field {name!r} here", suggestion(name, _siblings(path)), key=True)
        elif kind == "missing":
            self._add("E102", path[:-1], f"{name} is missing")
        elif name == "pattern":
            self._add("E104", path, f"a pattern is a group of `name: value` lines or a JSON text, not {_shown(value)}")
        elif len(path) > 1 and path[-2] == "endpoints":
            self._add("E104", path, f"{name} must be a list of texts, or one text with commas")
        elif kind in _TYPES:
            hint = TIME_HINT if name == "starting_position_timestamp" else _type_hint(kind, value)
            self._add("E104", path, f"{name} must be {_TYPES[kind]}, not {_shown(value)}", hint)
        elif kind == "literal_error":
            expected = message.removeprefix("Input should be ").lower()
            self._add("E104", path, f"{name} must be {expected}, not {_shown(value)}")
        else:
            self._add("E104", path, f"{name}: {message.removeprefix('Value error, ')}")

    def _names(self) -> None:
        mappings = self._value.get("mappings")
        for name in mappings if isinstance(mappings, dict) else ():
            if not NAME.fullmatch(name):
                hint = "use letters, digits, '.', '_' and '-', at most 128, beginning with a letter or digit"
                self._add("E104", ("mappings", name), f"{name!r} is not a mapping's name", hint, key=True)

    def _mapping(
        self, name: str, raw: dict[str, Any], wrong: set[tuple[Hashable, ...]], root: Root | None
    ) -> Desired | None:
        """A mapping, or None when something is wrong with it; what is `wrong` in it was told, and left out of `raw`."""
        here = {path[2:] for path in wrong if path[:2] == ("mappings", name)}
        misshapen = {str(path[0]) for path in here if path}
        findings = [finding for finding in source_findings(raw) if not misshapen & _SOURCES]
        kind = kind_of(raw)
        lifecycle = LifecycleBlock.model_validate(raw.get("lifecycle") or {})
        ignored = [(text, ignored_path(text)) for text in lifecycle.ignore_changes]
        # What an ignored field is in AWS is not known here.
        unjudged = misshapen | {path[0] for _, path in ignored if path}
        if kind and all(finding.path == ("function_name",) for finding in findings):
            findings += (item for item in field_findings(raw, kind, unjudged) if not _caused(item, here, unjudged))
        region = self._mapping_region(raw, root, findings)
        findings += secret_findings(raw, region)
        findings += (item for item in tag_findings(raw.get("tags") or {}, ("tags",), root) if "tags" not in misshapen)
        for index, (text, ignored_at) in enumerate(ignored):
            if ignored_at is None:
                at = ("lifecycle", "ignore_changes", index)
                findings.append(Finding("E101", at, f"there is no field {text!r} to ignore", suggestion(text, FIELDS)))
        for finding in findings:
            at_key = not finding.path or finding.code == "E105"
            self._add(finding.code, ("mappings", name, *finding.path), finding.message, finding.hint, key=at_key)
        if kind is None or misshapen or any(finding.code.startswith("E") for finding in findings):
            return None
        tags = {**(root.provider.default_tags if root else {}), **(raw.get("tags") or {})}
        most = 50 - 3 * (root is None or root.provider.ownership_tags)
        if len(tags) > most:
            message = f"{len(tags)} tags are more than the {most} that AWS allows beside ours"
            self._add("E103", ("mappings", name, "tags"), message)
        return Desired(
            name=name,
            region=region,
            kind=kind,
            mapping=canonical({**raw, "tags": tags}, kind),
            place=self._joined.place(("mappings", name), key=True),
            lifecycle=Lifecycle(
                lifecycle.prevent_destroy,
                tuple(path for _, path in ignored if path),
                lifecycle.on_conflict,
            ),
            accounts=frozenset(reference.account for reference in _references(raw) if reference.account),
        )

    def _mapping_region(self, raw: dict[str, Any], root: Root | None, findings: list[Finding]) -> str:
        """The region of a mapping: its own, its ARNs', the provider's, the environment's; the first two must agree."""
        stated = {str(raw["region"]): ("region",)} if raw.get("region") else {}
        for name, reference in zip(("event_source_arn", "function_name"), _parsed(raw), strict=True):
            if reference and reference.region:
                stated.setdefault(reference.region, (name,))
        if len(stated) > 1:
            first, second = list(stated.items())[:2]
            message = f"{second[1][0]} says {second[0]}, but {first[1][0]} says {first[0]}"
            findings.append(Finding("E106", second[1], message, "function and source must be in one region"))
        provider = root.provider.region if root else ""
        return next(iter(stated), provider or self._region)

    def _unique_pairs(self, mappings: Mapping[str, Desired]) -> None:
        holders: dict[tuple[str, ...], Desired] = {}
        for item in mappings.values():
            wanted = sorted(claims(item.mapping, item.pair))
            twins = {claim[0]: holders[claim] for claim in reversed(wanted) if claim in holders}
            if twin := twins.get("pair"):
                hint = "Lambda refuses the second with 409; remove one of them"
                message = f"{item.name} and {twin.name} ({twin.place}) want the same function and source"
                self._add("E107", ("mappings", item.name), message, hint, key=True)
            if twin := twins.get("consumer group"):
                hint = "Lambda refuses the second with 409; give it another consumer_group_id, or none"
                group = consumer_group(item.mapping)
                message = f"{item.name} and {twin.name} ({twin.place}) want the same consumer group {group!r}"
                self._add("E221", ("mappings", item.name), message, hint, key=True)
            holders |= dict.fromkeys(wanted, item)
        self._poller_groups(mappings.values())

    def _poller_groups(self, mappings: Iterable[Desired]) -> None:
        """Mappings of one group share their pollers (aws-behaviour 5.1)."""
        groups: defaultdict[str, list[Desired]] = defaultdict(list)
        for item in mappings:
            if group := item.mapping.get("provisioned_poller_config", {}).get("poller_group_name"):
                groups[group].append(item)
        for group, members in groups.items():
            pollers = sum(item.mapping["provisioned_poller_config"]["maximum_pollers"] for item in members)
            if pollers > MOST_POLLERS or len(members) > MOST_MEMBERS:
                message = (
                    f"poller group {group!r} has {len(members)} mappings with up to {pollers} pollers; "
                    f"a group has at most {MOST_MEMBERS} with {MOST_POLLERS}"
                )
                self._add("W210", ("mappings", members[-1].name), message, key=True)

    def _provider(self, root: Root) -> Provider:
        block = root.provider
        for index, account in enumerate(block.allowed_account_ids):
            if not ACCOUNT.fullmatch(account):
                self._add(
                    "E104",
                    ("provider", "allowed_account_ids", index),
                    f"{account!r} is not an account id",
                    "it has twelve digits",
                )
        if block.endpoint_url and not block.endpoint_url.startswith(("http://", "https://")):
            self._add(
                "E104",
                ("provider", "endpoint_url"),
                f"{block.endpoint_url!r} is not a URL",
                "it begins with http:// or https://",
            )
        for finding in tag_findings(block.default_tags, ("provider", "default_tags"), root):
            self._add(finding.code, finding.path, finding.message, finding.hint)
        role = block.assume_role
        return Provider(
            region=block.region,
            profile=block.profile,
            endpoint_url=block.endpoint_url,
            allowed_account_ids=tuple(block.allowed_account_ids),
            assume_role=AssumeRole(role.role_arn, role.session_name, role.external_id) if role else None,
            ignore_tag_keys=frozenset(block.ignore_tags.keys),
            ignore_tag_prefixes=tuple(block.ignore_tags.key_prefixes),
            ownership_tags=block.ownership_tags,
            max_requests_per_second=block.max_requests_per_second,
            retry_timeout=seconds(block.retry_timeout),
            settle_timeout=seconds(block.settle_timeout),
        )

    def _imports(self, root: Root) -> Iterator[Adoption]:
        for index, item in enumerate(root.imports):
            if not UUID.fullmatch(item.id):
                self._add("E104", ("imports", index, "id"), f"{item.id!r} is not a UUID")
            yield Adoption(item.to, item.id, self._joined.place(("imports", index)))


def _entries(value: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping that is one."""
    mappings = value.get("mappings")
    for name, raw in mappings.items() if isinstance(mappings, dict) else ():
        if NAME.fullmatch(name) and isinstance(raw, dict):
            yield name, raw


def _caused(finding: Finding, wrong: set[tuple[Hashable, ...]], unjudged: set[str]) -> bool:
    """Whether a finding only follows from what was told already: something misses what was left out."""
    missing = finding.code == "E102" and any(
        path[: len(finding.path)] == finding.path for path in wrong if finding.path
    )
    return missing or finding.field in unjudged


def _without(value: dict[str, Any], wrong: Iterable[tuple[Hashable, ...]]) -> dict[str, Any]:
    """A copy without these places; of a list that holds one nothing is left, because numbers of others would change."""
    copy = deepcopy(value)
    for path in wrong:
        steps = list(takewhile(lambda step: not isinstance(step, int), path))
        if not _drop(copy, steps) and len(steps) > _A_FIELD:
            _drop(copy, steps[:-1])  # what misses a part is left out as a whole
    return copy


def _drop(value: Any, steps: Sequence[Hashable]) -> bool:
    """Remove what is at a place; whether it was there."""
    if not steps or not isinstance(value, dict) or steps[0] not in value:
        return False
    if len(steps) > 1:
        return _drop(value[steps[0]], steps[1:])
    del value[steps[0]]
    return True


def _parsed(raw: Mapping[str, Any]) -> tuple[Arn | None, FunctionReference | None]:
    return Arn.parse(raw.get("event_source_arn")), FunctionReference.parse(raw.get("function_name"))


def _references(raw: Mapping[str, Any]) -> Iterator[Arn | FunctionReference]:
    return (reference for reference in _parsed(raw) if reference)


def _siblings(path: tuple[Hashable, ...]) -> list[str]:
    """The keys that may stand beside the last step of a path, ours and the API's spelling of them."""
    model: type[BaseModel] | None = Root
    fields: Mapping[str, Any] = {}
    for step in path[:-1]:
        if fields:
            fields = fields[str(step)].children if step in fields else fields
        elif model is Root and step == "mappings":
            model = None
        elif model is None and not fields:
            fields = FIELDS
        elif model and isinstance(step, str) and step in model.model_fields:
            model = _model_in(model.model_fields[step].annotation)
    if fields:
        own = [key for key in Entry.model_fields if key not in FIELDS] if fields is FIELDS else []
        return [*fields, *own]
    return [info.alias or name for name, info in model.model_fields.items()] if model else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation holds: itself, optional, or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in getattr(annotation, "__args__", ()) if (found := _model_in(part))), None)


def _field_name(path: Sequence[Hashable]) -> str:
    """The last field of a path; an entry of a list by its list and number."""
    if not path:
        return "the manifest"
    return f"{path[-2]}[{path[-1]}]" if isinstance(path[-1], int) and len(path) > 1 else str(path[-1])


def _type_hint(kind: str, value: Any) -> str:
    if kind == "string_type" and isinstance(value, int | float):
        return "put it in quotes"
    if kind == "bool_type" and str(value).lower() in ("yes", "no", "on", "off"):
        return "YAML 1.2 has only true and false"
    quoted = isinstance(value, str) and kind in ("int_type", "bool_type") and not isinstance(scalar(value), str | None)
    return "remove the quotes" if quoted else ""


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a group of `name: value` lines" if isinstance(value, dict) else "a list"
    return f"the text {value!r}" if isinstance(value, str) else str(value)
