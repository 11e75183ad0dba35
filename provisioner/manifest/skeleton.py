"""A manifest of one mapping with every field of its kind, to fill in: its comments come from the field table and the rules."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from provisioner.kinds.domains import DATA_KEYS
from provisioner.kinds.event_source_mapping import CONSUMPTION_MODE
from provisioner.kinds.examples import example, of_kind
from provisioner.kinds.fields import Field
from provisioner.kinds.rules import RULES_OF
from provisioner.kinds.tables import fields_of
from provisioner.manifest.jsonschema import manifest_schema
from provisioner.manifest.jsonschema.fields import description
from provisioner.manifest.reader import scalar
from provisioner.manifest.schema import LifecycleBlock
from provisioner.model.place import FieldPath
from provisioner.model.sources import SourceKind

_WIDTH: Final = 100
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?::[A-Za-z0-9_./:-]+)*")
_FUNCTION: Final = "arn:aws:lambda:eu-west-1:123456789012:function:my-function"
_HEAD: Final = """\
# A mapping of {phrase}, with every field that it can have. What is required is set.
# To set another field, remove the # before it; text begins with a # and a space. `error[CODE]` is what `provisioner validate`
# says when a rule is broken; `provisioner explain CODE` says more.
stack: my-stack
provider:
  region: eu-west-1
mappings:
  my-mapping:
"""


def skeleton(kind: SourceKind) -> str:
    """A manifest with one mapping of a kind: what the kind requires is set, all else is a comment that is valid without its #.
    A field that needs another one, or excludes it, has the rule above it, with its code.
    """
    lines = _block(fields_of(kind), example(kind), kind, (), 4, None)
    return _HEAD.format(phrase=kind.phrase) + "".join(f"{line}\n" for line in (*lines, *_own_keys(kind)))


def request(kind: SourceKind) -> dict[str, Any]:
    """The API's request for that mapping: CreateEventSourceMapping, or of a bucket PutBucketNotificationConfiguration. It has
    every field, without those that another one of them excludes.
    """
    values = example(kind)
    rules = [rule for rules in RULES_OF[kind].values() for rule in rules]
    for name in {rule.path[0] for rule in rules if rule.is_broken(values, values)}:
        values.pop(name, None)
    members = _members(fields_of(kind), values)
    if kind is not SourceKind.S3:
        return members
    affixes = [{"Name": name.lower(), "Value": members[name]} for name in ("Prefix", "Suffix")]
    entry = {
        "Id": members["Id"],
        "LambdaFunctionArn": _FUNCTION,  # S3 takes no name
        "Events": members["Events"],
        "Filter": {"Key": {"FilterRules": affixes}},
    }
    return {
        "Bucket": members["Bucket"].rpartition(":")[2],
        "ExpectedBucketOwner": members["ExpectedBucketOwner"],
        "NotificationConfiguration": {"LambdaFunctionConfigurations": [entry]},
    }


# --- YAML ------------------------------------------------------------------------------------------------------------


def _block(
    fields: Mapping[str, Field],
    values: Mapping[str, Any],
    kind: SourceKind,
    above: FieldPath,
    column: int,
    commented: int | None,
) -> Iterator[str]:
    """The lines of a block at a column. `commented` is the column of the # when the block is a comment as a whole."""
    for name, value in values.items():
        path, field = (*above, name), of_kind(fields[name], kind)
        rules = [rule for rule in RULES_OF[kind].get(path[0], ()) if rule.path == path]
        levels = {"E": "error", "W": "warning"}
        broken = (f"{levels[rule.code[0]]}[{rule.code}]: {rule.message}" for rule in rules)
        for text in (description(field, frozenset({kind})), *broken):
            yield from _comment(column, commented, text)
        # A cluster that is read as a queue is one by its mode.
        is_mode = kind is SourceKind.KAFKA_QUEUE and path == CONSUMPTION_MODE[: len(path)]
        at = column if commented is None and not (is_mode or field.row.requires(kind)) else commented
        if not field.children:
            yield _placed(column, at, f"{name}: {_inline(value)}")
            continue
        yield _placed(column, at, f"{name}:")
        if field.many:
            yield from _items(field, value[0], kind, column + 2, at)
        else:
            yield from _block(field.children, value, kind, path, column + 2, at)


def _items(
    field: Field, value: Mapping[str, Any], kind: SourceKind, column: int, commented: int | None
) -> Iterator[str]:
    """The lines of a list with one item, whose fields are all set."""
    for index, (name, item) in enumerate(value.items()):
        text = description(of_kind(field.children[name], kind), frozenset({kind}))
        yield from _comment(column + 2 * bool(index), commented, text)
        yield _placed(column, commented, f"{'  ' if index else '- '}{name}: {_inline(item)}")


def _own_keys(kind: SourceKind) -> Iterator[str]:
    """The keys of a mapping that are provisioner's own: region, filter_tests and lifecycle."""
    keys = manifest_schema()["$defs"]["body"]["properties"]
    yield from _comment(4, None, keys["region"]["description"])
    yield "    #region: eu-west-1"
    if kind in DATA_KEYS or kind is SourceKind.S3:
        yield from _comment(4, None, keys["filter_tests"]["description"])
        yield "    #filter_tests:"
        for name in ("pass", "drop"):
            yield from _comment(6, 4, keys["filter_tests"]["properties"][name]["description"])
            yield f"    #  {name}: []"
    yield from _comment(4, None, keys["lifecycle"]["description"])
    yield "    #lifecycle:"
    for name, value in LifecycleBlock().model_dump().items():
        if name == "skip_destination_validation" and kind is not SourceKind.S3:
            continue
        part = keys["lifecycle"]["properties"][name]
        choices = next((item["enum"] for item in part.get("anyOf", ()) if "enum" in item), ())
        known = f" Known values: {', '.join(choices)}." if choices else ""
        yield from _comment(6, 4, f"{part['description']}{known} Default {_inline(value)}.")
        yield f"    #  {name}: {_inline(value)}"


def _comment(column: int, commented: int | None, text: str) -> Iterator[str]:
    """A text as lines of a comment."""
    for line in textwrap.wrap(text, _WIDTH - column - 2):
        yield _placed(column, commented, f"# {line}")


def _placed(column: int, commented: int | None, text: str) -> str:
    if commented is None:
        return " " * column + text
    return f"{' ' * commented}#{' ' * (column - commented)}{text}"


def _inline(value: Any) -> str:
    """A value in one line, as our reader reads it."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name}: {_inline(item)}' for name, item in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and isinstance(scalar(value), str):
        return value
    return json.dumps(value, ensure_ascii=False)


# --- the API's request -----------------------------------------------------------------------------------------------


def _members(fields: Mapping[str, Field], values: Mapping[str, Any]) -> dict[str, Any]:
    return {fields[name].row.api: _member(name, fields[name], value) for name, value in values.items()}


def _member(name: str, field: Field, value: Any) -> Any:
    if field.many:
        return [_members(field.children, item) for item in value]
    if field.children:
        return _members(field.children, value)
    return json.dumps(value) if name == "pattern" else value
