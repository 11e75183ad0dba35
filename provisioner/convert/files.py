"""The files of a folder that get the mappings which were found: new ones, or those of the manifest that is there. Nothing is
written here.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Final

from provisioner.convert.common import common_defaults
from provisioner.convert.entry import dump, literal
from provisioner.convert.found import Found, OwnerKind, Ownership
from provisioner.convert.slugs import short_hash
from provisioner.convert.text import DefaultsOf, Named, extended_text, new_text, sections, variables_yaml
from provisioner.convert.unknown import Variable
from provisioner.errors import UsageError
from provisioner.filesystem import read_regular
from provisioner.foreign_text import one_line
from provisioner.manifest.defaults import Defaults
from provisioner.manifest.format import formatted, with_items
from provisioner.manifest.load import STACK
from provisioner.manifest.reader import parse
from provisioner.model.canonical import Canonical
from provisioner.model.references import FunctionReference

ROOT: Final = "provisioner.yaml"
BELOW: Final = "mappings"
"""The folder below the manifest's with the files of mappings."""
_GLOB: Final = f"{BELOW}/*.yaml"
_MOST: Final = 64
_HASH: Final = 8
TAG: Final = "tag:"
GROUPINGS: Final = ("owner", "function", "one")
"""What the mappings of one file have in common, beside the value of a tag."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to write, its whole text, and the names of the mappings that are added to it."""

    path: Path
    text: str
    names: tuple[str, ...] = ()
    is_new: bool = True


@dataclass(frozen=True, slots=True)
class Present:
    """The manifest that a folder has: its `provisioner.yaml`, or None where all its YAML files are the manifest; the files as
    they are named in it, and what it says of new mappings.
    """

    root: Path | None
    files: tuple[Path, ...]
    region: str
    defaults_of: DefaultsOf


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a new manifest says beside its mappings; a region or an account that is not known is ""."""

    stack: str
    region: str = ""
    account: str = ""


def stack_name(stack: str) -> str:
    """The name of a new manifest's stack. Raises UsageError for one that no stack may have."""
    if not STACK.fullmatch(stack):
        hint = "pass --name with up to 64 letters, digits, '.', '_' and '-'"
        raise UsageError(f"{stack!r} is not a valid stack name", hint=hint)
    return stack


@dataclass(frozen=True, slots=True)
class Source:
    """Where mappings were found, as the first line of a file says it, and the variables that they need."""

    by: str = "`provisioner discover`"
    variables: Mapping[str, Variable] = field(default_factory=dict)


_DISCOVERED: Final = Source()


def files_of(
    folder: Path, named: Sequence[Named], by: str, manifest: Present | Fresh, source: Source = _DISCOVERED
) -> list[File]:
    """The files that get these mappings, those that include others last. `by` says what the mappings of one file have in
    common. No file is outside of the folder, and no line that stands in one changes.

    Raises UsageError where a file is in the way, or where nothing can be added to one.
    """
    groups: defaultdict[str, list[Named]] = defaultdict(list)
    for item in sorted(named, key=lambda item: item.name):
        groups[label_of(item.found, by)].append(item)
    stems = stems_of(groups)
    members = {stems[label]: groups[label] for label in sorted(groups)}
    heads = {
        stems[label]: f"{_head(label, by, group[0].found.owner)}, found by {source.by}."
        for label, group in groups.items()
    }
    variables = variables_yaml(source.variables)
    if isinstance(manifest, Fresh):
        return _fresh(folder, members, heads, manifest, variables)
    return list(_merged(folder, members, heads, manifest, variables))


def whole_text(named: Sequence[Named], fresh: Fresh, source: Source) -> str:
    """A new manifest in one text."""
    root, defaults = _root(fresh, [named])
    mappings = sections(sorted(named, key=lambda item: item.name), fresh.region, _reading(defaults))
    parts = [dump(root), variables_yaml(source.variables), mappings]
    return formatted(f"# Mappings, found in {one_line(source.by)}.\n\n" + "\n".join(filter(None, parts)))


def label_of(found: Found, by: str) -> str:
    """What a mapping has in common with the others of its file."""
    if by == "owner":
        kind = found.owner.kind
        return (
            f"{kind} {PurePath(found.owner.name).name}"
            if kind not in (OwnerKind.OURS, OwnerKind.UNKNOWN)
            else str(kind)
        )
    if by == "function":
        function = FunctionReference.parse(found.mapping.get("function_name"))
        return function.name if function else str(found.mapping.get("function_name", ""))
    if by.startswith(TAG):
        return str(found.known.get("tags", {}).get(by.removeprefix(TAG), "")) or "untagged"
    return "mappings"


def stems_of(labels: Iterable[str]) -> dict[str, str]:
    """A file name for each label, without its end: small letters, digits and `-`, at most 64. Of labels that would have one
    name, each gets a part of its hash.
    """
    plain = {label: re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")[:_MOST].strip("-") for label in labels}
    counts = Counter(plain.values())
    cut = _MOST - _HASH - 1
    return {
        label: stem if stem and counts[stem] == 1 else f"{stem[:cut].strip('-')}-{short_hash(label, _HASH)}".strip("-")
        for label, stem in plain.items()
    }


def _head(label: str, by: str, owner: Ownership) -> str:
    """What a file holds, as its first line says it. `owner` is that of its mappings."""
    if by == "owner":
        return {
            OwnerKind.OURS: "Mappings with the ownership tags of this stack",
            OwnerKind.UNKNOWN: "Mappings whose owner is not known",
        }.get(owner.kind, f"Mappings of {owner}")
    if by == "function":
        return f"Mappings of the function {label}"
    return f"Mappings whose tag {by.removeprefix(TAG)} is {label}" if by.startswith(TAG) else "Mappings"


# --- a new manifest --------------------------------------------------------------------------------------------------


def _root(fresh: Fresh, files: Sequence[Sequence[Named]]) -> tuple[dict[str, Any], Canonical]:
    """The head of a new manifest, and its defaults, which are in it."""
    # With the account, sources may be in others, and other credentials are refused.
    accounts = [fresh.account] if fresh.account else None
    provider = {"region": fresh.region or None, "allowed_account_ids": accounts}
    stated = {name: value for name, value in provider.items() if value}
    root: dict[str, Any] = {"stack": fresh.stack, **({"provider": stated} if stated else {})}
    defaults = common_defaults([[item.found for item in group] for group in files])
    if defaults:
        root["defaults"] = literal(defaults)
    return root, defaults


def _reading(defaults: Canonical) -> DefaultsOf:
    node = parse(dump(literal(defaults)), "").root
    read = Defaults(node.value) if node and defaults else None
    return lambda kind: read.of(kind) if read else {}


def _fresh(
    folder: Path, members: Mapping[str, Sequence[Named]], heads: Mapping[str, str], fresh: Fresh, variables: str
) -> list[File]:
    root, defaults = _root(fresh, list(members.values()))
    root["include"] = [_GLOB]
    text = formatted("\n".join(filter(None, [dump(root), variables])))
    defaults_of = _reading(defaults)
    files = []
    for stem, group in members.items():
        path = _inside(folder, f"{BELOW}/{stem}.yaml")
        _require_absent(path)
        names = tuple(item.name for item in group)
        files.append(File(path, new_text(group, heads[stem], fresh.region, defaults_of), names))
    root_path = _inside(folder, ROOT)
    _require_absent(root_path)
    return [*files, File(root_path, text)]


def _inside(folder: Path, name: str) -> Path:
    """A path in the folder. Raises UsageError for a link, which may lead out of it."""
    path = folder / name
    for part in (path, path.parent):
        if part != folder and part.is_symlink():
            raise UsageError(
                f"{part} is a symbolic link, which is not followed", hint="remove it, or use another folder"
            )
    return path


def _require_absent(path: Path) -> None:
    if path.exists():
        raise UsageError(
            f"{path} exists, and is not a file of this manifest",
            hint="move it away, include it in the manifest, or pass another --by",
        )


# --- the manifest that is there --------------------------------------------------------------------------------------


def _merged(
    folder: Path, members: Mapping[str, Sequence[Named]], heads: Mapping[str, str], present: Present, variables: str
) -> Iterable[File]:
    known = {file.resolve() for file in present.files}
    start = f"{BELOW}/" if present.root else ""
    included: list[str] = []
    for stem, group in members.items():
        path = _inside(folder, f"{start}{stem}.yaml")
        names = tuple(item.name for item in group)
        declared, variables = variables, ""  # in the first file
        if path.resolve() in known:
            text = extended_text(_text(path), group, present.region, present.defaults_of)
            text = with_items(text, declared) if declared else text
            yield File(path, text, names, is_new=False)
            continue
        _require_absent(path)
        text = new_text(group, heads[stem], present.region, present.defaults_of)
        yield File(path, with_items(text, declared) if declared else text, names)
        included.append(f"{start}{stem}.yaml")
    if present.root:
        text = _text(present.root)
        globs = _includes(text)
        if not all(any(PurePath(name).match(glob) for glob in globs) for name in included):
            yield File(present.root, with_items(text, f"include:\n  - {_GLOB}\n"), is_new=False)


def _includes(text: str) -> list[str]:
    root = parse(text, "").root
    include = root.value.get("include") if root and isinstance(root.value, dict) else None
    items = include.value if include and isinstance(include.value, list) else []
    return [item.value for item in items if isinstance(item.value, str)]


def _text(path: Path) -> str:
    """A file's text with its line ends as they are. Raises UsageError."""
    try:
        return read_regular(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
