"""The picture of sources and functions, with an arrow a mapping, as Mermaid, Graphviz and SVG.

The three share the labels of nodes and arrows and the look of an action. The SVG is laid out here: sources at the left,
functions at the right, between them a row a mapping, so that no label can lie on another or be crossed by a curve.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby, takewhile
from statistics import fmean
from typing import Final, TypeAlias

from provisioner.model.desired import Manifest
from provisioner.model.plan import Action, Change, Plan
from provisioner.model.references import Arn, Pair
from provisioner.model.sources import SELF_MANAGED, SourceKind, kind_of

_EMPTY: Final = "There is no mapping"


@dataclass(frozen=True, slots=True)
class Edge:
    """One mapping: `source` is an ARN or the brokers joined by commas, `channel` a topic, a queue or "", `function` a
    name or name:qualifier. Without an action it is not coloured. An empty `region` is the one of the ARN.
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
    """What the manifest wants, sorted by name."""
    edges = [
        _edge(name, item.pair, item.kind, enabled=item.mapping.get("enabled", True))
        for name, item in manifest.mappings.items()
    ]
    return sorted(edges, key=lambda edge: edge.name)


def edges_of_plan(plan: Plan) -> list[Edge]:
    """All changes of a plan, no-ops too, sorted by name: each with the pair that it ends with, or loses."""
    return [_edge_of_change(change) for change in sorted(plan.changes, key=lambda change: change.key)]


def _edge_of_change(change: Change) -> Edge:
    before = change.live.mapping if change.live else change.record.applied if change.record else {}
    mapping = change.desired or before
    kind = kind_of(mapping) or SourceKind.SQS
    return _edge(change.key, change.pair, kind, enabled=mapping.get("enabled", True), action=change.action)


def _edge(name: str, pair: Pair, kind: SourceKind, *, enabled: bool, action: Action | None = None) -> Edge:
    return Edge(name, pair.source, pair.channel, pair.function, kind, enabled, action, pair.region)


# --- looks and labels ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Look:
    symbol: str
    colour: str


_NEUTRAL: Final = "#8c959f"
_LOOKS: Final[Mapping[Action | None, _Look]] = {
    Action.CREATE: _Look("+", "#1a7f37"),
    Action.UPDATE: _Look("~", "#d98200"),
    Action.REPLACE: _Look("±", "#cf222e"),  # an edge does not say which half comes first
    Action.DELETE: _Look("-", "#cf222e"),
    Action.FORGET: _Look(".", "#57606a"),
    Action.NO_OP: _Look("", _NEUTRAL),
    None: _Look("", _NEUTRAL),
}

_Key: TypeAlias = tuple[str, str]
"""What a node stands for: a region, and a source or function in it."""


@dataclass(frozen=True, slots=True)
class _Node:
    id: str
    title: str
    note: str
    whole: str


_Nodes: TypeAlias = dict[_Key, _Node]


def _region(edge: Edge) -> str:
    arn = Arn.parse(edge.source)
    return edge.region or (arn.region if arn else "")


def _source(edge: Edge) -> _Key:
    return _region(edge), edge.source


def _function(edge: Edge) -> _Key:
    return _region(edge), edge.function


def _label(edge: Edge) -> str:
    channel = f"({edge.channel})" if edge.channel else ""
    return " ".join(filter(None, [_LOOKS[edge.action].symbol, edge.name, channel]))


def _whole(edge: Edge) -> str:
    facts = [*([edge.action.value] if edge.action else []), *([] if edge.enabled else ["disabled"])]
    pair = Pair(edge.region, edge.source, edge.function, edge.channel)
    aside = f" ({', '.join(facts)})" if facts else ""
    return f"{edge.name}{aside}: {pair}"


def _sources(edges: Sequence[Edge]) -> _Nodes:
    """The sources by their short names; those that share one say in their notes what tells them apart."""
    kinds = {_source(edge): edge.kind for edge in edges}
    regional = _is_regional(edges)
    twins: dict[tuple[str, str], list[_Key]] = defaultdict(list)
    for key in sorted(kinds):
        kind = SourceKind.KAFKA if kinds[key] in SELF_MANAGED else kinds[key]
        twins[_short(key[1]), _note(kind.phrase.partition(" ")[2], key[0] if regional else "")].append(key)
    labels = {
        key: (title, _note(note, difference))
        for (title, note), keys in twins.items()
        for key, difference in zip(keys, _differences([source for _, source in keys]), strict=True)
    }
    return {key: _Node(f"s{number}", *labels[key], key[1]) for number, key in enumerate(sorted(labels), 1)}


def _functions(edges: Sequence[Edge]) -> _Nodes:
    regional = _is_regional(edges)
    notes = {key: _note("Lambda function", key[0] if regional else "") for key in sorted(set(map(_function, edges)))}
    return {
        key: _Node(f"f{number}", key[1], note, _note(key[1], key[0]))
        for number, (key, note) in enumerate(notes.items(), 1)
    }


def _is_regional(edges: Sequence[Edge]) -> bool:
    return len(set(map(_region, edges))) > 1


def _note(*parts: str) -> str:
    return " · ".join(filter(None, parts))


def _short(source: str) -> str:
    """A source's own name: `orders` of a queue's ARN, `clicks` of `stream/clicks`, the first of several brokers."""
    arn = Arn.parse(source)
    if arn is None:
        first, *others = (broker.partition(":")[0] for broker in source.split(","))
        return f"{first} +{len(others)}" if others else first
    parts = re.split("[/:]", arn.resource)
    return parts[1] if len(parts) > 1 else arn.resource


def _differences(sources: Sequence[str]) -> list[str]:
    """What is left of each source without what all of them begin and end with: nothing of a single one."""
    parts = [re.split("([:/,])", source) for source in sources]
    start = _shared(parts)
    rests = [part[start:] for part in parts]
    end = _shared([rest[::-1] for rest in rests])
    return ["".join(rest[: len(rest) - end]).strip(":/,") for rest in rests]


def _shared(parts: Sequence[Sequence[str]]) -> int:
    """How many parts all begin with."""
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*parts, strict=False)))


# What XML cannot hold, and controls, at which Graphviz stops reading.
_CONTROLS: Final = re.compile("[^\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _drawable(text: str) -> str:
    return _CONTROLS.sub("\ufffd", text)


# --- Mermaid ---------------------------------------------------------------------------------------------------------


def mermaid(edges: Sequence[Edge]) -> str:
    """A Mermaid flowchart, as GitHub and GitLab draw it in Markdown."""
    if not edges:
        return f'flowchart LR\n  none["{_EMPTY}"]'
    sources, functions = _sources(edges), _functions(edges)
    regional = _is_regional(edges)
    lines = [f'{node.id}(["{_mermaid_text(node.title, node.note)}"])' for node in sources.values()]
    # Mermaid refuses texts of more than 50,000 characters, and the shape says that it is a function.
    lines += [
        f'{node.id}["{_mermaid_text(node.title, key[0] if regional else "")}"]' for key, node in functions.items()
    ]
    for edge in edges:
        arrow = "-->" if edge.enabled else "-.->"
        label = _mermaid_text(_label(edge))
        lines.append(f'{sources[_source(edge)].id} {arrow}|"{label}"| {functions[_function(edge)].id}')
    return "\n  ".join(["flowchart LR", *lines, *_link_styles(edges)])


def _link_styles(edges: Sequence[Edge]) -> list[str]:
    numbers: dict[str, list[str]] = defaultdict(list)
    for number, edge in enumerate(edges):
        if edge.action:
            numbers[_LOOKS[edge.action].colour].append(str(number))
    return [f"linkStyle {','.join(group)} stroke:{colour},stroke-width:2px" for colour, group in numbers.items()]


# A quoted text is read as Markdown and as HTML, and its entities begin with '#' instead of '&'. A mark inside a word is
# plain; at the edge of one it may be a list, a rule or an emphasis.
_MERMAID_SPECIAL: Final = re.compile(r"[^\w .\-/()·]|[.\-/](?!\w)|\b_+|_+\b")


def _mermaid_text(*lines: str) -> str:
    def escaped(match: re.Match[str]) -> str:
        return "".join(f"#{ord(character)};" for character in match[0])

    return "<br/>".join(_MERMAID_SPECIAL.sub(escaped, _drawable(line)) for line in lines if line)


# --- Graphviz --------------------------------------------------------------------------------------------------------


def dot(edges: Sequence[Edge]) -> str:
    """A Graphviz digraph."""
    head = [
        "rankdir=LR; ranksep=2; nodesep=0.15; bgcolor=white;",
        'node [shape=box, margin="0.2,0.06", fontname="Helvetica", fontsize=11, color="#d1d9e0", fillcolor="#f6f8fa"];',
        f'edge [fontname="Helvetica", fontsize=10, color="{_NEUTRAL}"];',
    ]
    if not edges:
        return "\n  ".join(["digraph mappings {", *head, f"none [label={_dot_text(_EMPTY)}];"]) + "\n}"
    sources, functions = _sources(edges), _functions(edges)
    lines = [_dot_node(node, "rounded,filled") for node in sources.values()]
    lines += [_dot_node(node, "filled") for node in functions.values()]
    lines += [_dot_edge(edge, sources[_source(edge)].id, functions[_function(edge)].id) for edge in edges]
    return "\n  ".join(["digraph mappings {", *head, *lines]) + "\n}"


def _dot_node(node: _Node, style: str) -> str:
    label = _dot_text(node.title, node.note)
    return f'{node.id} [label={label}, style="{style}", tooltip={_dot_text(node.whole)}];'


def _dot_edge(edge: Edge, source: str, function: str) -> str:
    style = "" if edge.enabled else ", style=dashed"
    texts = f"label={_dot_text(_label(edge))}, tooltip={_dot_text(_whole(edge))}"
    return f'{source} -> {function} [{texts}, color="{_LOOKS[edge.action].colour}"{style}];'


def _dot_text(*lines: str) -> str:
    # Graphviz reads HTML entities in plain labels too.
    texts = [_drawable(line).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") for line in lines]
    return '"' + "\\n".join(texts) + '"'


# --- SVG: where things are -------------------------------------------------------------------------------------------

_MARGIN: Final = 28
_LEGEND_HEIGHT: Final = 34
_HEADING_HEIGHT: Final = 34
_NODE_HEIGHT: Final = 42
_NODE_PITCH: Final = 54
_ROW: Final = 30
_PILL_HEIGHT: Final = 22
_PADDING: Final = 12
_BADGE: Final = 26  # the letter before a function's name
_TEXT_LIMIT: Final = 270
_ROUNDS: Final = 12
_TITLE, _TEXT, _SMALL = 13, 12, 11

# In ems of DejaVu Sans, the widest of the fonts that may be met, so that a text never leaves its box.
_WIDTHS: Final = {
    **dict.fromkeys("ijlI.,:;|!' ", 0.36),
    **dict.fromkeys("()[]-ftr/·", 0.42),
    **dict.fromkeys("abcdeghknopqsuvxyz0123456789_$", 0.64),
    **dict.fromkeys("ABCDEFGHJKLNOPQRSTUVXYZ", 0.78),
}
_BOLD: Final = 1.12


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things are: edges in the order of their rows, middles of rows and nodes from the top, columns from the left."""

    edges: Sequence[Edge]
    rows: Sequence[float]
    sources: Mapping[_Key, float]
    functions: Mapping[_Key, float]
    leaves: Sequence[float]
    arrives: Sequence[float]
    columns: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    height: float


def _layout(edges: Sequence[Edge], sources: _Nodes, functions: _Nodes, top: float) -> _Layout:
    edges = _untangled(edges)
    rows = _rows(edges)
    left, right = _middles(edges, rows, _source), _middles(edges, rows, _function)
    down = top + _NODE_HEIGHT / 2 - min(*left.values(), *right.values())
    rows, left, right = [y + down for y in rows], _moved(left, down), _moved(right, down)
    leaves = _ports(edges, _source, left)
    arrives = _ports(edges, _function, right)
    names = _column(_MARGIN, (_node_width(node) for node in sources.values()))
    labels = _column(names[1] + _gap(leaves, rows), (_pill_width(edge) for edge in edges))
    targets = _column(labels[1] + _gap(rows, arrives), (_BADGE + _node_width(node) for node in functions.values()))
    height = max(*left.values(), *right.values()) + _NODE_HEIGHT / 2 + _MARGIN
    return _Layout(edges, rows, left, right, leaves, arrives, (names, labels, targets), height)


def _untangled(edges: Sequence[Edge]) -> list[Edge]:
    """The edges in an order in which few cross: in turn, each side is sorted by the mean place of its neighbours."""
    sources = {key: place for place, key in enumerate(dict.fromkeys(map(_source, edges)))}
    functions = {key: place for place, key in enumerate(dict.fromkeys(map(_function, edges)))}
    for _ in range(_ROUNDS):
        functions = _places(edges, _function, functions, [sources[_source(edge)] for edge in edges])
        sources = _places(edges, _source, sources, [functions[_function(edge)] for edge in edges])
    return sorted(edges, key=lambda edge: (sources[_source(edge)], functions[_function(edge)]))


def _places(
    edges: Sequence[Edge], side: Callable[[Edge], _Key], before: Mapping[_Key, int], neighbours: Sequence[int]
) -> dict[_Key, int]:
    means = _means(edges, side, neighbours)
    return {key: place for place, key in enumerate(sorted(means, key=lambda key: (means[key], before[key])))}


def _means(edges: Sequence[Edge], side: Callable[[Edge], _Key], values: Sequence[float]) -> dict[_Key, float]:
    """The mean of the values of each node's edges."""
    found: dict[_Key, list[float]] = defaultdict(list)
    for edge, value in zip(edges, values, strict=True):
        found[side(edge)].append(value)
    return {key: fmean(group) for key, group in found.items()}


def _rows(edges: Sequence[Edge]) -> list[float]:
    """The middle of each edge's row; the rows of one source take at least a node's height."""
    rows: list[float] = []
    top = 0.0
    for _, group in groupby(edges, _source):
        count = len(list(group))
        height = max(_NODE_PITCH, count * _ROW)
        rows += [top + height / 2 + (number - (count - 1) / 2) * _ROW for number in range(count)]
        top += height
    return rows


def _middles(edges: Sequence[Edge], rows: Sequence[float], side: Callable[[Edge], _Key]) -> dict[_Key, float]:
    """The middle of each node: as near to the mean of its rows as its neighbours allow."""
    means = _means(edges, side, rows)
    ordered = sorted(means, key=lambda key: means[key])
    return dict(zip(ordered, _apart([means[key] for key in ordered], _NODE_PITCH), strict=True))


def _apart(wanted: Sequence[float], pitch: float) -> list[float]:
    """The places nearest to the wanted ones, which ascend, that are a pitch apart: those that are too near pool."""
    pools: list[tuple[float, int]] = []
    for number, place in enumerate(wanted):
        total, count = place - number * pitch, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            pooled = pools.pop()
            total, count = total + pooled[0], count + pooled[1]
        pools.append((total, count))
    places = [total / count for total, count in pools for _ in range(count)]
    return [place + number * pitch for number, place in enumerate(places)]


def _moved(middles: Mapping[_Key, float], down: float) -> dict[_Key, float]:
    return {key: y + down for key, y in middles.items()}


def _ports(edges: Sequence[Edge], side: Callable[[Edge], _Key], middles: Mapping[_Key, float]) -> list[float]:
    """Where each edge meets its node: the edges of one node side by side, in the order of their rows."""
    counts: dict[_Key, int] = defaultdict(int)
    numbers = []
    for edge in edges:
        numbers.append(counts[side(edge)])
        counts[side(edge)] += 1
    ports = []
    for edge, number in zip(edges, numbers, strict=True):
        last = counts[side(edge)] - 1
        step = min(9.0, (_NODE_HEIGHT - 14) / max(last, 1))
        ports.append(middles[side(edge)] + (number - last / 2) * step)
    return ports


def _gap(starts: Sequence[float], ends: Sequence[float]) -> float:
    """Between two columns: the wider, the farther curves rise and fall, so that they do not become walls."""
    return min(70 + max(abs(end - start) for start, end in zip(starts, ends, strict=True)) * 0.15, 420)


def _column(left: float, widths: Iterable[float]) -> tuple[float, float]:
    return left, left + max(widths)


def _node_width(node: _Node) -> float:
    title = _width(_fitted(node.title, _TITLE * _BOLD), _TITLE * _BOLD)
    return 2 * _PADDING + max(title, _width(_fitted(node.note, _SMALL), _SMALL))


def _pill_width(edge: Edge) -> float:
    return 2 * _PADDING + _width(_fitted(_label(edge), _TEXT), _TEXT)


def _width(text: str, size: float) -> float:
    return size * sum(_WIDTHS.get(character, 1.0) for character in text)


def _fitted(text: str, size: float) -> str:
    """The text, its middle left out when it is too long: names differ at their ends."""
    if _width(text, size) <= _TEXT_LIMIT:
        return text
    kept = next(kept for kept in range(len(text) // 2, 0, -1) if _width(text[:kept] + text[-kept:], size) < _TEXT_LIMIT)
    return f"{text[:kept]}…{text[-kept:]}"


# --- SVG: the drawing ------------------------------------------------------------------------------------------------

_FONTS: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_INK, _MUTED, _LINE, _PAPER, _BACKGROUND = "#1f2328", "#59636e", "#d1d9e0", "#f6f8fa", "#ffffff"
_DASHES: Final = "5 4"


def svg(edges: Sequence[Edge]) -> str:
    """A picture that needs nothing to be drawn with; whatever it shortens stands whole in a tooltip."""
    if not edges:
        text = _text(_EMPTY, 160, 52, size=_TITLE, fill=_MUTED, text_anchor="middle")
        return _document(_EMPTY, 320, 96, [text])
    sources, functions = _sources(edges), _functions(edges)
    legend, legend_width = _legend(edges)
    heading = _MARGIN + (_LEGEND_HEIGHT if legend else 0)
    layout = _layout(edges, sources, functions, heading + _HEADING_HEIGHT)
    counts = [_count(len(sources), "source"), _count(len(edges), "mapping"), _count(len(functions), "function")]
    names, labels, targets = layout.columns
    places = [(names[0], "start"), (fmean(labels), "middle"), (targets[0], "start")]
    drawn = [
        *legend,
        *(
            _text(count, x, heading + 8, size=_TEXT, fill=_MUTED, text_anchor=anchor)
            for count, (x, anchor) in zip(counts, places, strict=True)
        ),
        *(_mapping(layout, number) for number in range(len(edges))),
        *(_drawn_node(sources[key], names, y) for key, y in layout.sources.items()),
        *(_drawn_node(functions[key], targets, y, "λ") for key, y in layout.functions.items()),
    ]
    title = f"{counts[1]}, from {counts[0]} to {counts[2]}"
    return _document(title, max(targets[1], legend_width) + _MARGIN, layout.height, drawn)


def _document(title: str, width: float, height: float, drawn: Sequence[str]) -> str:
    attributes = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width:.0f} {height:.0f}", "role": "img"}
    children = [
        _element("title", _xml(title)),
        _element("style", "g:hover > path { stroke-width: 3 }"),
        _element("rect", width="100%", height="100%", fill=_BACKGROUND),
        *drawn,
    ]
    body = "".join(f"\n{child}" for child in children)
    return _element("svg", body, "\n", **attributes, width=f"{width:.0f}", height=f"{height:.0f}", font_family=_FONTS)


def _legend(edges: Sequence[Edge]) -> tuple[list[str], float]:
    """What the colours and dashes mean, and how far to the right it reaches; nothing when there are none."""
    seen = {edge.action for edge in edges}
    entries = [(_note_of(action), _LOOKS[action].colour, "") for action in Action if action in seen]
    entries += [("disabled", _NEUTRAL, _DASHES)] if not all(edge.enabled for edge in edges) else []
    drawn, x = [], float(_MARGIN)
    for text, colour, dashes in entries:
        y = _MARGIN - 4
        drawn.append(_path(f"M{x:.1f} {y}h24", colour, dashes, width=3))
        drawn.append(_text(text, x + 32, y + 4, size=_TEXT, fill=_INK))
        x += 32 + _width(text, _TEXT) + 24
    return drawn, x - 24


def _note_of(action: Action) -> str:
    return f"{_LOOKS[action].symbol} {action.value}".strip()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _drawn_node(node: _Node, column: tuple[float, float], y: float, letter: str = "") -> str:
    left, right = column
    text = left + _PADDING + (_BADGE if letter else 0)
    corner = 8 if letter else _NODE_HEIGHT / 2
    badge = [_text(letter, left + _PADDING, y + 7, size=20, fill=_MUTED)] if letter else []
    box = {"x": left, "y": y - _NODE_HEIGHT / 2, "width": right - left, "height": _NODE_HEIGHT, "rx": corner}
    return _element(
        "g",
        _element("title", _xml(node.whole)),
        _element("rect", **box, fill=_PAPER, stroke=_LINE),
        *badge,
        _text(_fitted(node.title, _TITLE * _BOLD), text, y - 2, size=_TITLE, fill=_INK, font_weight="600"),
        _text(_fitted(node.note, _SMALL), text, y + 13, size=_SMALL, fill=_MUTED),
    )


def _mapping(layout: _Layout, number: int) -> str:
    edge, y = layout.edges[number], layout.rows[number]
    names, labels, targets = layout.columns
    colour, dashes = _LOOKS[edge.action].colour, "" if edge.enabled else _DASHES
    start, end, tip = layout.leaves[number], layout.arrives[number], targets[0] - 1
    line = f"M{names[1]:.1f} {start:.1f}{_curve(names[1], start, labels[0], y)}H{labels[1]:.1f}"
    width = _pill_width(edge)
    box = {"x": fmean(labels) - width / 2, "y": y - _PILL_HEIGHT / 2, "width": width, "height": _PILL_HEIGHT}
    return _element(
        "g",
        _element("title", _xml(_whole(edge))),
        _path(line + _curve(labels[1], y, tip - 7, end), colour, dashes),
        _element("path", d=f"M{tip:.1f} {end:.1f}l-9 -4v8z", fill=colour),
        _element("rect", **box, rx=_PILL_HEIGHT / 2, fill=_BACKGROUND, stroke=colour, **_dashed(dashes)),
        _text(_fitted(_label(edge), _TEXT), fmean(labels), y + 4, size=_TEXT, fill=_INK, text_anchor="middle"),
    )


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    middle = (x + to_x) / 2
    return f"C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"


def _path(line: str, colour: str, dashes: str, width: float = 1.5) -> str:
    return _element("path", d=line, fill="none", stroke=colour, stroke_width=width, **_dashed(dashes))


def _dashed(dashes: str) -> dict[str, str]:
    return {"stroke_dasharray": dashes} if dashes else {}


def _text(text: str, x: float, y: float, *, size: float, fill: str, **attributes: str) -> str:
    return _element("text", _xml(text), x=x, y=y, font_size=size, fill=fill, **attributes)


def _element(name: str, *children: str, **attributes: str | float) -> str:
    """An element of children that are XML already; `_` in an attribute's name stands for `-`."""
    pairs = "".join(
        f' {key.replace("_", "-")}="{_xml(value) if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")}"'
        for key, value in attributes.items()
    )
    return f"<{name}{pairs}>{''.join(children)}</{name}>" if children else f"<{name}{pairs}/>"


def _xml(text: str) -> str:
    return escape(_drawable(text))
