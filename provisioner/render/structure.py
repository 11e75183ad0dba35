"""Compares JSON values by structure, such as two versions of a filter pattern, and shows the difference as lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from provisioner.kinds.forms import json_key
from provisioner.kinds.rows import NOTHING
from provisioner.planning.diff import paired_items
from provisioner.render.style import Style
from provisioner.render.values import as_json

_STEP = 4


def changed_items(before: Sequence[Any], after: Sequence[Any], style: Style, indent: int) -> Iterator[str]:
    """The difference between two lists whose order does not matter: items removed and added, and changes inside similar
    items. Equal items are counted. Values are compared as JSON, because 1 == True in Python. `indent` is the column of
    the symbols.
    """
    here, there = {json_key(item) for item in before}, {json_key(item) for item in after}
    if here == there:  # only order or repetitions differ, which mean something inside a rule
        yield f"{' ' * indent}{style.yellow('~')} {_line(before)} {style.yellow('->')} {_line(after)}"
        return
    # Lists, because items may be dicts, which no set can hold; order is kept for the output.
    removed = [item for item in before if json_key(item) not in there]
    added = [item for item in after if json_key(item) not in here]
    for old, new in paired_items(removed, added):
        if old is NOTHING:
            yield f"{' ' * indent}{style.green('+')} {_line(new)},"
        elif new is NOTHING:
            yield f"{' ' * indent}{style.red('-')} {_line(old)},"
        else:
            yield f"{' ' * indent}{style.yellow('~')} {{"
            yield from _changed_object(old, new, style, indent + _STEP)
            yield f"{' ' * indent}  }},"
    same = len(before) - len(removed)
    if same:
        yield style.grey(f"{' ' * indent}  # ({same} unchanged {'element' if same == 1 else 'elements'} hidden)")


def _changed_object(before: Mapping[str, Any], after: Mapping[str, Any], style: Style, indent: int) -> Iterator[str]:
    same = 0
    for key in sorted(before.keys() | after.keys()):
        name = as_json(key)
        if key not in after:
            yield f"{' ' * indent}{style.red('-')} {name} = {_line(before[key])}"
        elif key not in before:
            yield f"{' ' * indent}{style.green('+')} {name} = {_line(after[key])}"
        elif json_key(before[key]) == json_key(after[key]):
            same += 1
        else:
            yield from _changed_member(name, before[key], after[key], style, indent)
    if same:
        yield style.grey(f"{' ' * indent}  # ({same} unchanged {'key' if same == 1 else 'keys'} hidden)")


def _changed_member(name: str, before: Any, after: Any, style: Style, indent: int) -> Iterator[str]:
    start = f"{' ' * indent}{style.yellow('~')} {name} = "
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield start + "{"
        yield from _changed_object(before, after, style, indent + _STEP)
        yield f"{' ' * indent}  }}"
    elif isinstance(before, list) and isinstance(after, list):
        yield start + "["
        yield from changed_items(before, after, style, indent + _STEP)
        yield f"{' ' * indent}  ]"
    else:
        yield f"{start}{_line(before)} {style.yellow('->')} {_line(after)}"


def _line(value: Any) -> str:
    return as_json(value)


def patterns(items: Sequence[Any]) -> list[Any]:
    """Filters as their patterns, without the block around each. What is no filter is returned as it is."""
    return [item["pattern"] if isinstance(item, Mapping) and item.keys() == {"pattern"} else item for item in items]
