"""Sources and functions as a graph with one arrow for each mapping: the common part, and the formats Mermaid and
Graphviz. The third, SVG, is in `svg.py`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, TypeAlias

from provisioner.kinds import pair_of
from provisioner.model.manifest import Manifest
from provisioner.model.plan import Action, Change, Plan
from provisioner.model.references import Arn, Pair
from provisioner.model.sources import SELF_MANAGED, SourceKind, kind_of

EMPTY: Final = "No mappings"


@dataclass(frozen=True, slots=True)
class Edge:
    """One mapping: `source` is an ARN or the brokers joined by commas, `channel` a topic, a queue or "", `function` a
    name or name:qualifier. Without an action it is drawn in `NEUTRAL`. An empty `region` is the one of the ARN.
    """

    name: str
    source: str
    channel: str
    function: str
    kind: SourceKind
    enabled: bool = True
    action: Action | None = None
    region: str = ""


def edges_of_manifest(manifest: Manifest) -> list[Edge]:
    """The edges of the manifest's mappings, sorted by name, without actions: unlike those of `edges_of_plan`."""
    edges = [
        _edge(name, pair_of(item), item.kind, enabled=item.mapping.get("enabled", True))
        for name, item in manifest.mappings.items()
    ]
    return sorted(edges, key=lambda edge: edge.name)


def edges_of_plan(plan: Plan) -> list[Edge]:
    """The edges of a plan's changes, no-ops included, sorted by name: each with the pair it will have, or had."""
    return [_edge_of_change(change) for change in sorted(plan.changes, key=lambda change: change.key)]


def _edge_of_change(change: Change) -> Edge:
    before = change.live.mapping if change.live else change.record.applied if change.record else {}
    mapping = change.desired or before or (change.wanted.mapping if change.wanted else {})
    kind = kind_of(mapping) or SourceKind.UNKNOWN
    return _edge(change.key, change.pair, kind, enabled=mapping.get("enabled", True), action=change.action)


def _edge(name: str, pair: Pair, kind: SourceKind, *, enabled: bool, action: Action | None = None) -> Edge:
    return Edge(name, pair.source, pair.channel, pair.function, kind, enabled, action, pair.region)


# --- looks and labels ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Look:
    symbol: str
    colour: str


NEUTRAL: Final = "#8c959f"
LOOKS: Final[Mapping[Action | None, _Look]] = {
    Action.CREATE: _Look("+", "#1a7f37"),
    Action.UPDATE: _Look("~", "#d98200"),
    Action.REPLACE: _Look("±", "#cf222e"),  # an edge does not show which half comes first
    Action.DELETE: _Look("-", "#cf222e"),
    Action.FORGET: _Look(".", "#57606a"),
    Action.NO_OP: _Look("", NEUTRAL),
    Action.NOT_POSSIBLE: _Look("!", "#cf222e"),
    None: _Look("", NEUTRAL),
}

Key: TypeAlias = tuple[str, str]
"""What a node stands for: a region, and a source or function in it."""


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A source or a function in the picture: short name, a note that distinguishes it, full name."""

    id: str
    title: str
    note: str
    whole: str


GraphNodes: TypeAlias = dict[Key, GraphNode]


def _region(edge: Edge) -> str:
    arn = Arn.parse(edge.source)
    return edge.region or (arn.region if arn else "")


def source_key(edge: Edge) -> Key:
    """What the node of a mapping's source stands for."""
    return _region(edge), edge.source


def function_key(edge: Edge) -> Key:
    """What the node of a mapping's function stands for."""
    return _region(edge), edge.function


def label_of(edge: Edge) -> str:
    """The label of a mapping's arrow: symbol, name and channel. Unlike `in_full`, short."""
    channel = f"({edge.channel})" if edge.channel else ""
    return " ".join(filter(None, [LOOKS[edge.action].symbol, edge.name, channel]))


def in_full(edge: Edge) -> str:
    """All details of a mapping, for a tooltip: name, action, whether it is disabled, and its pair."""
    facts = [*([edge.action.value] if edge.action else []), *([] if edge.enabled else ["disabled"])]
    pair = Pair(edge.region, edge.source, edge.function, edge.channel)
    aside = f" ({', '.join(facts)})" if facts else ""
    return f"{edge.name}{aside}: {pair}"


def source_nodes(edges: Sequence[Edge]) -> GraphNodes:
    """A node for each source, by region and source: titles are short names, and sources that share one have in their
    notes what differs. Ids are s1, s2, …
    """
    kinds = {source_key(edge): edge.kind for edge in edges}
    regional = _is_regional(edges)
    twins: dict[tuple[str, str], list[Key]] = defaultdict(list)
    for key in sorted(kinds):
        # Queue mode belongs to a mapping: a cluster that is read in both modes is still one node.
        kind = SourceKind.KAFKA if kinds[key] in SELF_MANAGED else kinds[key]
        # The phrase without its article.
        twins[short_name(key[1]), _note(kind.phrase.partition(" ")[2], key[0] if regional else "")].append(key)
    labels = {
        key: (title, _note(note, difference))
        for (title, note), keys in twins.items()
        for key, difference in zip(keys, _differences([source for _, source in keys]), strict=True)
    }
    return {key: GraphNode(f"s{number}", *labels[key], key[1]) for number, key in enumerate(sorted(labels), 1)}


def function_nodes(edges: Sequence[Edge]) -> GraphNodes:
    """A node for each function, by region and function; the region is in the note only where there are several. Ids are
    f1, f2, …
    """
    regional = _is_regional(edges)
    notes = {key: _note("Lambda function", key[0] if regional else "") for key in sorted(set(map(function_key, edges)))}
    return {
        key: GraphNode(f"f{number}", key[1], note, _note(key[1], key[0]))
        for number, (key, note) in enumerate(notes.items(), 1)
    }


def _is_regional(edges: Sequence[Edge]) -> bool:
    return len(set(map(_region, edges))) > 1


def _note(*parts: str) -> str:
    return " · ".join(filter(None, parts))


def short_name(source: str) -> str:
    """A source's own name: `orders` of a queue's ARN, `clicks` of `stream/clicks`, the first of several brokers."""
    arn = Arn.parse(source)
    if arn is None:
        first, *others = (broker.partition(":")[0] for broker in source.split(","))
        return f"{first} +{len(others)}" if others else first
    parts = re.split("[/:]", arn.resource)
    return parts[1] if len(parts) > 1 else arn.resource


def _differences(sources: Sequence[str]) -> list[str]:
    """The part of each source that differs: without the prefix and suffix that all share. Empty for a single one."""
    # By parts, so that a difference never begins inside an account or a date.
    parts = [re.split("([:/,])", source) for source in sources]
    start = _shared(parts)
    rests = [part[start:] for part in parts]
    end = _shared([rest[::-1] for rest in rests])
    return ["".join(rest[: len(rest) - end]).strip(":/,") for rest in rests]


def _shared(parts: Sequence[Sequence[str]]) -> int:
    """The number of leading parts that all share."""
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*parts, strict=False)))


# What XML cannot hold, and controls, at which Graphviz stops reading.
_CONTROLS: Final = re.compile("[^\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def drawable(text: str) -> str:
    """A text in which each character that one of the formats cannot have is U+FFFD."""
    return _CONTROLS.sub("\ufffd", text)


# --- Mermaid ---------------------------------------------------------------------------------------------------------


def mermaid(edges: Sequence[Edge]) -> str:
    """A Mermaid flowchart, as GitHub and GitLab draw it in Markdown, without a fence."""
    if not edges:
        return f'flowchart LR\n  none["{EMPTY}"]'
    sources, functions = source_nodes(edges), function_nodes(edges)
    regional = _is_regional(edges)
    lines = [f'{node.id}(["{_mermaid_text(node.title, node.note)}"])' for node in sources.values()]
    # No note: Mermaid refuses texts of more than 50,000 characters, and the shape already means a function.
    lines += [
        f'{node.id}["{_mermaid_text(node.title, key[0] if regional else "")}"]' for key, node in functions.items()
    ]
    for edge in edges:
        arrow = "-->" if edge.enabled else "-.->"
        label = _mermaid_text(label_of(edge))
        lines.append(f'{sources[source_key(edge)].id} {arrow}|"{label}"| {functions[function_key(edge)].id}')
    return "\n  ".join(["flowchart LR", *lines, *_link_styles(edges)])


def _link_styles(edges: Sequence[Edge]) -> list[str]:
    # A link is known by its number, so the edges must be in the order of their lines.
    numbers: dict[str, list[str]] = defaultdict(list)
    for number, edge in enumerate(edges):
        if edge.action:
            numbers[LOOKS[edge.action].colour].append(str(number))
    return [f"linkStyle {','.join(group)} stroke:{colour},stroke-width:2px" for colour, group in numbers.items()]


# A quoted text is read as Markdown and as HTML, and its entities begin with '#' instead of '&'. A mark inside a word is
# plain; at the edge of one it may be a list, a rule or an emphasis.
_MERMAID_SPECIAL: Final = re.compile(r"[^\w .\-/()·]|[.\-/](?!\w)|\b_+|_+\b")


def _mermaid_text(*lines: str) -> str:
    def escaped(match: re.Match[str]) -> str:
        return "".join(f"#{ord(character)};" for character in match[0])

    return "<br/>".join(_MERMAID_SPECIAL.sub(escaped, drawable(line)) for line in lines if line)


# --- Graphviz --------------------------------------------------------------------------------------------------------


def dot(edges: Sequence[Edge]) -> str:
    """A Graphviz digraph, to be drawn by `dot`."""
    head = [
        "rankdir=LR; ranksep=2; nodesep=0.15; bgcolor=white;",
        'node [shape=box, margin="0.2,0.06", fontname="Helvetica", fontsize=11, color="#d1d9e0", fillcolor="#f6f8fa"];',
        f'edge [fontname="Helvetica", fontsize=10, color="{NEUTRAL}"];',
    ]
    if not edges:
        return "\n  ".join(["digraph mappings {", *head, f"none [label={_dot_text(EMPTY)}];"]) + "\n}"
    sources, functions = source_nodes(edges), function_nodes(edges)
    lines = [_dot_node(node, "rounded,filled") for node in sources.values()]
    lines += [_dot_node(node, "filled") for node in functions.values()]
    for edge in edges:
        ends = f"{sources[source_key(edge)].id} -> {functions[function_key(edge)].id}"
        texts = f"label={_dot_text(label_of(edge))}, tooltip={_dot_text(in_full(edge))}"
        style = "" if edge.enabled else ", style=dashed"
        lines.append(f'{ends} [{texts}, color="{LOOKS[edge.action].colour}"{style}];')
    return "\n  ".join(["digraph mappings {", *head, *lines]) + "\n}"


def _dot_node(node: GraphNode, style: str) -> str:
    label = _dot_text(node.title, node.note)
    return f'{node.id} [label={label}, style="{style}", tooltip={_dot_text(node.whole)}];'


def _dot_text(*lines: str) -> str:
    # Graphviz reads HTML entities in plain labels too.
    texts = [drawable(line).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") for line in lines]
    return '"' + "\\n".join(texts) + '"'
