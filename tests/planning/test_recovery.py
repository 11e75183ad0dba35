"""What becomes of a call that was interrupted: decided by what has the same function and source, and by its tags."""

from __future__ import annotations

from dataclasses import replace

from provisioner.kinds.uniqueness import pair
from provisioner.model.key import LAMBDA, S3, Key
from provisioner.model.live import Live, Owner, Status
from provisioner.model.sources import SourceKind
from provisioner.model.state import Deposed, Intent, Record, State, Statement
from provisioner.planning.recovery import recover, unresolved_creates

OLD, NEW = (f"{number:08d}-1111-2222-3333-444455556666" for number in (1, 2))
MAPPING = {"function_name": "f", "event_source_arn": "arn:aws:sqs:eu-west-1:123456789012:q"}
PAIR = pair(MAPPING, "eu-west-1")
CREATE = Intent("t", "create", "a", PAIR)
EMPTY = State("test", "lineage")
RECORD = Record(
    Key(LAMBDA, "eu-west-1", OLD), "arn", {**MAPPING, "event_source_arn": "arn:aws:sqs:eu-west-1:123456789012:r"}
)
FOUND = Live(
    Key(LAMBDA, "eu-west-1", NEW),
    "arn-new",
    SourceKind.SQS,
    MAPPING,
    Status("Enabled"),
    owner=Owner("test", "lineage", "a"),
)


def test_what_bears_our_lineage_is_taken_over_wanted_or_not() -> None:
    recovery = recover(EMPTY, [CREATE], {"t": FOUND})

    assert recovery.state.mappings == {"a": Record(Key(LAMBDA, "eu-west-1", NEW), "arn-new", MAPPING)}
    assert recovery.notices == (
        f"an apply was interrupted while creating a; it created {NEW}, which was added to the state",
    )


def test_what_it_was_to_replace_is_still_to_be_deleted() -> None:
    intent = replace(CREATE, keys=(Key(LAMBDA, "eu-west-1", OLD),))
    state = EMPTY.with_record("a", replace(RECORD, protected=True))

    taken = recover(state, [intent], {"t": FOUND}).state.mappings["a"]

    assert (taken.key.id, taken.deposed, taken.protected) == (NEW, (Deposed(Key(LAMBDA, "eu-west-1", OLD)),), True)


def test_what_is_not_there_is_not_made_up() -> None:
    recovery = recover(EMPTY, [CREATE], {})

    assert recovery.state == EMPTY
    assert recovery.notices == ("an apply was interrupted while creating a; AWS has no such mapping",)


def test_what_is_not_provably_ours_is_left_alone() -> None:
    for owner in (None, Owner("other", "elsewhere", "a"), Owner("test", "elsewhere", "a")):
        recovery = recover(EMPTY, [CREATE], {"t": replace(FOUND, owner=owner)})

        assert recovery.state == EMPTY
        assert "not touched" in recovery.notices[0]


def test_what_another_name_manages_stays_with_it() -> None:
    state = EMPTY.with_record("b", Record(Key(LAMBDA, "eu-west-1", NEW), "arn", MAPPING))

    assert recover(state, [CREATE], {"t": FOUND}).state == state


def test_only_creates_are_looked_for_and_the_rest_is_reported() -> None:
    update = Intent("u", "update", "a", PAIR, (OLD,))

    assert unresolved_creates([CREATE, update]) == {"t": CREATE}
    assert recover(EMPTY, [update], {}).notices == ("an apply was interrupted (update of a); comparing with AWS again",)


def test_what_it_makes_is_as_protected_as_it_was_to_be() -> None:
    intent = replace(CREATE, protected=True)

    assert recover(EMPTY, [intent], {"t": FOUND}).state.mappings["a"].protected


def test_an_entry_that_is_to_be_replaced_keeps_the_statement_by_which_it_was_applied() -> None:
    """The other statement of the record is one that an earlier call has left."""
    content = {"principal": "s3.amazonaws.com"}
    applied, left, new = (Statement(function, "eu-west-1", "mine", content) for function in ("f", "g", "h"))
    mapping = {"function_name": "f", "permission": {"statement_id": "mine", **content}}
    old, made = Key(S3, "eu-west-1", "media/old"), Key(S3, "eu-west-1", "media/new")
    state = EMPTY.with_record("a", Record(old, "arn", mapping, statement=left))
    intent = Intent("t", "create", "a", PAIR, (old,), kind=S3, makes=made, statement=new)

    record = recover(state, [intent], {}).state.mappings["a"]

    assert (record.key, record.statement, record.deposed) == (made, new, (Deposed(old, applied),))
