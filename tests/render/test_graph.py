"""Diagram of sources and functions, in three formats."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from provisioner.manifest import load
from provisioner.model.manifest import Manifest
from provisioner.model.plan import Action
from provisioner.model.sources import SourceKind
from provisioner.model.state import State
from provisioner.planning.planner import make_plan
from provisioner.planning.reading import Reading
from provisioner.planning.resolve import resolve
from provisioner.render.graph import Edge, dot, edges_of_manifest, edges_of_plan, mermaid
from provisioner.render.svg import svg
from tests.planning.test_stories import LINEAGE, REGION, live, record

FORMATS: list[Callable[[Sequence[Edge]], str]] = [mermaid, dot, svg]
HOSTILE = '<b>"it\'s" & [#x]; {y}|`z`\\ --> </title>\x00\n_end_'
SVG = "{http://www.w3.org/2000/svg}"
Box = tuple[float, float, float, float]


def queue(name: str, region: str = REGION, account: str = "123456789012") -> str:
    return f"arn:aws:sqs:{region}:{account}:{name}"


def stream(name: str) -> str:
    return f"arn:aws:kinesis:{REGION}:123456789012:stream/{name}"


def edge(name: str, source: str = "", function: str = "worker", channel: str = "", **facts: Any) -> Edge:
    return Edge(name, source or queue(name), channel, function, SourceKind.SQS, **facts)


def manifest(folder: Path, mappings: dict[str, Any], **others: Any) -> Manifest:
    text = yaml.safe_dump(
        {"stack": "test", "provider": {"region": REGION}, "mappings": mappings, **others}, sort_keys=False
    )
    (folder / "provisioner.yaml").write_text(text, encoding="utf-8")
    return load(folder).manifest


def many(count: int) -> list[Edge]:
    """Mappings tangled as in life: a source with many functions, a function with many sources, and all between."""
    return [
        edge(
            f"mapping-{number}-{'x' * (number % 41)}",
            queue(f"queue-{number * 7 % 90}"),
            f"function-{number * number % 60}",
            "topic" * (number % 2),
            enabled=number % 5 > 0,
            action=list(Action)[number % len(Action)],
        )
        for number in range(count)
    ]


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(picture).iter(f"{SVG}text")]


def titles(picture: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(picture).iter(f"{SVG}title")]


def boxes(picture: str) -> list[Box]:
    """The boxes of all nodes and labels: left, top, right, bottom."""
    rects = [dict(rect.attrib) for rect in ET.fromstring(picture).iterfind(f"{SVG}g/{SVG}rect")]
    values = [[float(rect[key]) for key in ("x", "y", "width", "height")] for rect in rects]
    return [(x, y, x + width, y + height) for x, y, width, height in values]


def curves(picture: str) -> list[list[float]]:
    """The numbers of each mapping's line: its start, a curve, the end of the level part, another curve."""
    paths = ET.fromstring(picture).iterfind(f"{SVG}g/{SVG}path[@fill='none']")
    return [[float(number) for number in re.findall(r"[\d.]+", path.attrib["d"])] for path in paths]


# --- edges -----------------------------------------------------------------------------------------------------------


def test_a_manifest_becomes_edges(tmp_path: Path) -> None:
    kafka = {
        "self_managed_event_source": {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b-2:9092", "b-1:9092"]}},
        "source_access_configuration": [{"type": "VPC_SUBNET", "uri": "subnet:subnet-1"}],
    }
    wanted = manifest(
        tmp_path,
        {
            "orders": {"function_name": "worker:prod", "event_source_arn": queue("orders"), "enabled": False},
            "events": {"function_name": "indexer", **kafka, "topics": ["page.views"], "starting_position": "LATEST"},
        },
    )

    assert edges_of_manifest(wanted) == [
        Edge("events", "b-1:9092,b-2:9092", "page.views", "indexer", SourceKind.KAFKA, region=REGION),
        Edge("orders", queue("orders"), "", "worker:prod", SourceKind.SQS, enabled=False, region=REGION),
    ]


def test_a_plan_shows_the_pair_that_each_change_ends_with_or_loses(tmp_path: Path) -> None:
    def fields(name: str, **others: Any) -> dict[str, Any]:
        return {"function_name": "worker", "event_source_arn": queue(name), **others}

    wanted = manifest(
        tmp_path,
        {"kept": fields("kept"), "grown": fields("grown"), "moved": fields("elsewhere"), "new": fields("new")},
        removed=[{"from": "left", "destroy": False}],
    )
    before = {
        name: fields(name, uuid=str(number)) for number, name in enumerate(["kept", "grown", "moved", "gone", "left"])
    }
    before["grown"]["batch_size"] = 3
    state = State("test", LINEAGE, "123456789012", 1, {name: record(value) for name, value in before.items()})
    reading = Reading({item.key: item for item in (live(value["uuid"], value) for value in before.values())})

    edges = edges_of_plan(make_plan(resolve(wanted, state), reading, state, account="123456789012"))

    assert [(item.name, item.source, item.action) for item in edges] == [
        ("gone", queue("gone"), Action.DELETE),
        ("grown", queue("grown"), Action.UPDATE),
        ("kept", queue("kept"), Action.NO_OP),
        ("left", queue("left"), Action.FORGET),
        ("moved", queue("elsewhere"), Action.REPLACE),
        ("new", queue("new"), Action.CREATE),
    ]


@pytest.mark.parametrize("draw", FORMATS)
def test_the_order_of_the_manifest_changes_nothing(draw: Callable[[Sequence[Edge]], str], tmp_path: Path) -> None:
    mappings = {
        f"m{number}": {"function_name": f"f{number % 3}", "event_source_arn": queue(f"q{number % 4}")}
        for number in range(12)
    }
    one = draw(edges_of_manifest(manifest(tmp_path, mappings)))
    other = draw(edges_of_manifest(manifest(tmp_path, dict(reversed(mappings.items())))))

    assert one == other


# --- labels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", FORMATS)
def test_a_source_is_called_by_its_own_name(draw: Callable[[Sequence[Edge]], str]) -> None:
    base = f"{REGION}:123456789012"
    picture = draw(
        [
            Edge("a", queue("orders"), "", "f", SourceKind.SQS),
            Edge("b", stream("clicks"), "", "f", SourceKind.KINESIS),
            Edge("c", f"arn:aws:dynamodb:{base}:table/customers/stream/2024-05-01", "", "f", SourceKind.DYNAMODB),
            Edge("d", f"arn:aws:kafka:{base}:cluster/core/1-2", "topic", "f", SourceKind.MSK),
            Edge("e", f"arn:aws:mq:{base}:broker:billing:b-1", "queue", "f", SourceKind.MQ),
            Edge("f", "b-1.example.com:9092,b-2.example.com:9092", "topic", "f", SourceKind.KAFKA, region=REGION),
        ]
    )
    names = {"orders", "clicks", "customers", "core", "billing"}

    assert {name for name in names if re.search(rf'["\[>]{name}["<\\]', picture)} == names
    assert "b-1.example.com" in picture
    assert f" {REGION}" not in re.sub(r"<title>.*?</title>|tooltip=.*", "", picture)


@pytest.mark.parametrize("draw", FORMATS)
def test_sources_of_one_short_name_are_reported_apart(draw: Callable[[Sequence[Edge]], str]) -> None:
    table = f"arn:aws:dynamodb:{REGION}:123456789012:table/customers/stream/"
    picture = draw(
        [
            edge("a", queue("orders")),
            edge("b", queue("orders", account="210987654321")),
            Edge("c", stream("clicks"), "", "f", SourceKind.KINESIS),
            Edge("d", stream("clicks/consumer/app:1"), "", "f", SourceKind.KINESIS),
            Edge("e", f"{table}2024-05-01", "", "f", SourceKind.DYNAMODB),
            Edge("f", f"{table}2025-05-01", "", "f", SourceKind.DYNAMODB),
        ]
    ).replace("#58;", ":")

    assert [
        note for note in ("123456789012", "210987654321", "2024-05-01", "2025-05-01") if f"· {note}" not in picture
    ] == []
    assert "Kinesis stream · consumer/app:1" in picture


@pytest.mark.parametrize("draw", FORMATS)
def test_one_name_in_two_regions_is_two_nodes_with_their_regions(draw: Callable[[Sequence[Edge]], str]) -> None:
    picture = draw([edge("a", queue("orders")), edge("b", queue("orders", "us-east-1"))])

    assert f"SQS queue · {REGION}" in picture
    assert "SQS queue · us-east-1" in picture
    assert len(set(re.findall(r"\bf\d+\b", mermaid([edge("a"), edge("b", queue("b", "us-east-1"))])))) == 2


def test_hostile_names_stay_inside_their_quotes() -> None:
    edges = [edge(HOSTILE, queue(HOSTILE), HOSTILE, HOSTILE), edge("1.", queue("_orders_"), "__x__", "-")]
    text = r'"(<br/>|#\d+;|[^"#:;<>&`\[\]{}|\n])*"'
    node = rf"  (s\d+\(\[{text}\]\)|f\d+\[{text}\])"

    head, *lines = mermaid(edges).split("\n")

    assert head == "flowchart LR"
    assert [line for line in lines if not re.fullmatch(rf"{node}|  s\d+ -->\|{text}\| f\d+", line)] == []
    assert '"#95;orders#95;<br/>SQS queue"' in mermaid(edges)
    assert '"1#46; (#45;)"' in mermaid(edges)
    value = r'("([^"\\\n\0]|\\["\\n])*"|\w+)'
    pattern = rf"  \w+( -> \w+)? \[\w+={value}(, \w+={value})*\];|  rankdir.*|}}"
    assert [line for line in dot(edges).split("\n")[1:] if not re.fullmatch(pattern, line)] == []
    assert any(HOSTILE.replace("\0", "\ufffd").replace("\n", "\ufffd") in title for title in titles(svg(edges)))


# --- arrows ----------------------------------------------------------------------------------------------------------


def test_each_mapping_is_one_arrow() -> None:
    edges = many(30)

    assert len(re.findall(r"^  s\d+ (?:-->|-\.->)\|", mermaid(edges), re.MULTILINE)) == 30
    assert len(re.findall(r"^  s\d+ -> f\d+ ", dot(edges), re.MULTILINE)) == 30
    assert len(curves(svg(edges))) == 30


def test_a_disabled_mapping_is_dashed() -> None:
    on, off = [edge("orders")], [edge("orders", enabled=False)]

    assert ("-.->" in mermaid(on), "-.->" in mermaid(off)) == (False, True)
    assert ("style=dashed" in dot(on), "style=dashed" in dot(off)) == (False, True)
    assert ("stroke-dasharray" in svg(on), "stroke-dasharray" in svg(off)) == (False, True)


def test_a_colour_means_the_same_action_in_all_formats() -> None:
    colours = {}
    for action in Action:
        edges = [edge("orders", action=action)]
        drawn = ET.fromstring(svg(edges)).find(f"{SVG}g/{SVG}path")
        assert drawn is not None
        colours[action] = drawn.attrib["stroke"]
        assert f"linkStyle 0 stroke:{colours[action]}," in mermaid(edges)
        assert f'color="{colours[action]}"];' in dot(edges).split("\n")[-2]
        assert any(text.endswith(action.value) for text in texts(svg(edges))), "the legend names it"

    assert colours[Action.REPLACE] == colours[Action.DELETE]
    assert len(set(colours.values())) == 5
    assert "linkStyle" not in mermaid([edge("orders")])


# --- the SVG's layout ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3, 30, 300])
def test_no_label_lies_on_another_and_no_curve_crosses_one(count: int) -> None:
    picture = svg(many(count))
    found = boxes(picture)
    labels = [box for box in found if box[3] - box[1] == min(bottom - top for _, top, _, bottom in found)]

    assert len(labels) == count
    assert [
        (one, other)
        for one, other in combinations(found, 2)
        if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
    ] == []
    # A line is level from the end of its first curve to the start of its second: there the labels are.
    assert max(line[6] for line in curves(picture)) <= min(left for left, *_ in labels) + 0.2
    assert min(line[8] for line in curves(picture)) >= max(right for _, _, right, _ in labels) - 0.2
    width, height = map(float, ET.fromstring(picture).attrib["viewBox"].split()[2:])
    assert all(left >= 0 and top >= 0 and right <= width and bottom <= height for left, top, right, bottom in found)


def test_every_name_is_in_the_picture_and_a_long_one_whole_in_its_tooltip() -> None:
    long = "a" + "-very" * 24 + "-long-name"
    picture = svg([edge(long), edge("orders")])

    assert "orders" in texts(picture)
    assert long not in texts(picture)
    assert any(re.fullmatch(r"a-very.+….+long-name", text) for text in texts(picture))
    assert any(title.startswith(f"{long}: ") for title in titles(picture))
    shown = titles(svg(many(300)))
    assert [item.name for item in many(300) if not any(title.startswith(f"{item.name} (") for title in shown)] == []


def test_what_can_be_drawn_without_crossings_is() -> None:
    edges = [edge(f"m{number:02}", queue(f"q{number:02}"), f"f{99 - number}") for number in range(40)]

    assert all(len({line[1], line[3], line[5], line[7], line[-1]}) == 1 for line in curves(svg(edges)))


@pytest.mark.parametrize("draw", FORMATS)
def test_no_mapping_is_said(draw: Callable[[Sequence[Edge]], str]) -> None:
    assert "No mappings" in draw([])


def test_the_picture_stands_alone() -> None:
    root = ET.fromstring(svg(many(3)))

    assert root.attrib["role"] == "img"
    assert root[0].tag == f"{SVG}title"
    assert root.find(f"{SVG}rect[@width='100%'][@fill='#ffffff']") is not None
