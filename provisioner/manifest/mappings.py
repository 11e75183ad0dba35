"""Checks the mappings of a manifest: each against the field table and the rules, then against each other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from provisioner.manifest.access import secret_findings
from provisioner.manifest.check import field_findings, ignored_path, source_findings, tag_findings
from provisioner.manifest.finding import Finding, suggestion
from provisioner.manifest.node import Node
from provisioner.manifest.schema import LifecycleBlock, ProviderBlock
from provisioner.manifest.shape import Shape
from provisioner.model.canonical import Canonical, canonical, claims, consumer_group
from provisioner.model.desired import Desired, Lifecycle
from provisioner.model.diagnostics import Diagnostic
from provisioner.model.mapping import FIELDS
from provisioner.model.place import FieldPath
from provisioner.model.provider import takes_tags
from provisioner.model.references import Arn, FunctionReference, partition_of
from provisioner.model.sources import SourceKind, kind_of

MAPPING_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
MOST_POLLERS, MOST_MEMBERS, MOST_TAGS = 2000, 100, 50
_SOURCES: Final = frozenset({"event_source_arn", "self_managed_event_source"})
_NONE: Final[frozenset[str]] = frozenset()
_NO_LIFECYCLE: Final = LifecycleBlock.model_construct()

Steps = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class _Written:
    """One mapping as written, without the paths that its shape check reported (`wrong`). `unvalued` are paths with a
    variable that has no value. `mapping` is the canonical form with the provider's tags. `ignored` are the paths in
    `ignore_changes`.
    """

    raw: Mapping[str, Any]
    kind: SourceKind | None
    mapping: Canonical
    lifecycle: LifecycleBlock
    ignored: tuple[FieldPath, ...]
    wrong: frozenset[Steps]
    unvalued: frozenset[Steps]

    def malformed_fields(self) -> frozenset[str]:
        """The fields whose value has the wrong type and was left out."""
        return frozenset(str(path[0]) for path in self.wrong if path) if self.wrong else _NONE

    def unvalued_fields(self) -> frozenset[str]:
        """The fields whose value in AWS is not known: malformed and ignored ones, and those with a variable without a
        value.
        """
        if not (self.wrong or self.unvalued or self.ignored):
            return _NONE
        unsaid = (*(path[0] for path in self.ignored), *(str(path[0]) for path in self.unvalued if path))
        return self.malformed_fields().union(unsaid)

    def is_consequence(self, finding: Finding) -> bool:
        """Whether a finding only follows from another diagnostic, or judges a value that is not known."""
        path = finding.path
        missing = finding.code == "E102" and any(steps[: len(path)] == path for steps in self.wrong if path)
        judges = bool(path) and finding.code != "E105"  # that a kind has no such field is known all the same
        guessed = judges and any(_one_holds_the_other(path, steps) for steps in self.unvalued)
        return missing or guessed or finding.field in self.unvalued_fields()


class MappingChecks:
    """Checks the mappings of a manifest whose shape is known, and makes each that is right canonical.

    `unvalued` are the paths, in the whole manifest, with a variable that has no value; `region` is the environment's.
    Diagnostics are added to `diagnostics`.
    """

    def __init__(
        self, root: Node, shape: Shape, unvalued: Iterable[Steps], region: str, diagnostics: list[Diagnostic]
    ) -> None:
        self._root = root
        self._value = shape.without_errors.get("mappings")
        self._wrong = _by_mapping(shape.wrong)
        self._unvalued = _by_mapping(unvalued)
        self._provider = shape.root.provider if shape.root else ProviderBlock()
        self._region = region
        self._diagnostics = diagnostics

    def mappings(self) -> dict[str, Desired]:
        """Every mapping without a mistake, by name."""
        made = {name: item for name, raw in self._entries() if (item := self._mapping(name, raw))}
        known = [item for name, item in made.items() if name not in self._unvalued]
        self._unique_pairs(known)
        self._poller_groups(known)
        return made

    def _entries(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, raw in self._value.items() if isinstance(self._value, dict) else ():
            if () in self._unvalued.get(name, ()):
                continue  # the whole mapping is a variable without a value
            if not MAPPING_NAME.fullmatch(name):
                if "${" in name and self._is_reported(name):
                    continue
                hint = "use up to 128 letters, digits, '.', '_' and '-', starting with a letter or digit"
                self._report(name, "E104", (), f"{name!r} is not a valid mapping name", hint)
            elif isinstance(raw, dict):
                yield name, raw

    def _is_reported(self, name: str) -> bool:
        place = self._root.at(("mappings", name)).place(key=True)
        return any(item.place == place for item in self._diagnostics)

    def _report(
        self,
        name: str,
        code: str,
        path: Sequence[Hashable],
        message: str,
        hint: str = "",
        *,
        at_key: bool = False,
    ) -> None:
        """Add a diagnostic at a path in a mapping, or at its key; at the mapping's name when the path is empty."""
        at_key = at_key or not path or code == "E105"
        place = self._root.at(("mappings", name, *path)).place(key=at_key)
        self._diagnostics.append(Diagnostic(code, message, place, hint))

    # --- one mapping --------------------------------------------------------------------------------------------------

    def _mapping(self, name: str, raw: dict[str, Any]) -> Desired | None:
        """A mapping, or None when something is wrong with it."""
        one = self._written(name, raw)
        region, disagreement = self._mapping_region(raw, one.unvalued_fields())
        errors = False
        tags = self._tags_together(one.mapping.get("tags", {}), region)
        for finding in (*self._findings(one), *tags, *disagreement, *secret_findings(raw, region)):
            if not one.is_consequence(finding):
                errors |= finding.code.startswith("E")
                self._report(name, finding.code, finding.path, finding.message, finding.hint, at_key=finding.at_key)
        if one.kind is None or one.malformed_fields() or errors:
            return None
        lifecycle = one.lifecycle
        return Desired(
            name=name,
            region=region,
            kind=one.kind,
            mapping=one.mapping,
            place=self._root.at(("mappings", name)).place(key=True),
            lifecycle=Lifecycle(lifecycle.prevent_destroy, one.ignored, lifecycle.on_conflict),
            accounts=frozenset(reference.account for reference in _references(raw) if reference.account),
            stated=frozenset(_dropped(raw, one.mapping)),
        )

    def _written(self, name: str, raw: dict[str, Any]) -> _Written:
        kind = kind_of(raw)
        tags = {**self._provider.default_tags, **(raw.get("tags") or {})}
        tags = {key: value for key, value in tags.items() if value is not None}
        lifecycle = LifecycleBlock.model_validate(raw["lifecycle"]) if raw.get("lifecycle") else _NO_LIFECYCLE
        return _Written(
            raw=raw,
            kind=kind,
            mapping=canonical({**raw, "tags": tags}, kind) if kind else {},
            lifecycle=lifecycle,
            ignored=tuple(path for text in lifecycle.ignore_changes if (path := ignored_path(text))),
            wrong=self._wrong.get(name, frozenset()),
            unvalued=self._unvalued.get(name, frozenset()),
        )

    def _findings(self, one: _Written) -> Iterator[Finding]:
        findings = [] if _SOURCES & one.malformed_fields() else list(source_findings(one.raw, one.kind))
        yield from findings
        if one.kind and all(finding.code[0] == "W" or finding.path == ("function_name",) for finding in findings):
            yield from field_findings(one.raw, one.mapping, one.kind, one.unvalued_fields())
        if one.raw.get("tags"):
            own = {key: value for key, value in one.raw["tags"].items() if value is not None}
            yield from tag_findings(own, ("tags",), self._provider)
        for index, text in enumerate(one.lifecycle.ignore_changes):
            if ignored_path(text) is None:
                at = ("lifecycle", "ignore_changes", index)
                yield Finding("E101", at, f"unknown field {text!r}", suggestion(text, FIELDS))

    def _tags_together(self, tags: Mapping[str, str], region: str) -> Iterator[Finding]:
        """Findings about all tags of a mapping, with the provider's."""
        stated, tagged = self._provider.ownership_tags, takes_tags(region)
        most = MOST_TAGS - 3 * (tagged if stated is None else stated)
        if (tags or stated) and not tagged:
            message = f"mappings in the partition {partition_of(region)} may not support tags"
            yield Finding("W222", (), message, "if AWS rejects the tags, remove them")
        if len(tags) > most:
            yield Finding(
                "E103",
                ("tags",),
                f"{len(tags)} tags exceed the limit of {most} (AWS allows 50, including the tags that provisioner adds)",
            )

    def _mapping_region(self, raw: dict[str, Any], unvalued_fields: Collection[str]) -> tuple[str, list[Finding]]:
        """The region of a mapping: its own, its ARNs', the provider's, the environment's; the first two must agree."""
        stated = {str(raw["region"]): "region"} if raw.get("region") and "region" not in unvalued_fields else {}
        for name, reference in zip(("event_source_arn", "function_name"), _parsed(raw), strict=True):
            if reference and reference.region and name not in unvalued_fields:
                stated.setdefault(reference.region, name)
        findings = []
        if len(stated) > 1:
            (first, where), (second, other) = list(stated.items())[:2]
            message = f"regions do not match: {other} has {second}, but {where} has {first}"
            findings.append(
                Finding("E106", (other,), message, "the function and the source must be in the same region")
            )
        return next(iter(stated), self._provider.region or self._region), findings

    # --- mappings together --------------------------------------------------------------------------------------------

    def _unique_pairs(self, mappings: Iterable[Desired]) -> None:
        # By the pair itself, the virtual host included; and by what AWS may hold unique, in any virtual host.
        first: dict[tuple[str, ...], Desired] = {}
        last: dict[tuple[str, ...], Desired] = {}
        for item in mappings:
            own, wanted = sorted(item.pair.claims()), sorted(claims(item.mapping, item.pair))
            twins = {claim[0]: last[claim] for claim in reversed(wanted) if claim in last}
            if twin := next((first[claim] for claim in own if claim in first), None):
                hint = "Lambda rejects the second mapping with a 409 error; remove one of them"
                message = f"{item.name} and {twin.name} ({twin.place}) have the same function and source"
                self._report(item.name, "E107", (), message, hint)
            elif twin := twins.get("pair"):
                message = (
                    f"{item.name} and {twin.name} ({twin.place}) read queues of the same name in two "
                    "virtual hosts of the same broker"
                )
                self._report(item.name, "W219", (), message)
            if twin := twins.get("consumer group"):
                hint = "Lambda rejects the second mapping with a 409 error; set a different consumer_group_id, or remove it"
                group = consumer_group(item.mapping)
                message = f"{item.name} and {twin.name} ({twin.place}) use the same consumer group {group!r}"
                self._report(item.name, "E221", (), message, hint)
            for claim in own:
                first.setdefault(claim, item)
            last |= dict.fromkeys(wanted, item)

    def _poller_groups(self, mappings: Iterable[Desired]) -> None:
        """Mappings of one group share their pollers (docs/aws/kinds.md#fields)."""
        groups: defaultdict[tuple[str, str], list[Desired]] = defaultdict(list)
        for item in mappings:
            if group := item.mapping.get("provisioned_poller_config", {}).get("poller_group_name"):
                groups[item.region, group].append(item)
        for (_, group), members in groups.items():
            pollers = sum(item.mapping["provisioned_poller_config"]["maximum_pollers"] for item in members)
            if pollers > MOST_POLLERS or len(members) > MOST_MEMBERS:
                message = (
                    f"poller group {group!r} has {len(members)} mappings with up to {pollers} pollers; "
                    f"the limit per group is {MOST_MEMBERS} mappings and {MOST_POLLERS} pollers"
                )
                self._report(members[-1].name, "W210", (), message)


def _by_mapping(paths: Iterable[Steps]) -> dict[str, frozenset[Steps]]:
    """By mapping name the paths below it, relative to the mapping."""
    below: defaultdict[str, set[Steps]] = defaultdict(set)
    for path in paths:
        if path[:1] == ("mappings",) and len(path) > 1:
            below[str(path[1])].add(path[2:])
    return {name: frozenset(steps) for name, steps in below.items()}


def _dropped(raw: Mapping[str, Any], mapping: Mapping[str, Any]) -> Iterator[FieldPath]:
    """The paths of values that the manifest states and canonical form drops, because they are AWS's defaults."""
    for name, value in raw.items():
        if name not in mapping:
            if value is not None and name in FIELDS:
                yield (name,)
        elif isinstance(value, dict) and isinstance(mapping[name], dict) and name != "tags":
            yield from (
                (name, inner) for inner, item in value.items() if item is not None and inner not in mapping[name]
            )


def _one_holds_the_other(one: Steps, other: Steps) -> bool:
    return one[: len(other)] == other[: len(one)]


def _parsed(raw: Mapping[str, Any]) -> tuple[Arn | None, FunctionReference | None]:
    return Arn.parse(raw.get("event_source_arn")), FunctionReference.parse(raw.get("function_name"))


def _references(raw: Mapping[str, Any]) -> Iterator[Arn | FunctionReference]:
    return (reference for reference in _parsed(raw) if reference)
