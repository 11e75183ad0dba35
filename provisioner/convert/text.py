"""The text of mappings that were found: entries below `mappings`, and `imports` with a comment for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provisioner.convert.entry import dump, entry_of, literal
from provisioner.convert.found import IGNORED, Found, OwnerKind, import_id
from provisioner.convert.unknown import Variable, readable
from provisioner.foreign_text import one_line
from provisioner.manifest.format import formatted, with_items, with_mapping
from provisioner.model.sources import SourceKind

DefaultsOf = Callable[[SourceKind], Mapping[str, Any]]
"""The defaults that a manifest has for a kind."""


@dataclass(frozen=True, slots=True)
class Named:
    """A mapping that was found, with the name that it gets."""

    name: str
    found: Found


def new_text(named: Sequence[Named], head: str, region: str, defaults_of: DefaultsOf) -> str:
    """The text of a new file with these mappings, in canonical form; `head` is its first line, a comment. `region` is that
    of mappings that state none.
    """
    return formatted(f"# {one_line(head)}\n\n{sections(named, region, defaults_of)}")


def sections(named: Sequence[Named], region: str, defaults_of: DefaultsOf) -> str:
    """The `mappings` and `imports` of these mappings, not yet in canonical form: that of the whole text is made once."""
    parts = [_mappings(named, region, defaults_of) if named else "mappings: {}\n", _imports(named)]
    return "\n".join(filter(None, parts))


def extended_text(text: str, named: Sequence[Named], region: str, defaults_of: DefaultsOf) -> str:
    """The text of a file with these mappings added; no line of it changes. Raises ManifestError where the text cannot be read,
    UsageError where nothing can be added to it.
    """
    text = with_mapping(text, formatted(_mappings(named, region, defaults_of)))
    imports = _imports(named)
    return with_items(text, formatted(imports)) if imports else text


def import_yaml(name: str, found: Found) -> str:
    """The `imports` of a manifest by which an apply imports a mapping that has a key: without a change, where there is none
    to be expected.
    """
    assert found.key
    entry = {"to": name, "id": import_id(found.key), **({} if found.changes else {"expect": "identical"})}
    return dump({"imports": [literal(entry)]})


def _mappings(named: Sequence[Named], region: str, defaults_of: DefaultsOf) -> str:
    texts = []
    for item in named:
        entry = {item.name: entry_of(item.found, region, defaults_of(item.found.kind))}
        text = dump({"mappings": entry}).removeprefix("mappings:\n")
        texts.append(text if item.found.key else _commented(item.found) + text)  # else the import has the comments
    return "mappings:\n" + "\n".join(texts)


def variables_yaml(variables: Mapping[str, Variable]) -> str:
    """The declarations of variables, as a manifest has them; "" for none."""
    declared = {name: literal(variable.declaration()) for name, variable in variables.items()}
    return dump({"variables": declared}) if declared else ""


def _imports(named: Sequence[Named]) -> str:
    items = [
        _commented(item.found) + import_yaml(item.name, item.found).removeprefix("imports:\n")
        for item in named
        if item.found.key
    ]
    return "imports:\n" + "".join(items) if items else ""


def _whose(found: Found) -> str:
    """The owner, where the origin does not say it."""
    owner = found.owner
    if owner.kind is OwnerKind.UNKNOWN or (owner.name and owner.name in found.origin):
        return ""
    return f"owner: {', '.join(filter(None, [str(owner), owner.address]))} ({owner.evidence})"


def _commented(found: Found) -> str:
    return "".join(f"  # {one_line(readable(line))}\n" for line in _comments(found))


def _comments(found: Found) -> Iterator[str]:
    """Where a mapping was found, whose it is, and what is not known of it."""
    facts = [found.state, _whose(found), found.fault]
    yield "; ".join(filter(None, [found.origin, *facts]))
    for doubt in found.doubts:
        instead = f"; it is listed in {IGNORED}" if doubt.instead == IGNORED else ""
        start = f"{doubt.field}: " if doubt.field else ""
        yield f"{start}{doubt.why}{instead or (doubt.instead and f'; {doubt.instead}')}"
