"""What becomes of the statements in function policies that the mappings of a plan need (docs/architecture.md#statements).

Mappings that need an equal statement share it. It is added by the first change that needs it, and removed by the change
after which no record needs it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from provisioner.kinds import invocation_of, kind_of_change
from provisioner.kinds.policies import POLICY_LIMIT, Policy, content_of
from provisioner.kinds.statements import is_ours_by_name, statement_of
from provisioner.model.canonical import Canonical
from provisioner.model.plan import Action, Change, Problem, StatementChange
from provisioner.model.state import Deposed, Record, State, Statement
from provisioner.planning.reading import Reading

Place = tuple[str, str, str]
"""Where a statement is: function with its qualifier, region, and the statement's id."""


def place_of(statement: Statement | StatementChange) -> Place:
    """Where a statement is."""
    return statement.function, statement.region, statement.id


def recorded_statements(record: Record | None) -> tuple[Statement, ...]:
    """The statements that a record holds: that of the values that were applied, and the one that a call was about to write
    when it was interrupted. Those of what it deposed are apart.
    """
    if record is None:
        return ()
    held = (statement_of(record.applied, record.key.region), record.statement)
    return tuple({place_of(item): item for item in held if item}.values())


def idle_statement(record: Record | None) -> Statement | None:
    """The statement that an earlier apply left in a record, whose mapping was not applied by it."""
    left = record.statement if record else None
    return left if record and left != statement_of(record.applied, record.key.region) else None


def deposed_of(record: Record) -> Deposed:
    """What a record has, as still to be deleted: the mapping with the statement by which it was applied. One that an earlier
    call has left goes before the mapping is replaced, or is what the new one needs.
    """
    held = recorded_statements(record)
    return Deposed(record.key, held[0] if held else None)


def all_statements(record: Record) -> tuple[Statement, ...]:
    """The statements that a record holds, with those of what it deposed."""
    return (*recorded_statements(record), *(item.statement for item in record.deposed if item.statement))


def needed_statement(change: Change) -> Statement | None:
    """The statement that the mapping of a change needs when the change is done."""
    return statement_of(change.desired, change.region) if change.desired else None


@dataclass(slots=True)
class _Use:
    """Who needs one statement after a plan, and who does no longer."""

    statement: Statement
    before: Canonical | None
    needed_by: list[str] = field(default_factory=list)
    released_by: list[str] = field(default_factory=list)


def statement_changes(changes: Sequence[Change], state: State, reading: Reading) -> tuple[StatementChange, ...]:
    """Each statement that the changes need or release, sorted by function and id. One that a mapping needs which is not
    among the changes stays, and so does one by which a foreign entry of the source is invoked.
    """
    uses: dict[Place, _Use] = {}
    recorded = {place_of(item): item for record in state.mappings.values() for item in all_statements(record)}

    def use_of(statement: Statement) -> _Use:
        place, policy = place_of(statement), reading.policies.get((statement.region, statement.function))
        # Of a policy that was not read, what the state has is assumed to be there.
        assumed = content_of(recorded[place]) if place in recorded else None
        before = policy.content_of(statement.id) if policy else assumed
        return uses.setdefault(place, _Use(statement, before))

    for change in changes:
        if needed := needed_statement(change):
            use = use_of(needed)
            use.statement = needed  # with the content that it is to have
            use.needed_by.append(change.key)
    names = {name for change in changes for name in (change.name, change.moved_from)}
    kept = {
        place_of(statement)
        for name, record in state.mappings.items()
        if name not in names
        for statement in all_statements(record)
    }
    for change in changes:
        for statement in ended_statements(change):
            place = place_of(statement)
            if place not in kept and not (place in uses and uses[place].needed_by):
                use_of(statement).released_by.append(change.key)
    ours = {*state.managers(), *(change.adopts for change in changes if change.adopts)}
    # The sources and functions of the entries that stay and that this state does not manage.
    foreign = {
        (live.mapping.get("event_source_arn", ""), live.mapping.get("function_name", ""))
        for key, live in reading.entries.items()
        if key not in ours
    }
    made = [
        _change(use)
        for use in uses.values()
        if use.needed_by or (use.before is not None and not _serves_others(use.statement, foreign, state, reading))
    ]
    return tuple(sorted(made, key=lambda item: (item.region, item.function, item.id)))


def _change(use: _Use) -> StatementChange:
    statement, after = use.statement, content_of(use.statement) if use.needed_by else None
    if after is None:
        action = Action.DELETE
    elif use.before is None:
        action = Action.CREATE
    else:
        action = Action.NO_OP if use.before == after else Action.REPLACE
    return StatementChange(
        statement.function,
        statement.region,
        statement.id,
        action,
        use.before,
        after,
        tuple(use.needed_by),
        tuple(use.released_by),
    )


def ended_statements(change: Change) -> Iterator[Statement]:
    """The statements of which a change ends the use, as far as the change is concerned."""
    if not change.calls_aws:
        return
    if change.deposed and change.record:
        yield from (item.statement for item in change.record.deposed if item.key == change.existing and item.statement)
        return
    needed = needed_statement(change)
    for statement in recorded_statements(change.record):
        if needed is None or place_of(statement) != place_of(needed):
            yield statement


def _serves_others(statement: Statement, foreign: set[tuple[str, str]], state: State, reading: Reading) -> bool:
    """Whether a statement that no record needs must stay: a foreign entry of its source invokes the function, and either
    the statement was not made by this state or nothing else lets the source invoke the function.
    """
    if (statement.applied.get("source_arn", ""), statement.function) not in foreign:
        return False
    policy = reading.policies.get((statement.region, statement.function), Policy())
    return not is_ours_by_name(statement.id, state.lineage) or set(policy.admits(statement.applied)) <= {statement.id}


def policy_problems(statements: Iterable[StatementChange], reading: Reading) -> list[Problem]:
    """A problem for each function whose policy would be larger than AWS allows (docs/aws/push.md#function-policies)."""
    added: defaultdict[tuple[str, str], list[StatementChange]] = defaultdict(list)
    for item in statements:
        if item.action is Action.CREATE:
            added[item.region, item.function].append(item)
    problems = []
    for place, items in added.items():
        policy = reading.policies.get(place, Policy())
        size = policy.size_with(Statement(item.function, item.region, item.id, item.after or {}) for item in items)
        if size > POLICY_LIMIT:
            names = ", ".join(dict.fromkeys(key for item in items for key in item.needed_by))
            hint = (
                "let one statement admit several sources: set `permission: {source_arn: ...}` with a wildcard, or remove "
                "statements that are no longer needed"
            )
            problems.append(
                Problem(
                    names,
                    f"the policy of {items[0].function} would have {size} characters; AWS allows {POLICY_LIMIT}",
                    hint,
                )
            )
    return problems


def removed_places(statements: Iterable[StatementChange]) -> set[Place]:
    """Where the statements are that a plan removes."""
    return {place_of(item) for item in statements if item.action is Action.DELETE}


def permission_notes(change: Change, removed: Collection[Place], reading: Reading, account: str) -> Iterator[str]:
    """What a reader of the plan should know of the permission of a mapping that its source keeps. `removed` is where the
    statements are that the plan removes.
    """
    if change.desired is None or not change.calls_aws:
        return
    policy = reading.policies.get((change.region, change.desired.get("function_name", "")))
    if policy is None:
        return
    needed = needed_statement(change)
    admitting = [
        name
        for name in policy.admits(invocation_of(kind_of_change(change), change.desired, account))
        if (change.desired.get("function_name"), change.region, name) not in removed
    ]
    if needed is None and not admitting:
        yield "permission is none, and no statement of the function's policy lets the source invoke the function"
    others = [name for name in admitting if needed and name != needed.id]
    if others and needed and not policy.has(needed.id):
        yield f"the function's policy already admits the source ({', '.join(others)}); a statement of its own is added"
