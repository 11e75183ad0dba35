"""Sources and functions as an SVG picture.

Layout: sources at the left, functions at the right, between them a row a mapping, so that no label can lie on
another or be crossed by a curve.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from statistics import fmean
from typing import Final

from provisioner.model.plan import Action
from provisioner.render.graph import (
    EMPTY,
    LOOKS,
    NEUTRAL,
    Edge,
    GraphNode,
    GraphNodes,
    Key,
    drawable,
    function_key,
    function_nodes,
    in_full,
    label_of,
    source_key,
    source_nodes,
)

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
_TEXT_LIMIT: Final = 270  # units: a longer text is shortened
_ROUNDS: Final = 12  # of sorting each side; a fixed number, because the order may never become stable
_TITLE, _TEXT, _SMALL = 13, 12, 11  # font sizes

# In ems of DejaVu Sans, the widest of the fonts that may be met, so that a text never leaves its box.
_WIDTHS: Final = {
    **dict.fromkeys("ijlI.,:;|!' ", 0.36),
    **dict.fromkeys("()[]-ftr/·", 0.42),
    **dict.fromkeys("abcdeghknopqsuvxyz0123456789_$", 0.64),
    **dict.fromkeys("ABCDEFGHJKLNOPQRSTUVXYZ", 0.78),
}
_BOLD: Final = 1.12  # how much wider than regular


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things are: edges in the order of their rows, middles of rows and nodes from the top, columns from the
    left.
    """

    edges: Sequence[Edge]
    rows: Sequence[float]
    sources: Mapping[Key, float]
    functions: Mapping[Key, float]
    leaves: Sequence[float]
    arrives: Sequence[float]
    columns: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    height: float


def _layout(edges: Sequence[Edge], sources: GraphNodes, functions: GraphNodes, top: float) -> _Layout:
    edges = _untangled(edges)
    rows = _rows(edges)
    left, right = _middles(edges, rows, source_key), _middles(edges, rows, function_key)
    # Nodes are placed around their rows and may begin above the first row, so everything is moved down by one distance.
    down = top + _NODE_HEIGHT / 2 - min(*left.values(), *right.values())
    rows, left, right = [y + down for y in rows], _moved(left, down), _moved(right, down)
    leaves = _ports(edges, source_key, left)
    arrives = _ports(edges, function_key, right)
    names = _column(_MARGIN, (_node_width(node) for node in sources.values()))
    labels = _column(names[1] + _gap(leaves, rows), (_pill_width(edge) for edge in edges))
    targets = _column(labels[1] + _gap(rows, arrives), (_BADGE + _node_width(node) for node in functions.values()))
    height = max(*left.values(), *right.values()) + _NODE_HEIGHT / 2 + _MARGIN
    return _Layout(edges, rows, left, right, leaves, arrives, (names, labels, targets), height)


def _untangled(edges: Sequence[Edge]) -> list[Edge]:
    """The edges in an order in which few cross: in turn, each side is sorted by the mean place of its neighbours."""
    sources = {key: place for place, key in enumerate(dict.fromkeys(map(source_key, edges)))}
    functions = {key: place for place, key in enumerate(dict.fromkeys(map(function_key, edges)))}
    for _ in range(_ROUNDS):
        functions = _places(edges, function_key, functions, [sources[source_key(edge)] for edge in edges])
        sources = _places(edges, source_key, sources, [functions[function_key(edge)] for edge in edges])
    return sorted(edges, key=lambda edge: (sources[source_key(edge)], functions[function_key(edge)]))


def _places(
    edges: Sequence[Edge], side: Callable[[Edge], Key], before: Mapping[Key, int], neighbours: Sequence[int]
) -> dict[Key, int]:
    means = _means(edges, side, neighbours)
    return {key: place for place, key in enumerate(sorted(means, key=lambda key: (means[key], before[key])))}


def _means(edges: Sequence[Edge], side: Callable[[Edge], Key], values: Sequence[float]) -> dict[Key, float]:
    """The mean of the values of each node's edges."""
    positions: dict[Key, list[float]] = defaultdict(list)
    for edge, value in zip(edges, values, strict=True):
        positions[side(edge)].append(value)
    return {key: fmean(group) for key, group in positions.items()}


def _rows(edges: Sequence[Edge]) -> list[float]:
    """The middle of each edge's row; the rows of one source take at least a node's height."""
    rows: list[float] = []
    top = 0.0
    # `_untangled` sorts by source, so the edges of one source are one group.
    for _, group in groupby(edges, source_key):
        count = len(list(group))
        height = max(_NODE_PITCH, count * _ROW)
        rows += [top + height / 2 + (number - (count - 1) / 2) * _ROW for number in range(count)]
        top += height
    return rows


def _middles(edges: Sequence[Edge], rows: Sequence[float], side: Callable[[Edge], Key]) -> dict[Key, float]:
    """The middle of each node: as near to the mean of its rows as its neighbours allow."""
    means = _means(edges, side, rows)
    ordered = sorted(means, key=lambda key: means[key])
    return dict(zip(ordered, _apart([means[key] for key in ordered], _NODE_PITCH), strict=True))


def _apart(wanted: Sequence[float], pitch: float) -> list[float]:
    """The places nearest to the wanted ones, which ascend, that are at least a pitch apart.

    The algorithm is "pool adjacent violators": with the pitch subtracted, places must only ascend, and adjacent ones
    that do not are moved to their common mean.
    """
    pools: list[tuple[float, int]] = []
    for number, place in enumerate(wanted):
        total, count = place - number * pitch, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            pooled = pools.pop()
            total, count = total + pooled[0], count + pooled[1]
        pools.append((total, count))
    places = [total / count for total, count in pools for _ in range(count)]
    return [place + number * pitch for number, place in enumerate(places)]


def _moved(middles: Mapping[Key, float], down: float) -> dict[Key, float]:
    return {key: y + down for key, y in middles.items()}


def _ports(edges: Sequence[Edge], side: Callable[[Edge], Key], middles: Mapping[Key, float]) -> list[float]:
    """Where each edge meets its node: the edges of one node side by side, in the order of their rows."""
    counts: dict[Key, int] = defaultdict(int)
    numbers = []
    for edge in edges:
        numbers.append(counts[side(edge)])
        counts[side(edge)] += 1
    ports = []
    for edge, number in zip(edges, numbers, strict=True):
        last = counts[side(edge)] - 1
        # Closer together where there are many: all must meet the side of the node.
        step = min(9.0, (_NODE_HEIGHT - 14) / max(last, 1))
        ports.append(middles[side(edge)] + (number - last / 2) * step)
    return ports


def _gap(starts: Sequence[float], ends: Sequence[float]) -> float:
    """The space between two columns. It grows with the height of the curves, which would else be nearly vertical."""
    return min(70 + max(abs(end - start) for start, end in zip(starts, ends, strict=True)) * 0.15, 420)


def _column(left: float, widths: Iterable[float]) -> tuple[float, float]:
    return left, left + max(widths)


def _node_width(node: GraphNode) -> float:
    title = _width(_fitted(node.title, _TITLE * _BOLD), _TITLE * _BOLD)
    return 2 * _PADDING + max(title, _width(_fitted(node.note, _SMALL), _SMALL))


def _pill_width(edge: Edge) -> float:
    return 2 * _PADDING + _width(_fitted(label_of(edge), _TEXT), _TEXT)


def _width(text: str, size: float) -> float:
    return size * sum(_WIDTHS.get(character, 1.0) for character in text)


def _fitted(text: str, size: float) -> str:
    """The text, its middle left out when it is too long, because names differ at their ends. Unlike `wrapping.fitted`,
    by width in the picture.
    """
    if _width(text, size) <= _TEXT_LIMIT:
        return text
    kept = next(kept for kept in range(len(text) // 2, 0, -1) if _width(text[:kept] + text[-kept:], size) < _TEXT_LIMIT)
    return f"{text[:kept]}…{text[-kept:]}"


# --- SVG: the drawing ------------------------------------------------------------------------------------------------

_FONTS: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_INK, _MUTED, _LINE, _PAPER, _BACKGROUND = "#1f2328", "#59636e", "#d1d9e0", "#f6f8fa", "#ffffff"
_DASHES: Final = "5 4"


def svg(edges: Sequence[Edge]) -> str:
    """An SVG document without scripts, links or fonts of its own; what is shortened is in a tooltip in full."""
    if not edges:
        text = _text(EMPTY, 160, 52, size=_TITLE, fill=_MUTED, text_anchor="middle")
        return _document(EMPTY, 320, 96, [text])
    sources, functions = source_nodes(edges), function_nodes(edges)
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
    """What the strokes of edges mean, and how far to the right this reaches; nothing when there are neither actions nor
    disabled mappings.
    """
    seen = {edge.action for edge in edges}
    entries = [
        (f"{LOOKS[action].symbol} {action.value}".strip(), LOOKS[action].colour, "")
        for action in Action
        if action in seen
    ]
    entries += [("disabled", NEUTRAL, _DASHES)] if not all(edge.enabled for edge in edges) else []
    drawn, x = [], float(_MARGIN)
    for text, colour, dashes in entries:
        y = _MARGIN - 4
        drawn.append(_path(f"M{x:.1f} {y}h24", colour, dashes, width=3))
        drawn.append(_text(text, x + 32, y + 4, size=_TEXT, fill=_INK))
        x += 32 + _width(text, _TEXT) + 24
    return drawn, x - 24


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _drawn_node(node: GraphNode, column: tuple[float, float], y: float, letter: str = "") -> str:
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
    colour, dashes = LOOKS[edge.action].colour, "" if edge.enabled else _DASHES
    start, end, tip = layout.leaves[number], layout.arrives[number], targets[0] - 1
    # Level across the column of labels, so that a line crosses no other label.
    line = f"M{names[1]:.1f} {start:.1f}{_curve(names[1], start, labels[0], y)}H{labels[1]:.1f}"
    width = _pill_width(edge)
    box = {"x": fmean(labels) - width / 2, "y": y - _PILL_HEIGHT / 2, "width": width, "height": _PILL_HEIGHT}
    return _element(
        "g",
        _element("title", _xml(in_full(edge))),
        # It ends inside the arrowhead, which is 9 units long.
        _path(line + _curve(labels[1], y, tip - 7, end), colour, dashes),
        _element("path", d=f"M{tip:.1f} {end:.1f}l-9 -4v8z", fill=colour),
        _element("rect", **box, rx=_PILL_HEIGHT / 2, fill=_BACKGROUND, stroke=colour, **_dashed(dashes)),
        _text(_fitted(label_of(edge), _TEXT), fmean(labels), y + 4, size=_TEXT, fill=_INK, text_anchor="middle"),
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
    return escape(drawable(text))
