"""Decides about the calls that an interrupted apply did not finish. Pure; `execution/lookup.py` reads what it needs
from AWS.

Only a create can leave a mapping that no state has: its UUID is new. It is looked for by function and source, and
recorded when its tags have this state's lineage. Of a mapping whose id planning chose, the intent has all that the state
needs. Every other unfinished call is seen when state and AWS are compared again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from provisioner.model.live import Live
from provisioner.model.state import Intent, Record, State
from provisioner.planning.record import begun_record
from provisioner.planning.statements import deposed_of

CREATE = "create"


@dataclass(frozen=True, slots=True)
class Recovery:
    """The state with the mappings that the unfinished calls made, and notices for the user."""

    state: State
    notices: tuple[str, ...] = ()


def unresolved_creates(intents: Sequence[Intent]) -> dict[str, Intent]:
    """The creates among these intents whose mapping got its id from AWS, by token: the only ones that are looked for."""
    return {intent.token: intent for intent in intents if intent.action == CREATE and intent.makes is None}


def recover(state: State, intents: Sequence[Intent], holders: Mapping[str, Live]) -> Recovery:
    """The state after each unresolved intent is decided, with notices. `holders` are the mappings that hold an intent's
    function and source, by token, with their tags. Unlike `rebuild.rebuild`, only a mapping with this state's lineage
    is recorded: what holds the pair may be somebody else's.
    """
    notices = []
    sought = unresolved_creates(intents)
    nothing = [intent.name for token, intent in sought.items() if token not in holders]
    for intent in intents:
        if intent.token in holders:
            state, line = _created(state, intent, holders[intent.token])
            notices.append(line)
        # The id is known, and whether the mapping is there is seen when state and AWS are compared.
        elif intent.makes and state.managers().get(intent.makes, intent.name) == intent.name:
            state = state.with_record(intent.name, begun_record(intent, state.mappings.get(intent.name)))
    others = [f"{intent.action} of {intent.name}" for intent in intents if intent.token not in sought]
    if nothing:
        notices.append(f"an apply was interrupted while creating {', '.join(nothing)}; AWS has no such mapping")
    if others:
        notices.append(f"an apply was interrupted ({', '.join(others)}); comparing with AWS again")
    return Recovery(state, tuple(notices))


def _created(state: State, intent: Intent, live: Live) -> tuple[State, str]:
    interrupted = f"an apply was interrupted while creating {intent.name}"
    manager = state.managers().get(live.key)
    # Two records of one UUID would make two changes of one mapping.
    if manager:
        return state, f"{interrupted}; its function and source belong to {manager} ({live.key})"
    if live.owner is None:
        return state, f"{interrupted}; {live.key} has no ownership tags of this stack; it is not touched"
    if live.owner.lineage != state.lineage:
        return state, f"{interrupted}; {live.key} belongs to stack {live.owner.stack}; it is not touched"
    old = state.mappings.get(intent.name)
    record = Record(live.key, live.arn, live.as_left, intent.protected)
    if old:
        # The create was that of a replacement, or the name has another record by now: its mapping is still to be
        # deleted.
        deposed = (*old.deposed, deposed_of(old))
        record = replace(record, protected=old.protected or intent.protected, deposed=deposed)
    return state.with_record(intent.name, record), f"{interrupted}; it created {live.key}, which was added to the state"
