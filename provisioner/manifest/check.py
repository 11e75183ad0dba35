"""Checks one mapping where it stands: a walk over its nodes beside the field table. Which fields there are, which of
them its kind of source has, and their values. Rules between fields are in `rules`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, NamedTuple, get_args, get_origin

from provisioner.kinds.fields import Field
from provisioner.kinds.forms import moment, parsed, timestamp
from provisioner.kinds.rows import TAG_TEXT, Limits
from provisioner.kinds.tables import fields_of, learn
from provisioner.manifest.finding import Finding, Step, label, nearest, suggestion
from provisioner.manifest.node import Node
from provisioner.manifest.patterns import pattern_findings
from provisioner.manifest.schema import LifecycleBlock, ProviderBlock
from provisioner.manifest.shape import shape_of
from provisioner.manifest.types import A_MAP, shown, type_hint
from provisioner.model.canonical import absent, is_own_tag
from provisioner.model.desired import Lifecycle
from provisioner.model.place import FieldPath
from provisioner.model.sources import ALL, SourceKind

Member = Callable[[Sequence[str]], str]
"""Names the API's member for a path that the field table lacks, or ""."""

_OURS: Final = frozenset({"region", "lifecycle"})
_SCALARS: Final = {int: "a whole number", bool: "true or false", str: "a string"}
_NO_LIFECYCLE: Final = Lifecycle()


class _Wrong:
    pass


_WRONG: Final = _Wrong()
"""Stands for a value that is left out, because its type is wrong or a part of it is."""


class Fields(NamedTuple):
    """The fields of one mapping after the walk.

    raw        plain values as written, without those of the wrong type
    lifecycle  without the entries of `ignore_changes` that name no field
    malformed  the top-level fields of which something is missing in `raw`; a misspelt field under both names
    """

    raw: dict[str, Any]
    lifecycle: Lifecycle
    malformed: set[str]
    findings: list[Finding]


def fields_at(mapping: Node, kind: SourceKind | None, member: Member) -> Fields:
    """Check the fields of a mapping, or of a group of defaults, whose value is a dict.

    Without a `kind` only names and types are checked.
    """
    walk = _Walk(member)
    raw = walk.block(fields_of(kind), mapping, kind, ())
    lifecycle = _NO_LIFECYCLE
    if stated := walk.lifecycle:  # after the walk, which adds fields that only botocore knows to the table
        paths = {text: ignored_path(text, kind) for text in stated.ignore_changes}
        for index, text in enumerate(stated.ignore_changes):
            if paths[text] is None:
                at = ("lifecycle", "ignore_changes", index)
                walk.findings.append(Finding("E101", at, f"unknown field {text!r}", suggestion(text, fields_of(kind))))
        lifecycle = Lifecycle(stated.prevent_destroy, tuple(filter(None, paths.values())), stated.on_conflict)
    return Fields(raw, lifecycle, walk.malformed, walk.findings)


class _Walk:
    """One walk over the nodes of a mapping, beside the fields of the table."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self.lifecycle: LifecycleBlock | None = None
        self.malformed: set[str] = set()
        self.findings: list[Finding] = []
        self._mistakes = 0

    def block(
        self, fields: Mapping[str, Field], node: Node, kind: SourceKind | None, path: tuple[Step, ...]
    ) -> dict[str, Any]:
        """The plain values of a block, or of the whole mapping; those of the wrong type are left out."""
        values: dict[str, Any] = {}
        for name, item in node.value.items():
            known = fields.get(name)
            if known is None or known.learned:
                value = self._not_in_table(fields, item, (*path, name))
            elif item.value is None:
                value = None  # the same as an absent field
            else:
                # A value that says nothing is not judged: canonical form drops it.
                judged = None if kind is None or _is_silent(known, item, kind) else kind
                value = self._field(known, item, judged, (*path, name))
            if value is not _WRONG:
                values[name] = value
        return values

    def _field(self, known: Field, node: Node, kind: SourceKind | None, path: tuple[Step, ...]) -> Any:
        """The plain value of a field, or _WRONG. Without a `kind` only its type is checked."""
        has = kind is not None and known.row.has(kind)
        value = self._blocks(known, node, kind if has else None, path) if known.children else None
        if not known.children:
            value = self._typed(known, node, path)
        if kind is None or value is _WRONG:
            return value
        self.findings += _value_findings(known, value, kind, path) if has else [_lacking(known, kind, path)]
        return value

    # --- blocks -------------------------------------------------------------------------------------------------------

    def _blocks(self, known: Field, node: Node, kind: SourceKind | None, path: tuple[Step, ...]) -> Any:
        if not known.many:
            return self._one_block(known, node, kind, path)
        if not isinstance(node.value, list):
            return self._wrong_type("a list", node, path)
        items = [self._one_block(known, item, kind, (*path, index)) for index, item in enumerate(node.value)]
        # Without one of its items a list may say something else, so it is left out whole.
        return _WRONG if any(item is _WRONG for item in items) else items

    def _one_block(self, known: Field, node: Node, kind: SourceKind | None, path: tuple[Step, ...]) -> Any:
        if not isinstance(node.value, dict):
            return self._wrong_type(A_MAP, node, path)
        before, is_item = self._mistakes, isinstance(path[-1], int)
        values = self.block(known.children, node, kind, path)
        missing = [
            name
            for name, inner in known.children.items()
            if _is_required(inner, kind, is_item=is_item) and _is_missing(inner, values.get(name))
        ]
        misspelt = {nearest(str(name), known.children) for name in node.value.keys() - known.children.keys()}
        for name in missing:
            if name not in misspelt and (name in values or name not in node.value):  # else it has the wrong type
                message = f"{name} is missing in {path[-2] if is_item else path[-1]}"
                self._mistake(Finding("E102", path, message))
        return _WRONG if missing or (is_item and self._mistakes > before) else values

    # --- types --------------------------------------------------------------------------------------------------------

    def _typed(self, known: Field, node: Node, path: tuple[Step, ...]) -> Any:
        """The plain value of a field that is no block, or _WRONG when its type is not the table's."""
        value, annotation = node.value, known.annotation
        if type(value) is annotation:
            return value
        if annotation in _SCALARS:
            return self._wrong_type(_SCALARS[annotation], node, path)
        if known.name == "pattern":
            if isinstance(value, str | dict):
                return node.plain()
            return self._mistake(
                Finding("E104", path, f"a pattern must be a map or a JSON string, not {shown(node.plain())}")
            )
        if get_origin(annotation) is list:
            return self._strings(node, path)
        return self._map(annotation, node, path)

    def _strings(self, node: Node, path: tuple[Step, ...]) -> Any:
        if not isinstance(node.value, list):
            return self._wrong_type("a list", node, path)
        items = [
            item.value if isinstance(item.value, str) else self._wrong_type("a string", item, (*path, index))
            for index, item in enumerate(node.value)
        ]
        return _WRONG if any(item is _WRONG for item in items) else items

    def _map(self, annotation: Any, node: Node, path: tuple[Step, ...]) -> Any:
        """Texts by name: tags, or brokers, of which there may be a list."""
        if not isinstance(node.value, dict):
            return self._wrong_type(A_MAP, node, path)
        lists = any(get_origin(option) is list for option in get_args(get_args(annotation)[1]))
        values: dict[str, Any] = {}
        for name, item in node.value.items():
            value = item.plain()
            if lists and not (isinstance(value, str) or (isinstance(value, list) and all(map(_is_string, value)))):
                message = f"{name} must be a list of strings, or one comma-separated string"
                self._mistake(Finding("E104", (*path, name), message))
            elif not lists and not isinstance(value, str | None):
                self._wrong_type("a string", item, (*path, name))
            else:
                values[name] = value
        return _WRONG if lists and len(values) < len(node.value) else values

    def _wrong_type(self, wanted: str, node: Node, path: tuple[Step, ...]) -> _Wrong:
        name = label(path)
        if node.value is None and wanted in (A_MAP, "a list"):
            hint = "write its contents below it, indented"
            return self._mistake(Finding("E104", path, f"{name} is empty", hint, at_key=True))
        hint = time_hint(node.value) if name == "starting_position_timestamp" else type_hint(wanted, node.value)
        message = f"{name} must be {wanted}, not {shown(node.value)}"
        return self._mistake(Finding("E104", path, message, hint, certain=True))

    def _mistake(self, finding: Finding) -> _Wrong:
        self.findings.append(finding)
        self.malformed.add(str(finding.path[0]))
        self._mistakes += 1
        return _WRONG

    # --- fields that the table lacks ----------------------------------------------------------------------------------

    def _not_in_table(self, fields: Mapping[str, Field], node: Node, path: tuple[Step, ...]) -> Any:
        """The plain value of a field that is ours, or that only botocore knows; _WRONG for an unknown one."""
        name = str(path[-1])
        if len(path) == 1 and name == "region":
            right = isinstance(node.value, str | None)
            return node.value if right else self._wrong_type("a string", node, path)
        if len(path) == 1 and name == "lifecycle":
            return self._lifecycle(node, path)
        names = tuple(step for step in path if isinstance(step, str))
        if api := self._member(names):
            learn(names, api)
            message = (
                f"{name}: provisioner does not know this field, but the installed botocore does; it is "
                f"sent unchanged as {api}"
            )
            self.findings.append(Finding("W202", path, message, at_key=True))
            return node.plain()
        siblings = [*fields, *(() if path[1:] else sorted(_OURS))]
        near = nearest(name, siblings)
        if len(path) == 1 and near:
            self.malformed.add(near)  # so that it is not reported as missing too
        hint = f'did you mean "{near}"?' if near else ""
        return self._mistake(Finding("E101", path, f"unknown field {name!r}", hint, at_key=True))

    def _lifecycle(self, node: Node, path: tuple[Step, ...]) -> Any:
        if node.value is None:
            return None
        if not isinstance(node.value, dict):
            return self._wrong_type(A_MAP, node, path)
        plain = node.plain()
        shape = shape_of(LifecycleBlock, plain)
        for finding in shape.findings:
            self._mistake(replace(finding, path=(*path, *finding.path)))
        self.lifecycle = shape.model
        return plain


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


def _is_required(known: Field, kind: SourceKind | None, *, is_item: bool) -> bool:
    """Whether a block must have a field. Without a kind only items of lists are whole: a block of defaults is merged."""
    return known.row.requires(kind) if kind else is_item and known.row.required == ALL


def _is_missing(known: Field, value: Any) -> bool:
    return value is None or (absent(value) and not known.row.empty)


def _is_silent(known: Field, node: Node, kind: SourceKind) -> bool:
    """Whether a value is the same as an absent field: empty, or AWS's default."""
    value = node.value
    if _is_missing(known, value):
        return True
    if known.children:
        inside = value.items() if isinstance(value, dict) and not known.row.explicit else [("", node)]
        return all(name in known.children and _is_silent(known.children[name], item, kind) for name, item in inside)
    return bool(value == known.row.default.get(kind))


def _lacking(known: Field, kind: SourceKind, path: tuple[Step, ...]) -> Finding:
    hint = "remove it"
    if known.name == "on_success":
        hint = "Lambda supports it for asynchronous invocations, but not for event source mappings"
    return Finding("E105", path, f"{kind.phrase} does not support {known.name}", hint, at_key=True)


def _value_findings(known: Field, value: Any, kind: SourceKind, path: tuple[Step, ...]) -> Iterator[Finding]:
    """Findings about a value of the right type, for a kind that has the field."""
    row = known.row
    if row.bounds or row.legal or row.each:
        yield from _limits(known.name, row, row.narrower.get(kind, row.bounds), value, kind, path)
    if row.values:
        yield from _enumeration(known, value, path)
    if known.name == "starting_position_timestamp" and moment(value) is None:
        yield Finding("E104", path, f"{value!r} is not a valid timestamp", time_hint(value))
    if known.name == "pattern":
        yield from pattern_findings(value, path)


_IN_MILLISECONDS = 10_000_000_000
"""An epoch from here on is one of milliseconds: in seconds it would be after the year 2286."""


def time_hint(value: Any) -> str:
    """A hint with the right form of a time: for an epoch the same instant, else an example."""
    shown = "2026-01-15T00:00:00Z"
    with suppress(TypeError, ValueError, OverflowError, OSError):
        epoch = 0.0 if isinstance(value, bool) else float(value)
        while _IN_MILLISECONDS <= epoch < float("inf"):  # or of microseconds, or nanoseconds
            epoch /= 1000
        shown = timestamp(epoch) if epoch > 0 else shown
    return f'write it as "{shown}"'


def tag_findings(tags: Mapping[str, str], path: tuple[Step, ...], provider: ProviderBlock) -> Iterator[Finding]:
    """Findings about tags: reserved keys, length, characters (docs/aws/tags.md)."""
    ignored = provider.ignore_tags
    for key, value in tags.items():
        if is_own_tag(key):
            message = f"tag keys that start with `{key.split(':')[0]}:` are reserved"
            yield Finding("E103", (*path, key), message, "choose another key", at_key=True)
        elif key in ignored.keys or key.startswith(tuple(ignored.key_prefixes)):
            yield Finding(
                "E109",
                (*path, key),
                f"{key!r} is listed in ignore_tags, so it cannot be set",
                "remove the tag, or remove its key from ignore_tags",
                at_key=True,
            )
        elif not 1 <= len(key) <= 128 or len(value) > 256:
            yield Finding("E103", (*path, key), "a tag key must have 1 to 128 characters, and a tag value at most 256")
        elif not (TAG_TEXT.allows(key) and TAG_TEXT.allows(value)):
            wrong = value if TAG_TEXT.allows(key) else key
            yield Finding("E104", (*path, key), f"tags: {wrong!r} is not {TAG_TEXT.words}")


def _limits(
    name: str,
    limits: Limits,
    bounds: tuple[int, int] | None,
    value: Any,
    kind: SourceKind,
    path: tuple[Step, ...],
) -> Iterator[Finding]:
    """Where a value, and the items in it, break the limits; `bounds` are those of the kind."""
    if name == "pattern" and not isinstance(value := parsed(value), str):
        value = json.dumps(value, separators=(",", ":"), ensure_ascii=False)  # as it is sent
    one_text = isinstance(value, str) and limits.each is not None
    if one_text:  # brokers as Terraform writes them
        value = [item.strip() for item in value.split(",")]
    if bounds and (wrong := _out_of_bounds(value, bounds)):
        least, most = bounds
        hint = f"allowed range: {least} to {most}" if least < most else ""
        yield Finding("E103", path, f"{name}: {wrong} that {kind.phrase} allows", hint)
    elif limits.legal and isinstance(value, str) and not limits.legal.allows(value):
        code = "E104" if limits.legal.enforced else "W207"
        hint = "AWS rejects any other value" if limits.legal.enforced else ""
        yield Finding(code, path, f"{name}: {value!r} is not {limits.legal.words}", hint)
    if limits.each and name != "tags":  # tags have findings of their own
        items: list[tuple[str, Any, Step]]  # the name in messages, the item, the step to it
        if isinstance(value, Mapping):
            items = [(key, item, key) for key, item in value.items()]
        else:
            items = [(f"{name}[{index}]", item, index) for index, item in enumerate(value)]
        for label, item, step in items:
            place = path if one_text else (*path, step)
            yield from _limits(label, limits.each, limits.each.bounds, item, kind, place)


def _out_of_bounds(value: Any, bounds: tuple[int, int]) -> str:
    least, most = bounds
    is_number = isinstance(value, int) and not isinstance(value, bool)
    size = value if is_number else len(value)
    what = f"{value}" if is_number else f"{size} characters" if isinstance(value, str) else f"{size} items"
    return (
        f"{what} is more than the {most}" if size > most else f"{what} is less than the {least}" if size < least else ""
    )


def _enumeration(known: Field, value: Any, path: tuple[Step, ...]) -> Iterator[Finding]:
    words = known.row.values
    places: Iterable[tuple[tuple[Step, ...], str]] = (
        [(path, value)]
        if isinstance(value, str)
        else [((*path, index), item) for index, item in enumerate(value)]
        if isinstance(value, list)
        else [((*path, key), key) for key in value]
    )
    for place, word in places:
        if word not in words:
            hint = suggestion(word, words) or f"known values: {', '.join(words)}"
            yield Finding(
                "W201",
                place,
                f"{known.name}: {word!r} is unknown to this version (passed to AWS unchecked)",
                hint,
            )


def ignored_path(text: str, source: SourceKind | None) -> FieldPath | None:
    """The path that an entry of `ignore_changes` names; None when there is no such field."""
    path = tuple(text.split(".", 1)) if text.startswith("tags.") else tuple(text.split("."))
    fields = fields_of(source)
    for name in path[:1] if path[0] == "tags" else path:
        if name not in fields:
            return None
        fields = fields[name].children
    return path
