"""Checks one mapping where it stands: a walk over its nodes beside the field table. Which fields there are, which of
them its kind of source has, and their values. Rules between fields are in `rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, get_args, get_origin

from provisioner.kinds.fields import Field
from provisioner.kinds.permission import ALWAYS, LIMITS
from provisioner.kinds.statements import NONE
from provisioner.kinds.tables import ALL_FIELDS, fields_of, learn
from provisioner.manifest.finding import Finding, Step, label, nearest, suggestion
from provisioner.manifest.names import instead, ours
from provisioner.manifest.node import Node
from provisioner.manifest.schema import FilterTestsBlock, LifecycleBlock
from provisioner.manifest.shape import Model, shape_of
from provisioner.manifest.types import A_MAP, shown, type_hint
from provisioner.manifest.values import time_hint, value_findings
from provisioner.model.canonical import absent
from provisioner.model.desired import Lifecycle
from provisioner.model.place import FieldPath
from provisioner.model.sources import ALL, PUSH, SourceKind

Member = Callable[[Sequence[str]], str]
"""Names the API's member for a path that the field table lacks, or ""."""

_OURS: Final = frozenset({"region", "filter_tests", "lifecycle"})
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
    walk = _Walk(kind, member)
    # The fields of other kinds too, so that one which this kind lacks is not taken for an unknown one.
    raw = walk.block({**ALL_FIELDS, **fields_of(kind)}, mapping, kind, ())
    lifecycle = _NO_LIFECYCLE
    if stated := walk.lifecycle:  # after the walk, which adds fields that only botocore knows to the table
        paths = {text: ignored_path(text, kind) for text in stated.ignore_changes}
        for index, text in enumerate(stated.ignore_changes):
            if paths[text] is None:
                at = ("lifecycle", "ignore_changes", index)
                walk.findings.append(Finding("E101", at, f"unknown field {text!r}", suggestion(text, fields_of(kind))))
        if stated.skip_destination_validation and kind not in (SourceKind.S3, None):
            message = f"{kind.phrase} does not support skip_destination_validation"
            path = ("lifecycle", "skip_destination_validation")
            walk.findings.append(Finding("E105", path, message, "only for S3 buckets; remove it", at_key=True))
        lifecycle = Lifecycle(
            stated.prevent_destroy,
            tuple(path for path in paths.values() if path and path[0] in fields_of(kind)),
            stated.on_conflict,
            stated.skip_destination_validation,
        )
    return Fields(raw, lifecycle, walk.malformed, walk.findings)


class _Walk:
    """One walk over the nodes of a mapping, beside the fields of the table."""

    def __init__(self, kind: SourceKind | None, member: Member) -> None:
        self._kind = kind
        self._member = member if kind not in PUSH else lambda _: ""  # botocore is asked for members of Lambda's API
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
                value = self._not_in_table(fields, item, (*path, name), node.value)
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
        if has:
            self.findings += value_findings(known, value, kind, path)
        else:
            message = f"{kind.phrase} does not support {known.name}"
            self.findings.append(Finding("E105", path, message, instead(known.name, kind), at_key=True))
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
        if known.name == "permission":
            return self._permission(node, path)
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

    def _permission(self, node: Node, path: tuple[Step, ...]) -> Any:
        """`none`, or a statement's members by name, null for one that it does not have."""
        if not isinstance(node.value, dict):
            if node.value == NONE:
                return NONE
            message = f"permission must be `{NONE}` or {A_MAP}, not {shown(node.value)}"
            hint = "without permission, provisioner adds the statement that the source needs"
            return self._mistake(Finding("E104", path, message, hint, certain=not isinstance(node.value, str)))
        before, values = self._mistakes, {name: item.value for name, item in node.value.items()}
        for name, value in values.items():
            at = (*path, name)
            if name not in LIMITS:
                hint = suggestion(str(name), LIMITS) or f"known fields: {', '.join(LIMITS)}"
                self._mistake(Finding("E101", at, f"unknown field {name!r}", hint, at_key=True))
            elif value is None and name in ALWAYS:
                message = f"{name} cannot be null: every statement has one"
                self._mistake(Finding("E104", at, message, "remove the line, and provisioner sets it"))
            elif not isinstance(value, str | None):
                self._wrong_type("a string", node.value[name], at)
        return _WRONG if self._mistakes > before else values

    def _wrong_type(self, wanted: str, node: Node, path: tuple[Step, ...]) -> _Wrong:
        name = label(path)
        if node.value is None and wanted in (A_MAP, "a list"):
            hint = "write its contents below it, indented"
            return self._mistake(Finding("E104", path, f"{name} is empty", hint, at_key=True))
        hint = time_hint(node.value) if name == "starting_position_timestamp" else type_hint(wanted, node.value)
        if name == "events" and isinstance(node.value, str):
            hint = f'write a list: ["{node.value}"]'
        message = f"{name} must be {wanted}, not {shown(node.value)}"
        return self._mistake(Finding("E104", path, message, hint, certain=True))

    def _mistake(self, finding: Finding) -> _Wrong:
        self.findings.append(finding)
        self.malformed.add(str(finding.path[0]))
        self._mistakes += 1
        return _WRONG

    # --- fields that the table lacks ----------------------------------------------------------------------------------

    def _not_in_table(
        self, fields: Mapping[str, Field], node: Node, path: tuple[Step, ...], beside: Collection[str]
    ) -> Any:
        """The plain value of a field that is ours, or that only botocore knows; _WRONG for an unknown one."""
        name = str(path[-1])
        if len(path) == 1 and name == "region":
            right = isinstance(node.value, str | None)
            return node.value if right else self._wrong_type("a string", node, path)
        if len(path) == 1 and name == "lifecycle":
            self.lifecycle = self._shape(LifecycleBlock, node, path)
            return node.plain()
        if len(path) == 1 and name == "filter_tests":
            self._shape(FilterTestsBlock, node, path)
            return node.plain()
        names = tuple(step for step in path if isinstance(step, str))
        if api := self._member(names):
            learn(names, api)
            message = (
                f"{name}: provisioner does not know this field, but the installed botocore does; it is "
                f"sent unchanged as {api}"
            )
            self.findings.append(Finding("W202", path, message, at_key=True))
            return node.plain()
        near, hint = ("", "") if path[1:] else ours(name, node.value, self._kind, beside)
        if not hint:
            candidates = (
                fields if path[1:] else [*fields_of(self._kind), *(fields if not self._kind else ()), *sorted(_OURS)]
            )
            near = nearest(name, candidates)
            hint = f'did you mean "{near}"?' if near else ""
        if len(path) == 1 and near:
            self.malformed.add(near)  # so that it is not reported as missing too
        return self._mistake(Finding("E101", path, f"unknown field {name!r}", hint, at_key=True))

    def _shape(self, model: type[Model], node: Node, path: tuple[Step, ...]) -> Model | None:
        """A block that is ours, None where there is none or it is wrong."""
        if node.value is None:
            return None
        if not isinstance(node.value, dict):
            self._wrong_type(A_MAP, node, path)
            return None
        shape = shape_of(model, node.plain())
        for finding in shape.findings:
            self._mistake(replace(finding, path=(*path, *finding.path)))
        return shape.model


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


def ignored_path(text: str, source: SourceKind | None) -> FieldPath | None:
    """The path that an entry of `ignore_changes` names; None when there is no such field."""
    path = tuple(text.split(".", 1)) if text.startswith("tags.") else tuple(text.split("."))
    fields: Mapping[str, Field] = {**ALL_FIELDS, **fields_of(source)}
    for name in path[:1] if path[0] == "tags" else path:
        if name not in fields:
            return None
        fields = fields[name].children
    return path
