"""Commands that are printed for people, with the ids of mappings in them."""

from __future__ import annotations

from provisioner.environment import command_line
from provisioner.kinds.ids import text_of
from provisioner.model.key import LAMBDA, Key


def import_line(name: str, key: Key, *, states_region: bool = False) -> str:
    """The command that imports a mapping under a name; with `states_region` it has the mapping's region, which an import
    does not know of a name that the manifest lacks. An id that cannot be printed is left open.
    """
    # Escaped, it would be the id of another mapping; as it is, it could command the terminal.
    ident = text_of(key) if key.id.isprintable() else "ID"
    if not states_region:
        return command_line("import", name, ident)
    if key.kind == LAMBDA:
        return command_line("import", name, f"{ident}@{key.region}")
    return command_line("import", name, ident, "--region", key.region)
