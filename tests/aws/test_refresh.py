"""Reading live through the fewest calls (docs/architecture.md#calls), against the sandbox in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from provisioner.aws.gateway import Gateway
from provisioner.aws.refresh import read, refresh
from provisioner.aws.session import Aws
from provisioner.aws.wait import WallClock
from provisioner.errors import DeniedError
from provisioner.model.desired import Desired
from provisioner.model.key import LAMBDA, Key
from provisioner.model.place import Place
from provisioner.model.provider import Provider
from provisioner.model.sources import SourceKind
from provisioner.model.state import Record
from provisioner.planning.resolve import Resolution, Subject
from tests.support.control_plane import REGION, served


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    with served() as embedded:
        yield Aws(Provider(region=REGION, endpoint_url=embedded.endpoint), WallClock())


@pytest.fixture
def gateway(aws: Aws) -> Gateway:
    return aws.gateway(REGION)


@pytest.fixture
def calls(gateway: Gateway) -> Counter[str]:
    """The calls made from now on, by operation; cleared by the test when its preparations are done."""
    counted: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        counted[model.name] += 1

    gateway._client.meta.events.register("before-call", count)
    gateway._tagging().meta.events.register("before-call", count)
    return counted


def queue(number: int) -> str:
    return f"arn:aws:sqs:{REGION}:123456789012:q{number}"


def make(gateway: Gateway, count: int, *, functions: int = 1, **members: Any) -> dict[str, str]:
    """Mappings of `count` queues, spread over functions: UUID to function."""
    made = {}
    for number in range(count):
        function = f"f{number % functions}"
        request = {"FunctionName": function, "EventSourceArn": queue(number), **members}
        made[gateway.create(request, print)["UUID"]] = function
    return made


def test_few_mappings_of_many_functions_are_read_by_the_accounts_page(gateway: Gateway, calls: Counter[str]) -> None:
    known = make(gateway, 20, functions=20)
    calls.clear()

    assert read(gateway, known).keys() == known.keys()
    assert calls == {"ListEventSourceMappings": 1}


def test_one_mapping_is_read_by_get(gateway: Gateway, calls: Counter[str]) -> None:
    known = make(gateway, 1)
    calls.clear()

    assert read(gateway, known).keys() == known.keys()
    assert calls == {"GetEventSourceMapping": 1}


def test_many_mappings_of_one_function_are_read_by_its_pages(gateway: Gateway, calls: Counter[str]) -> None:
    known = make(gateway, 250)
    make_other = [gateway.create({"FunctionName": "other", "EventSourceArn": queue(n)}, print) for n in range(150)]
    assert len(make_other) == 150
    calls.clear()

    assert read(gateway, known).keys() == known.keys()
    assert calls == {"ListEventSourceMappings": 3}


def test_paging_stops_when_all_are_found(gateway: Gateway, calls: Counter[str]) -> None:
    known = make(gateway, 250)
    first_page = next(gateway.pages("f0"))
    few = {config["UUID"]: "f0" for config in first_page[:50]}
    assert few.keys() <= known.keys()
    calls.clear()

    assert len(read(gateway, few)) == 50
    assert calls == {"ListEventSourceMappings": 1}


def test_paging_stops_when_gets_are_cheaper(gateway: Gateway, calls: Counter[str]) -> None:
    make(gateway, 950)
    pages = list(gateway.pages("f0"))
    known = {pages[0][0]["UUID"]: "f0", pages[0][1]["UUID"]: "f0", pages[9][0]["UUID"]: "f0"}
    calls.clear()

    assert read(gateway, known).keys() == known.keys()
    assert calls == {"ListEventSourceMappings": 1, "GetEventSourceMapping": 1}


def test_what_list_does_not_show_is_confirmed_by_get(gateway: Gateway, calls: Counter[str]) -> None:
    known = make(gateway, 10)
    moved = next(iter(known))
    gateway.update(moved, {"FunctionName": "elsewhere"}, print)
    gone = list(known)[-1]
    gateway.delete(gone, print)
    calls.clear()

    found = read(gateway, known)

    assert found.keys() == known.keys() - {gone}
    assert calls == {"ListEventSourceMappings": 1, "GetEventSourceMapping": 2}
    assert found[moved]["FunctionArn"].endswith(":elsewhere")


def test_a_mapping_with_a_key_is_read_by_get(gateway: Gateway, calls: Counter[str]) -> None:
    """List omits its filters (docs/aws/lifecycle.md#list)."""
    filters = {"Filters": [{"Pattern": '{"a":[1]}'}]}
    known = make(gateway, 3, FilterCriteria=filters, KMSKeyArn="arn:aws:kms:eu-west-1:123456789012:key/1")
    calls.clear()

    assert all(config["FilterCriteria"] == filters for config in read(gateway, known).values())
    assert calls == {"ListEventSourceMappings": 1, "GetEventSourceMapping": 3}


def test_where_list_is_denied_get_reads(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    known = make(gateway, 5)

    def denied(function: str = "", source: str = "") -> Iterator[Any]:
        raise DeniedError("no")
        yield

    monkeypatch.setattr(gateway, "pages", denied)

    assert read(gateway, known).keys() == known.keys()


def wanted(name: str, number: int, tags: dict[str, str] | None = None) -> Desired:
    mapping = {"function_name": "f0", "event_source_arn": queue(number), **({"tags": tags} if tags else {})}
    return Desired(name, REGION, SourceKind.SQS, mapping, Place("m.yaml"))


def subject(name: str, number: int, uuid: str = "", tags: dict[str, str] | None = None) -> Subject:
    desired = wanted(name, number, tags)
    return Subject(name, desired, Record(Key(LAMBDA, REGION, uuid), "", desired.mapping) if uuid else None)


def resolution(*subjects: Subject) -> Resolution:
    return Resolution(subjects)


def test_tags_cost_one_call_a_hundred(aws: Aws, gateway: Gateway, calls: Counter[str]) -> None:
    known = list(make(gateway, 200, Tags={"team": "x"}))
    subjects = [subject(f"m{n}", n, uuid, {"team": "x"}) for n, uuid in enumerate(known)]
    calls.clear()

    reading = refresh(aws, resolution(*subjects), Provider(), print)

    assert all(live.mapping["tags"] == {"team": "x"} for live in reading.live.values())
    assert calls == {"ListEventSourceMappings": 2, "GetResources": 2}


def test_a_difference_in_tags_is_confirmed(aws: Aws, gateway: Gateway, calls: Counter[str]) -> None:
    known = list(make(gateway, 3, Tags={"team": "x"}))
    subjects = [subject(f"m{n}", n, uuid, {"team": "y" if n == 1 else "x"}) for n, uuid in enumerate(known)]
    calls.clear()

    refresh(aws, resolution(*subjects), Provider(), print)

    assert calls == {"ListEventSourceMappings": 1, "GetResources": 1, "ListTags": 1}


def test_where_the_tagging_api_refuses_tags_are_listed_and_it_is_said_once(
    aws: Aws, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = list(make(gateway, 3, Tags={"team": "x"}))
    notes: list[str] = []

    def denied(arns: Any) -> Any:
        raise DeniedError("reading tags: AccessDeniedException: no")

    monkeypatch.setattr(gateway, "tags_of", denied)

    reading = refresh(
        aws, resolution(*(subject(f"m{n}", n, uuid) for n, uuid in enumerate(known))), Provider(), notes.append
    )

    assert [live.mapping["tags"] for live in reading.live.values()] == [{"team": "x"}] * 3
    [note] = notes
    assert note.startswith("the tagging API call failed, so tags are read one mapping at a time")


def test_new_names_are_looked_up_by_their_functions(aws: Aws, gateway: Gateway, calls: Counter[str]) -> None:
    [uuid] = make(gateway, 1)
    calls.clear()

    reading = refresh(aws, resolution(*(subject(f"m{n}", n) for n in range(100))), Provider(), print)

    assert {name: live.key.id for name, live in reading.holders.items()} == {"m0": uuid}
    assert reading.live == {}
    assert calls == {"ListEventSourceMappings": 1, "GetResources": 1, "ListTags": 1}


def test_a_recorded_mapping_that_is_gone_is_looked_for_by_its_pair(aws: Aws, gateway: Gateway) -> None:
    [uuid] = make(gateway, 1)

    reading = refresh(aws, resolution(subject("m", 0, "00000000-1111-2222-3333-444444444444")), Provider(), print)

    assert reading.live == {}
    assert reading.holders["m"].key.id == uuid
