"""Whose a mapping is, by its tags: what must not be changed although it is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from provisioner.environment import command_line
from provisioner.model.key import Key
from provisioner.model.live import Live
from provisioner.model.plan import Action, Change, Problem


def foreign(changes: Iterable[Change], live: Mapping[Key, Live], lineage: str) -> list[Problem]:
    """A problem for each change of a mapping whose tags name another owner than this state, and than the one that its
    import accepted: a state or a saved plan that was merged or edited can hold another stack's mapping.

    A mapping without ownership tags is nobody's, and ours to change. `live` are the mappings as they were read last.
    """
    problems = []
    for change in changes:
        if change.existing is None or change.action not in (Action.UPDATE, Action.REPLACE, Action.DELETE):
            continue
        now = live.get(change.existing, change.live)
        imported = change.accepted_owner or (change.record.owner if change.record else None)
        accepted = {lineage, imported.lineage if imported else lineage}
        if now and now.owner and now.owner.lineage not in accepted:
            line = command_line("state", "rm", change.name)
            hint = (
                f"if the state is wrong, forget the record with `{line}`; to manage the mapping here, import it again"
            )
            message = f"according to its tags, {now.key} belongs to stack {now.owner.stack or 'unknown'}"
            problems.append(Problem(change.name, message, hint))
    return problems
