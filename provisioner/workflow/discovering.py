"""Looks for mappings that exist, and writes those that nobody manages with provisioner into a manifest. AWS and the state stay
as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from provisioner.aws.discovery import Listed, Scope, Seen, Unread, enabled_regions, list_entries, list_mappings
from provisioner.aws.refresh import parallel
from provisioner.aws.session import Aws
from provisioner.aws.stacks import mappings_of
from provisioner.convert.conversion import Options
from provisioner.convert.files import ROOT, File, Fresh, Present, files_of, stack_name
from provisioner.convert.formats import convert
from provisioner.convert.found import Doubt, Evidence, Found, OwnerKind, Ownership, found_of, owner_of
from provisioner.convert.names import names_of
from provisioner.convert.text import Named
from provisioner.errors import AwsError, UsageError
from provisioner.filesystem import make_folder, rewrite, state_errors
from provisioner.foreign_text import one_line
from provisioner.kinds import kind_for, pair_of
from provisioner.kinds.ids import key_of_text
from provisioner.manifest import Inputs
from provisioner.manifest.files import gather
from provisioner.model.key import LAMBDA, S3, Key
from provisioner.model.live import BROKEN
from provisioner.model.manifest import Manifest
from provisioner.model.place import Place
from provisioner.model.provider import Provider
from provisioner.model.references import Pair
from provisioner.workflow.run import Run, Ui

ALL_KINDS: Final = (LAMBDA, S3)
_PUBLIC = 0o644
_CLOUDFORMATION: Final = "cfn:"
_CDK_HASH: Final = re.compile(r"(?<=.)[0-9A-F]{8}$")
"""What the CDK adds to the name of a resource."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for. `functions` and `sources` are globs, `tags` are keys with values, None for any. `unmanaged`: only
    what nothing that was looked at manages. `names_from` are states of Terraform and cfn:STACK, which name mappings. `proceed`
    is asked before many calls are made, with their number.
    """

    kinds: tuple[str, ...] = (LAMBDA,)
    regions: tuple[str, ...] = ()
    all_regions: bool = False
    functions: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    tags: tuple[tuple[str, str | None], ...] = ()
    unmanaged: bool = False
    names_from: tuple[str, ...] = ()
    proceed: Callable[[int], bool] = lambda _calls: True


@dataclass(frozen=True, slots=True)
class Gone:
    """A mapping that does not exist, with the file, or the stack of CloudFormation, that names it."""

    name: str
    id: str
    file: str


@dataclass(frozen=True, slots=True)
class Discovered:
    """What was found, sorted by name. `unread` is what could not be read: then it is not complete. `gone` is what the manifest
    imports and AWS does not have, `absent` what `--names-from` names and AWS does not have.
    """

    account: str
    regions: tuple[str, ...]
    found: tuple[Named, ...]
    unread: tuple[Unread, ...] = ()
    gone: tuple[Gone, ...] = ()
    absent: tuple[Gone, ...] = ()


@dataclass(slots=True)
class _Known:
    """What the manifests and their states say of mappings: names, owners, and which names are taken."""

    owners: dict[Key, Ownership] = field(default_factory=dict)
    lineages: dict[str, Ownership] = field(default_factory=dict)
    recorded: dict[Key, str] = field(default_factory=dict)
    imported: dict[Key, str] = field(default_factory=dict)
    pairs: dict[Pair, str] = field(default_factory=dict)
    others: dict[Key, Ownership] = field(default_factory=dict)
    names: dict[Key, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)


def has_manifest(path: Path) -> bool:
    """Whether a file or folder is a manifest: a folder without `provisioner.yaml` may have YAML files of others."""
    if path.is_file() or (path / ROOT).is_file():
        return True
    root = gather(path).root.value if path.exists() else None
    return isinstance(root, dict) and "stack" in root


def looking(
    path: Path | None, ui: Ui, *, inputs: Inputs | None = None, provider: Provider | None = None, region: str = ""
) -> Run:
    """A run that looks for mappings: on a manifest, or without one. Raises ManifestError."""
    if path:
        return Run.on(path, ui, inputs=inputs)
    access = provider or Provider()
    return Run(Manifest("", "", Place("."), replace(access, region=access.region or region)), ui)


def discover(run: Run, query: Query, others: Sequence[Run] = ()) -> Discovered:
    """The mappings that exist, each with its owner as far as there is evidence: the states of the manifests, else tags. The
    account is that of `run`; `others` are on further manifests, whose mappings are those of other stacks.

    What AWS refuses is in `unread`. Raises UsageError without a region, AwsError, StateError.
    """
    recorded = run.backend.read().state.account if run.manifest.stack else ""
    aws, account = run.connect(recorded)
    known = _known(run, others)
    regions = _regions(run, query)
    _read_names(query.names_from, known, aws, regions)
    scope = Scope(query.functions, query.sources, query.proceed)
    lineage = next(iter(known.lineages), "")
    places = [(kind, region) for kind in query.kinds for region in regions]

    def listed(place: tuple[str, str]) -> Listed:
        kind, region = place
        if kind == LAMBDA:
            return list_mappings(aws, region, run.manifest.provider)
        return list_entries(aws, run.drivers.policies, region, scope, lineage)

    # Buckets one region after the other: each may ask a question first, and reads in parallel by itself.
    at_once = [place for place in places if place[0] == LAMBDA]
    parts = dict(zip(at_once, parallel(listed, at_once), strict=True))
    parts |= {place: listed(place) for place in places if place not in parts}
    found = [_found(seen, known) for part in parts.values() for seen in part.seen]
    asked = [
        item
        for item in _named(found, known)
        if scope.takes(item.found.mapping)
        and all(
            key in (tags := item.found.mapping.get("tags", {})) and value in (None, tags[key])
            for key, value in query.tags
        )
        and (item.found.is_unmanaged or not query.unmanaged)
    ]
    # What is imported and was never recorded is gone where everything was read.
    narrowed = bool(scope.functions or scope.sources)  # then not all buckets are read
    whole = {place for place, part in parts.items() if not part.unread and (place[0] == LAMBDA or not narrowed)}
    seen = {item.key for item in found}
    files = {item.name: item.place.file for item in run.manifest.imports}
    imports = {key: name for name, key in imported_keys(run.manifest)} if run.manifest.stack else {}
    return Discovered(
        account=account,
        regions=tuple(regions),
        found=tuple(sorted(asked, key=lambda item: (item.name, str(item.found.key)))),
        unread=tuple(unread for part in parts.values() for unread in part.unread),
        gone=tuple(
            Gone(name, key.id, files[name])
            for key, name in sorted(imports.items())
            if (key.kind, key.region) in whole and key not in seen | known.recorded.keys()
        ),
        absent=tuple(
            Gone(owner.address, key.id, owner.name)
            for key, owner in sorted(known.others.items(), key=lambda item: (item[1].name, item[1].address))
            if (key.kind, key.region) in whole and key not in seen
        ),
    )


def _regions(run: Run, query: Query) -> list[str]:
    if query.all_regions:
        try:
            return enabled_regions(run.aws)
        except AwsError as error:
            error.hint = "allow ec2:DescribeRegions, or name the regions with --region"
            raise
    regions = list(dict.fromkeys(query.regions)) or ([run.aws.region] if run.aws.region else [])
    if not regions:
        raise UsageError("no region is set", hint="pass --region REGION or --all-regions, or set AWS_REGION")
    return regions


# --- what is known already -------------------------------------------------------------------------------------------


def _known(run: Run, others: Sequence[Run]) -> _Known:
    known = _Known()
    for one in (run, *others):
        stack = one.manifest.stack
        if not stack:
            continue
        kind = OwnerKind.OURS if one is run else OwnerKind.PROVISIONER
        state = one.backend.read().state
        known.lineages[state.lineage] = Ownership(kind, stack, Evidence.TAGS)
        recorded = state.managers()
        known.owners |= dict.fromkeys(recorded, Ownership(kind, stack, Evidence.STATE))
        known.recorded |= recorded
        manifest = one.manifest.in_region(run.aws.region)
        known.pairs |= {pair_of(item): name for name, item in manifest.mappings.items()}
        known.imported |= {key: name for name, key in imported_keys(manifest)}
        # What is moved or forgotten has a name that a mapping must not have again.
        leaving = {item.source for item in manifest.moved} | {item.name for item in manifest.removed}
        known.taken |= {*state.mappings, *manifest.mappings, *leaving}
    return known


def _read_names(names_from: Sequence[str], known: _Known, aws: Aws, regions: Sequence[str]) -> None:
    """What states of Terraform and stacks of CloudFormation call mappings, and that they have them."""
    for file in names_from:
        if file.startswith(_CLOUDFORMATION):
            stack = file.removeprefix(_CLOUDFORMATION)
            for region in regions:
                for uuid, logical_id in mappings_of(aws, region, stack).items():
                    key = Key(LAMBDA, region, uuid)
                    known.others[key] = Ownership(OwnerKind.CLOUDFORMATION, stack, Evidence.STACK, one_line(logical_id))
                    known.names[key] = _CDK_HASH.sub("", logical_id)
            continue
        conversion = convert([Path(file)], Options())
        if not conversion.is_of(OwnerKind.TERRAFORM):
            hint = "pass a terraform.tfstate, or what `terraform show -json` prints"
            raise UsageError(f"{file} is not a state of Terraform", hint=hint)
        for item in conversion.found:
            if item.key:
                known.others[item.key] = item.owner
                known.names[item.key] = item.given


def imported_keys(manifest: Manifest) -> Iterator[tuple[str, Key]]:
    """The mappings that a manifest imports, each with its name. Every mapping of it has a region."""
    for item in manifest.imports:
        if wanted := manifest.mappings.get(item.name):
            yield item.name, key_of_text(item.uuid, wanted.region, kind_for(wanted.kind).name)


def _found(seen: Seen, known: _Known) -> Found:
    live = seen.live
    owner = owner_of(live.key, seen.tags, known.owners, known.lineages, known.others)
    declared = known.imported.get(live.key) or known.pairs.get(pair_of(live), "")
    notes = (Doubt("permission", one_line(seen.note)),) if seen.note else ()
    given = known.recorded.get(live.key) or declared or (live.owner.name if live.owner else "")
    given = given or known.names.get(live.key, "")
    lacks_statement = live.status.state == BROKEN and "permission" not in live.mapping
    return replace(found_of(live, owner, notes, given), declared=bool(declared), changes=lacks_statement)


def _named(found: Sequence[Found], known: _Known) -> list[Named]:
    """Each mapping with its name: its own where a manifest, a state or another stack has it."""
    fixed = [item for item in found if item.given and (item.is_managed or item.declared)]
    free = [item for item in found if not (item.given and (item.is_managed or item.declared))]
    named = [Named(item.given, item) for item in fixed]
    return named + [Named(name, item) for name, item in zip(names_of(free, known.taken), free, strict=True)]


# --- writing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: the files, the mappings that were added, and those that could not be, with why."""

    files: tuple[File, ...]
    named: tuple[Named, ...]
    refused: tuple[Named, ...]


def write(run: Run, discovered: Discovered, folder: Path, by: str, stack: str) -> Written:
    """Write what nobody manages with provisioner into the manifest of a folder, which is that of `run`, or a new one. Only what
    is new is added. `stack` names a new one, "" for the name of the folder.

    Raises UsageError where a file is in the way or cannot be added to, StateError where one cannot be written.
    """
    new = [item for item in discovered.found if not (item.found.is_managed or item.found.declared)]
    refused = tuple(item for item in new if item.found.refusal)
    named = [item for item in new if not item.found.refusal]
    if not named:
        return Written((), (), refused)
    if run.manifest.stack:
        if stack and stack != run.manifest.stack:
            raise UsageError(
                f"{folder} has the stack {run.manifest.stack}, not {stack}", hint="remove --name, or use another folder"
            )
        files = files_of(folder, named, by, _present(run, folder))
    else:
        region = run.aws.region if run.aws.region in discovered.regions else discovered.regions[0]
        files = files_of(
            folder, named, by, Fresh(stack_name(stack or folder.resolve().name), region, discovered.account)
        )
    for file in files:
        with state_errors(file.path, "written"):
            make_folder(file.path.parent)
        rewrite(file.path, file.text, _PUBLIC if file.is_new else None)
    return Written(tuple(files), tuple(named), refused)


def _present(run: Run, folder: Path) -> Present:
    assert run.loaded  # a run with a stack has a manifest
    root = folder / ROOT
    files = tuple(Path(name) for name in gather(folder).files)
    region = run.manifest.provider.region or run.aws.region
    return Present(root if root.is_file() else None, files, region, run.loaded.defaults_of)
