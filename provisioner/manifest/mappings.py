"""Checks the mappings of a manifest: each against the field table and the rules, then against each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from provisioner.kinds import kind_for, pair_of
from provisioner.kinds.canonical import canonical
from provisioner.kinds.lambda_kind import EVENT_SOURCE_MAPPING
from provisioner.kinds.tables import REQUIRED, fields_of
from provisioner.kinds.uniqueness import claims, consumer_group
from provisioner.manifest.access import secret_findings
from provisioner.manifest.buckets import bucket_findings
from provisioner.manifest.check import Member, fields_at
from provisioner.manifest.filter_tests import FIELD, filter_test_findings
from provisioner.manifest.finding import Finding, Step, located
from provisioner.manifest.node import Node
from provisioner.manifest.rules import rule_findings
from provisioner.manifest.schema import ProviderBlock
from provisioner.manifest.source import has_malformed_source, source_at, source_findings
from provisioner.manifest.types import A_MAP, shown
from provisioner.manifest.values import tag_findings
from provisioner.model.canonical import Canonical
from provisioner.model.desired import Desired
from provisioner.model.diagnostics import Diagnostic, Severity
from provisioner.model.place import FieldPath
from provisioner.model.provider import takes_tags
from provisioner.model.references import MAPPING_NAME, Arn, FunctionReference, partition_of
from provisioner.model.sources import PUSH, SourceKind, kind_of

MOST_POLLERS, MOST_MEMBERS, MOST_TAGS = 2000, 100, 50


class MappingChecks:
    """Checks the mappings of a manifest, and makes each that is right canonical.

    `mappings` is the node of all of them, or None; `region` is the environment's. `guesses` says that variables without
    a value may be in it; `tested` is the manifest's folder, None where filter tests are not run. Diagnostics are added to
    `diagnostics`.
    """

    def __init__(
        self,
        mappings: Node | None,
        provider: ProviderBlock,
        member: Member,
        region: str,
        diagnostics: list[Diagnostic],
        *,
        guesses: bool,
        tested: Path | None,
    ) -> None:
        self._nodes: Mapping[str, Node] = mappings.value if mappings and isinstance(mappings.value, dict) else {}
        self._provider = provider
        self._member = member
        self._region = region
        self._diagnostics = diagnostics
        self._guesses = guesses
        self._tested = tested
        self._unvalued: set[str] = set()  # the mappings in which a variable has no value

    def mappings(self) -> dict[str, Desired]:
        """Every mapping without a mistake, by name."""
        made = {name: item for name, node in self._nodes.items() if (item := self._one(name, node))}
        known = [item for name, item in made.items() if name not in self._unvalued]
        kept_by_lambda = [item for item in known if kind_for(item.kind) is EVENT_SOURCE_MAPPING]
        self._unique_pairs(kept_by_lambda)
        self._poller_groups(kept_by_lambda)
        for item, finding in bucket_findings(known):
            self._add(self._nodes[item.name], finding)
        return made

    def _report(
        self, name: str, code: str, path: tuple[Step, ...], message: str, hint: str = "", *, at_key: bool = False
    ) -> None:
        """Add a diagnostic at a path in a mapping; at the mapping's name when the path is empty."""
        self._add(self._nodes[name], Finding(code, path, message, hint, at_key=at_key))

    def _add(self, node: Node, finding: Finding) -> bool:
        """Add the diagnostic of a finding, unless it judges a value that is not known. Returns whether it is an error."""
        diagnostic = located(node, finding)
        if diagnostic:
            self._diagnostics.append(diagnostic)
        return bool(diagnostic and diagnostic.severity is Severity.ERROR)

    # --- one mapping --------------------------------------------------------------------------------------------------

    def _one(self, name: str, node: Node) -> Desired | None:
        """A mapping, or None when something is wrong with it."""
        if node.unvalued:
            return None  # the whole mapping is a variable without a value
        if not isinstance(node.value, dict):
            if node.value is None:
                hint = "write its contents below it, indented"
                finding = Finding("E104", (), f"{name} is empty", hint, at_key=True)
            else:
                finding = Finding("E104", (), f"{name} must be {A_MAP}, not {shown(node.plain())}", certain=True)
            self._add(node, finding)
            return None
        mapping = self._mapping(name, node)
        if MAPPING_NAME.fullmatch(name):
            return mapping
        place = node.place(key=True)
        reported = "${" in name and any(item.place == place for item in self._diagnostics)
        if not reported:
            hint = "use up to 128 letters, digits, '.', '_' and '-', starting with a letter or digit"
            self._report(name, "E104", (), f"{name!r} is not a valid mapping name", hint)
        return None

    def _mapping(self, name: str, node: Node) -> Desired | None:
        stated = source_at(node)
        kind = kind_of(stated)
        source = [] if has_malformed_source(node, stated) else list(source_findings(stated, kind))
        clear = all(finding.code[0] == "W" or finding.path == ("function_name",) for finding in source)
        fields = fields_at(node, kind if clear else None, self._member)
        tags = {**self._provider.default_tags, **(fields.raw.get("tags") or {})}
        tags = {key: value for key, value in tags.items() if value is not None}
        mapping = canonical({**fields.raw, "tags": tags}, kind) if kind else {}
        unknown = fields.malformed | {path[0] for path in fields.lifecycle.ignore_changes}
        if self._guesses:
            unknown |= self._unvalued_fields(name, node)
        references = (
            Arn.parse(fields.raw.get("event_source_arn")),
            FunctionReference.parse(fields.raw.get("function_name")),
        )
        if kind in PUSH:  # the ARN of a bucket has no region
            references = (None, references[1])
        region, findings = self._mapping_region(fields.raw, references, unknown)
        findings += [*source, *fields.findings]
        if kind is None or kind_for(kind).has_tags:
            findings += self._own_findings(fields.raw, mapping, region)
        if kind and clear:
            findings += [
                Finding("E102", (), f"{required} is required for {kind.phrase}", field=required)
                for required in REQUIRED[kind]
                if required not in mapping
            ]
            findings += rule_findings(fields.raw, mapping, kind, unknown)
        if (
            self._tested
            and kind
            and clear
            and FIELD in node.value
            and not fields.malformed | unknown & {FIELD, "filter_criteria"}
        ):
            findings += filter_test_findings(node.value[FIELD], mapping, kind, self._tested)
        errors = [self._add(node, finding) for finding in findings if not finding.field or finding.field not in unknown]
        if kind is None or fields.malformed or any(errors):
            return None
        return Desired(
            name=name,
            region=region,
            kind=kind,
            mapping=mapping,
            place=node.place(key=True),
            lifecycle=fields.lifecycle,
            accounts=frozenset(item.account for item in references if item and item.account),
            stated=frozenset(_dropped(fields.raw, mapping, kind)),
        )

    def _unvalued_fields(self, name: str, node: Node) -> set[str]:
        """The fields with a variable that has no value."""
        fields = {key for key, item in node.value.items() if any(True for _ in item.unvalued_paths())}
        if fields:
            self._unvalued.add(name)
        return fields

    def _own_findings(self, raw: Mapping[str, Any], mapping: Canonical, region: str) -> Iterator[Finding]:
        """Findings about secrets and tags."""
        yield from secret_findings(raw, region)
        yield from self._tags_together(mapping.get("tags", {}), region)
        if raw.get("tags"):
            own = {key: value for key, value in raw["tags"].items() if value is not None}
            yield from tag_findings(own, ("tags",), self._provider)

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

    def _mapping_region(
        self,
        raw: dict[str, Any],
        references: tuple[Arn | None, FunctionReference | None],
        unvalued_fields: Collection[str],
    ) -> tuple[str, list[Finding]]:
        """The region of a mapping: its own, that of its `references` (source and function), the provider's, the
        environment's; the first two must agree.
        """
        stated = {str(raw["region"]): "region"} if raw.get("region") and "region" not in unvalued_fields else {}
        for name, reference in zip(("event_source_arn", "function_name"), references, strict=True):
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
            pair = pair_of(item)
            own, wanted = pair.claims(), sorted(claims(item.mapping, pair))
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


def _dropped(raw: Mapping[str, Any], mapping: Mapping[str, Any], kind: SourceKind) -> Iterator[FieldPath]:
    """The paths of values that the manifest states and canonical form drops, because they are AWS's defaults."""
    for name, value in raw.items():
        if name not in mapping:
            if value is not None and name in fields_of(kind):
                yield (name,)
        elif isinstance(value, dict) and isinstance(mapping[name], dict) and name != "tags":
            yield from (
                (name, inner) for inner, item in value.items() if item is not None and inner not in mapping[name]
            )
