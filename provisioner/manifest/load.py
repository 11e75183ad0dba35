"""Loads a manifest from its file or folder into desired state, and collects every diagnostic."""

from __future__ import annotations

import gc
import re
from collections.abc import Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from provisioner.errors import ManifestError
from provisioner.kinds import kind_for
from provisioner.kinds.ids import key_of_text, without_region
from provisioner.kinds.s3_kind import bucket_of
from provisioner.manifest.check import Member, fields_at
from provisioner.manifest.defaults import GROUPS, Defaults
from provisioner.manifest.files import gather, manifest_above
from provisioner.manifest.finding import Finding, Step, located
from provisioner.manifest.mappings import MappingChecks
from provisioner.manifest.names import at_the_top
from provisioner.manifest.node import Node
from provisioner.manifest.schema import ProviderBlock, Root, VariableBlock
from provisioner.manifest.shape import shape_of
from provisioner.manifest.source import kind_at, source_at
from provisioner.manifest.values import tag_findings
from provisioner.manifest.variables import Inputs, Variables, declaration_findings
from provisioner.model.diagnostics import Diagnostic, Severity
from provisioner.model.duration import seconds
from provisioner.model.key import S3
from provisioner.model.level import Level
from provisioner.model.manifest import Adoption, Manifest, Removal, Renaming, S3Location
from provisioner.model.place import Place
from provisioner.model.provider import AssumeRole, Provider
from provisioner.model.references import ACCOUNT, REGION
from provisioner.model.sources import SourceKind
from provisioner.planning.resolve import contradictions

STACK: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NEEDS_WHOLE_MANIFEST: Final = frozenset({"E102", "E108", "E111", "E112", "W212", "W213"})
_NO_INPUTS: Final = Inputs()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A manifest without errors, its warnings, and its tree of nodes after variables and defaults.

    `unvalued` are the variables that had no value, so that what depends on them was not checked.
    """

    manifest: Manifest
    warnings: tuple[Diagnostic, ...]
    root: Node
    unvalued: tuple[str, ...] = ()

    def defaults_of(self, kind: SourceKind) -> dict[str, Any]:
        """The defaults that the manifest has for a new mapping of a kind, with default tags."""
        groups = self.root.value.get("defaults")
        defaults = Defaults(groups.value).of(kind) if groups and groups.value else {}
        if not kind_for(kind).has_tags:
            return defaults
        provider = self.root.at(("provider",)).below("default_tags")
        tags = {**(provider.plain() or {} if provider else {}), **(defaults.get("tags") or {})}
        return {**defaults, "tags": tags} if tags else defaults


def load(
    path: Path,
    *,
    inputs: Inputs = _NO_INPUTS,
    region: str = "",
    member: Member | None = None,
    needs_values: bool = True,
    tests_filters: bool = True,
) -> Loaded:
    """Read the manifest in a file or folder.

    `inputs` are the values of variables; `region` is the environment's; `member` names the API's member for a path that
    the field table lacks, or "". Where a manifest `needs_values`, a variable without one is an error; else it is
    skipped with what depends on it. `tests_filters`: run the `filter_tests` of mappings.

    Raises ManifestError with every diagnostic, errors and warnings, in the order of the files.
    """
    with _gc_paused():
        return _load(path, inputs, region, member or _no_member, needs_values=needs_values, tests_filters=tests_filters)


_MANY_OBJECTS: Final = 10_000
"""Those of some 250 mappings: looking at fewer takes less than a millisecond."""


@contextmanager
def _gc_paused() -> Iterator[None]:
    """Pause the cyclic garbage collector, and let it take what was made for old: a manifest has no cycles, its values stay
    in use, and looking at all of them again takes half as long as making them.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # The first number counts what was made and is in use. What somebody else has frozen stays so; counting it takes
        # longer than reading a small manifest.
        if gc.get_count()[0] > _MANY_OBJECTS and not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()  # which leaves everything in the oldest generation
        if was:
            gc.enable()


def _load(
    path: Path, inputs: Inputs, region: str, member: Member, *, needs_values: bool, tests_filters: bool
) -> Loaded:
    joined = gather(path)
    loading = _Loading(joined.root, joined.diagnostics)
    loading.with_variables(inputs, needs_values=needs_values, refers=joined.refers)
    loading.with_defaults()
    folder = path if path.is_dir() else path.parent
    manifest = loading.manifest(folder, region, member, tests_filters=tests_filters)
    if not joined.complete:  # what these codes miss may be in the part that could not be read
        loading.diagnostics = [item for item in loading.diagnostics if item.code not in _NEEDS_WHOLE_MANIFEST]
    # Each once: a wrong default gives the same one for every mapping. In the order of the files.
    unique = {(item.place, item.code, item.message): item for item in loading.diagnostics}.values()
    diagnostics = sorted(unique, key=lambda item: (item.place.file, item.place.line, item.place.column, item.code))
    if manifest is None or not joined.complete or any(item.severity is Severity.ERROR for item in diagnostics):
        raise ManifestError(diagnostics, unvalued=tuple(loading.unvalued))
    return Loaded(manifest, tuple(diagnostics), loading.root, tuple(loading.unvalued))


def _no_member(_: Sequence[str]) -> str:
    return ""


class _Loading:
    """One manifest on its way from nodes to desired state; each method does one part, and `diagnostics` collects."""

    def __init__(self, root: Node, diagnostics: list[Diagnostic]) -> None:
        self.root = root
        self.diagnostics = diagnostics
        self.unvalued: Collection[str] = ()
        self._guesses = False

    def _report(self, code: str, path: tuple[Step, ...], message: str, hint: str = "", *, key: bool = False) -> None:
        self._add(self.root, Finding(code, path, message, hint, at_key=key))

    def _add(self, part: Node, finding: Finding) -> None:
        """Add the diagnostic of a finding, unless it judges a value that is not known."""
        if diagnostic := located(part, finding):
            self.diagnostics.append(diagnostic)

    def with_variables(self, inputs: Inputs, *, needs_values: bool, refers: bool) -> None:
        """Replace references by the values of variables, when a file has any (`refers`)."""
        node = self.root.value.get("variables")
        declared: dict[str, VariableBlock] = {}
        wrong = set(self._declare(node, declared)) if node and isinstance(node.value, dict) else set()
        variables = Variables(declared, {name: node.value[name] for name in declared} if node else {})
        variables.refuse(wrong)
        variables.evaluate(inputs)
        if refers:
            parts = self.root.value.items()
            self.root = self.root.holding(
                {key: item if key == "variables" else variables.substitute(item) for key, item in parts}
            )
        variables.warn_unused()
        if needs_values:
            variables.refuse_unvalued()
        self.diagnostics += variables.diagnostics
        self.unvalued = variables.unvalued
        self._guesses = bool(self.unvalued or variables.diagnostics)

    def _declare(self, node: Node, declared: dict[str, VariableBlock]) -> Iterator[str]:
        """Collect the declarations and report wrong ones; a wrong shape is reported with the shape of the rest."""
        for name, item in node.value.items():
            declared[name] = VariableBlock()  # so that its references are no second mistake
            try:
                block = VariableBlock.model_validate(item.plain() or {})
            except ValidationError:
                yield name
                continue
            findings = list(declaration_findings(name, block))
            for path, message in findings:
                self._report("E104", ("variables", name, *path), message, key=not path)
            if findings:
                yield name
            else:
                declared[name] = block

    def with_defaults(self) -> None:
        """Merge each mapping over the defaults of its kind."""
        groups, mappings = (self.root.value.get(key) for key in ("defaults", "mappings"))
        if groups is None or not isinstance(groups.value, dict) or not mappings or not isinstance(mappings.value, dict):
            return
        defaults = Defaults(groups.value)
        whole = mappings.holding({name: defaults.under(item) for name, item in mappings.value.items()})
        if not self._guesses:  # which kinds there are may hang on a variable
            self.diagnostics += defaults.unused()
        self.root = self.root.holding({**self.root.value, "mappings": whole})

    def manifest(self, folder: Path, region: str, member: Member, *, tests_filters: bool) -> Manifest | None:
        """The manifest, or None when its shape is wrong."""
        hints = {} if "stack" in self.root.value else {"stack": manifest_above(folder)}
        shape = shape_of(Root, self._without_fields(), hints)
        for finding in shape.findings:
            of_others = finding.code == "E101" and len(finding.path) == 1 and not finding.hint
            hint = at_the_top(str(finding.path[0])) if of_others else finding.hint
            self._add(self.root, replace(finding, hint=hint))
        self._check_defaults(member)
        provider = shape.model.provider if shape.model else ProviderBlock()
        node = self.root.value.get("mappings")
        tested = folder if tests_filters else None
        checks = MappingChecks(node, provider, member, region, self.diagnostics, guesses=self._guesses, tested=tested)
        mappings = checks.mappings()
        root = shape.model
        if root is None:
            return None
        self._check_stack(root)
        s3 = root.state.s3
        path = root.state.path or f"state/{root.stack}.json"
        location = S3Location(s3.bucket, s3.key, s3.region) if s3 else None
        manifest = Manifest(
            stack=root.stack,
            state_path=str(folder / path),
            place=Place(self.root.file),
            provider=self._provider(root),
            mappings=mappings,
            imports=tuple(self._imports(root)),
            moved=tuple(
                Renaming(item.from_, item.to, self._place("moved", index)) for index, item in enumerate(root.moved)
            ),
            removed=tuple(
                Removal(item.from_, self._place("removed", index)) for index, item in enumerate(root.removed)
            ),
            delete_limit=root.limits.deletes,
            conflict_limit=root.limits.conflicts,
            risk_limit=root.limits.risk and Level(root.limits.risk),
            state_s3=location,
            state_stated=str(location or path),
        )
        # Not where a name contains a variable without a value.
        keys = ("mappings", "moved", "imports", "removed")
        parts = [self.root.value[key] for key in keys if key in self.root.value]
        named = [part for part in parts if part.unvalued or isinstance(part.value, list)]
        if not any(next(part.unvalued_paths(), None) is not None for part in named):
            # With the names of mappings of which something else is wrong.
            self.diagnostics += contradictions(manifest, node.value if node and isinstance(node.value, dict) else ())
        return manifest

    def _without_fields(self) -> dict[str, Any]:
        """The plain value of the manifest, with mappings and groups of defaults empty: their fields are checked where
        they stand, against the field table.
        """
        plain: dict[str, Any] = {}
        for key, node in self.root.value.items():
            if key == "mappings" and isinstance(node.value, dict):
                plain[key] = {}
            elif key == "defaults" and isinstance(node.value, dict):
                groups = node.value.items()
                plain[key] = {name: {} if isinstance(item.value, dict) else item.plain() for name, item in groups}
            else:
                plain[key] = node.plain()
        return plain

    def _check_defaults(self, member: Member) -> None:
        """Names and types of defaults. Their values are judged in each mapping that they are merged into."""
        groups = self.root.value.get("defaults")
        for name, group in groups.value.items() if groups and isinstance(groups.value, dict) else ():
            if name in GROUPS and isinstance(group.value, dict):
                for finding in fields_at(group, None, member).findings:
                    self._add(group, finding)

    def _place(self, *path: Hashable) -> Place:
        return self.root.at(path).place()

    def _check_stack(self, root: Root) -> None:
        path = root.state.path
        if path is not None and (not path.endswith(".json") or not path.isprintable()):
            hint = "use a path that ends in .json; the lock and the journal are stored next to it under the same name"
            self._report("E104", ("state", "path"), f"{path!r} is not a path that ends in .json", hint)
        if path is not None and root.state.s3:
            message = "set either state.path or state.s3, not both"
            self._report("E104", ("state", "s3"), message, "remove one of the two", key=True)
        if not STACK.fullmatch(root.stack):
            hint = "use up to 64 letters, digits, '.', '_' and '-'"
            self._report("E104", ("stack",), f"{root.stack!r} is not a valid stack name", hint)

    def _provider(self, root: Root) -> Provider:
        block = root.provider
        for index, account in enumerate(block.allowed_account_ids):
            if not ACCOUNT.fullmatch(account):
                path = ("provider", "allowed_account_ids", index)
                self._report("E104", path, f"{account!r} is not an AWS account ID", "an account ID has 12 digits")
        if block.endpoint_url and not block.endpoint_url.startswith(("http://", "https://")):
            hint = "it must start with http:// or https://"
            self._report("E104", ("provider", "endpoint_url"), f"{block.endpoint_url!r} is not a URL", hint)
        for finding in tag_findings(block.default_tags, ("provider", "default_tags"), block):
            self._add(self.root, finding)
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
            mapping = self.root.at(("mappings",)).below(item.to)
            source = kind_at(mapping) if mapping and isinstance(mapping.value, dict) else None
            ident, region = without_region(item.id)
            if region and item.region not in ("", region):
                message = f"{item.id} and region {item.region} are different regions"
                self._report("E104", ("imports", index, "region"), message, "state the region once")
            region = item.region or region
            if region and not REGION.fullmatch(region):
                path = ("imports", index, "region" if item.region else "id")
                self._report("E104", path, f"{region!r} is not a region", "use a region name such as eu-west-1")
                region = ""
            try:
                key = key_of_text(ident, "", kind_for(source).name if source else None)
            except ValueError as error:
                hint = ""
                if mapping and source is SourceKind.S3:
                    bucket = bucket_of(source_at(mapping))
                    hint = (
                        f"write s3:{bucket}/ENTRY-ID; `aws s3api get-bucket-notification-configuration` lists the Ids"
                    )
                self._report("E104", ("imports", index, "id"), str(error), hint)
                continue
            # In full, so that it is read alike where the mapping has mistakes, and its kind is not known.
            text = f"s3:{key.id}" if key.kind == S3 else key.id
            yield Adoption(item.to, text, self._place("imports", index), region, item.expect == "identical")
