"""Mappings of S3 converge: from any of their states to any other, also while S3 does not see a statement yet, and past
entries whose destinations are gone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioner.errors import RefusedError
from provisioner.model.plan import Problem
from tests.faults.push import FUNCTIONS, World, mapping
from tests.support import ALL
from tests.support.clocks import Skipping
from tests.support.control_plane import ACCOUNT, REGION, ServedControlPlane, any_credentials, served
from tests.support.stack import Sessions

CLOCK = Skipping()
"""Of the tool and of S3, so that waiting for S3 is over at once."""

EVENTS = ["s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectTagging:Put", "s3:LifecycleExpiration:Delete"]
PERMISSIONS: list[Any] = [
    "none", {"statement_id": "mine"}, {"source_account": None}, {"source_arn": "arn:aws:s3:::*"},
    {"statement_id": "mine", "source_account": None},
]  # fmt: skip
some_mapping = st.fixed_dictionaries(
    {
        "function_name": st.sampled_from(["f", "g", "f:live", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:h"]),
        "event_source_arn": st.sampled_from(["arn:aws:s3:::media", "arn:aws:s3:::logs"]),
        "events": st.lists(st.sampled_from(EVENTS[1:]), min_size=1, unique=True) | st.just(EVENTS[:1]),
    },
    optional={
        "filter_prefix": st.sampled_from(["", "in/", "in/a b+c", "<&>"]),
        "filter_suffix": st.sampled_from([".jpg", "ä"]),
        "id": st.sampled_from(["mine", "yours"]),
        "bucket_owner": st.just(ACCOUNT),
        "permission": st.sampled_from(PERMISSIONS),
        "lifecycle": st.just({"skip_destination_validation": True}),
    },
)


@pytest.fixture(scope="module")
def plane() -> Iterator[ServedControlPlane]:
    with served(direct=True, now=CLOCK.now) as embedded:
        yield embedded


@pytest.fixture(scope="module")
def sessions(plane: ServedControlPlane) -> Iterator[Sessions]:
    with pytest.MonkeyPatch.context() as patch:
        any_credentials(patch)
        yield Sessions(plane.endpoint, plane.attach)


@pytest.fixture
def world(tmp_path: Path, plane: ServedControlPlane, sessions: Sessions) -> Iterator[World]:
    made = World(tmp_path, plane, sessions)
    made.stack.clock = CLOCK
    made.write({})
    yield made
    plane.world.gone.clear()
    plane.troubles.propagation = 0.0
    plane.troubles.aborted.clear()
    plane.troubles.concurrent.clear()


def test_a_mapping_converges_through_all_changes(plane: ServedControlPlane, sessions: Sessions) -> None:
    @settings(
        deadline=None, derandomize=not ALL, max_examples=300 if ALL else 12,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )  # fmt: skip
    @given(st.lists(some_mapping, min_size=2, max_size=3), st.sampled_from([0.0, 2.0]))
    def check(story: list[dict[str, Any]], propagation: float) -> None:
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder), plane, sessions)
            world.stack.clock = CLOCK
            # With permission none, somebody else's statement admits the bucket.
            for function in FUNCTIONS:
                world.api.permit(function, StatementId="wide", SourceArn="arn:aws:s3:::*")
            plane.troubles.propagation = propagation
            CLOCK.sleep(60)
            world.write({})
            foreign = world.foreign()
            for item in story:
                world.applied({"it": item})
                world.stack.assert_in_sync()
                assert world.wrong(foreign) == []
            world.applied({})
            assert world.wrong(foreign) == []
            assert world.ours() == (set(), set())

    check()
    plane.troubles.propagation = 0.0


def test_simultaneous_writes_of_others_delay_an_apply(world: World) -> None:
    world.plane.troubles.aborted["media"] = 2
    world.plane.troubles.concurrent["f"] = 2

    world.applied({"a": mapping()})

    assert world.wrong(world.foreign()) == []


def test_an_entry_that_s3_refuses_does_not_stop_the_others_of_its_bucket(world: World) -> None:
    """Only its own statement is not enough, although this run has written it."""
    foreign = world.foreign()
    world.write({"a": mapping(), "b": mapping("g", prefix="out/", permission={"source_account": "999999999999"})})

    outcomes = {item.change.name: item for item in world.apply().outcomes}

    assert outcomes["a"].clean
    assert "Not authorized to invoke function" in outcomes["b"].detail
    assert {key.id.split("-")[1] for key in world.state.managers()} == {"a"}
    entries, statements = world.ours()
    assert len(entries) == 1
    assert {function for function, _ in statements} == {"f"}
    world.write({"a": mapping()})
    assert world.wrong(foreign) == []


def test_s3_sees_a_statement_late_while_another_entry_is_refused(world: World) -> None:
    world.plane.troubles.propagation = 5.0
    world.api.permit("h", StatementId="foreign", SourceArn="arn:aws:s3:::elsewhere")
    world.write({"a": mapping(), "b": mapping("h", prefix="out/", permission="none")})

    outcomes = {item.change.name: item for item in world.apply().outcomes}

    assert outcomes["a"].clean
    assert "Not authorized to invoke function" in outcomes["b"].detail


def test_a_foreign_entry_without_destination_stops_what_is_written_and_not_what_is_removed(world: World) -> None:
    world.applied({"a": mapping(), "b": mapping(prefix="out/")})
    foreign = world.foreign()
    world.plane.world.gone.add("other")
    world.write({"a": mapping(prefix="new/"), "b": mapping(prefix="out/")})

    [outcome] = [item for item in world.apply().outcomes if not item.clean]

    assert "[arn:aws:lambda:eu-west-1:123456789012:function:other]" in outcome.detail
    assert "skip_destination_validation: true" in outcome.hint
    world.applied(
        {"a": mapping(prefix="new/", lifecycle={"skip_destination_validation": True}), "b": mapping(prefix="out/")}
    )
    world.applied({})
    world.plane.world.gone.clear()
    assert world.foreign() == foreign


def test_what_is_kept_in_a_bucket_that_was_deleted_is_gone(world: World) -> None:
    world.applied({"a": mapping(), "b": mapping(bucket="logs")})
    world.plane.world.gone.add("logs")

    world.applied({"a": mapping()})

    assert set(world.state.mappings) == {"a"}


def test_a_chosen_id_beside_another_filter_is_one_write(world: World) -> None:
    """The old entry and the new one do not overlap, so that both could be there at once."""
    world.applied({"a": mapping()})
    world.plane.requests.clear()

    world.applied({"a": mapping(prefix="new/", id="mine")})

    assert [path for method, path, _ in world.plane.requests if method == "PUT"] == ["/media?notification"]
    assert world.ours()[0] == {"media/mine"}


def test_calls_that_would_wait_for_each_other_are_refused_in_a_sentence(world: World) -> None:
    """Each of two buckets has to be written after the other one."""
    world.applied(
        {
            "a": mapping("f", "media", "a/"), "c": mapping("f", "logs", "c/"),
            "b": mapping("f", "logs", "b/"), "d": mapping("f", "media", "d/"),
        }
    )  # fmt: skip
    world.write(
        {
            "a": mapping("f", "logs", "c/"), "c": mapping("f", "logs", "x/"),
            "b": mapping("f", "media", "d/"), "d": mapping("f", "media", "y/"),
        }
    )  # fmt: skip

    with pytest.raises(RefusedError) as refused:
        world.apply()

    [problem] = refused.value.problems
    assert isinstance(problem, Problem)
    assert problem.message.startswith("these changes block each other")
    assert "--target" in problem.hint
