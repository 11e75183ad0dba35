"""Playbooks, roles and files of tasks: the tasks that they run, with the variables that each has. Only what is below the
folder of the playbook is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from provisioner.convert.below import is_below, is_file_below
from provisioner.convert.conversion import Conversion
from provisioner.convert.documents import documents, listed, members_of, text_at, text_of_file
from provisioner.convert.formats.ansible.values import Scope
from provisioner.convert.unknown import has_unknown, readable
from provisioner.errors import UsageError
from provisioner.manifest.node import Node

_COLLECTIONS: Final = ("", "amazon.aws", "community.aws", "ansible.builtin", "ansible.legacy")
_BLOCKS: Final = ("block", "always")
_LOOPS: Final = ("loop", "with_items", "with_list", "with_dict")
_GROUPS: Final = ("group/aws", "group/amazon.aws.aws", "group/community.aws.aws")
_DEEPEST: Final = 20


@dataclass(frozen=True, slots=True)
class Task:
    """A task that runs: its module without the collection, its arguments without expressions, and what is noted of it."""

    name: str
    module: str
    node: Node
    arguments: Mapping[str, Node]
    environment: Mapping[str, Node]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        return f"task {self.name or self.module}"


def module_of(name: str) -> str:
    """The name of a module without its collection; "" for one of a collection that is not known here."""
    collection, _, short = name.rpartition(".")
    return short if collection in _COLLECTIONS else ""


@dataclass(slots=True)
class _Context:
    """Where tasks are: `top` is the folder of the playbook, `folders` are searched for what is included, `role` is that of a
    role, or None.
    """

    top: Path
    folders: tuple[Path, ...]
    scope: Scope
    defaults: Mapping[str, Node] = field(default_factory=dict)
    environment: Mapping[str, Node] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    role: Path | None = None
    depth: int = 0


@dataclass(slots=True)
class Playbooks:
    """Walks through the files."""

    conversion: Conversion
    modules: frozenset[str]

    def tasks(self, document: Node) -> Iterator[Task]:
        """The tasks of a playbook or of a file of tasks whose module is one of `modules`."""
        folder = Path(document.file).parent
        context = _Context(folder, (folder,), Scope(self.conversion, {}))
        yield from self._document(document, context)

    def _document(self, document: Node, context: _Context) -> Iterator[Task]:
        for node in document.value if isinstance(document.value, list) else ():
            members = {name.removeprefix("ansible.builtin."): item for name, item in members_of(node).items()}
            if "hosts" in members:
                yield from self._play(node, members, context)
            elif "import_playbook" in members:
                inner = replace(self._within(context, node), depth=context.depth + 1)
                for found in self._included(members["import_playbook"], node, inner, ""):
                    yield from self._document(found, inner)
            else:
                yield from self._run([node], context)

    # --- plays and roles ---

    def _play(self, node: Node, members: Mapping[str, Node], context: _Context) -> Iterator[Task]:
        scope = context.scope
        hosts = members["hosts"].value
        names = hosts if isinstance(hosts, str) else ""
        for name in ("group_vars/all", *(f"{kind}_vars/{names}" for kind in ("group", "host") if names.isidentifier())):
            folder = context.top / name
            files = sorted(folder.iterdir()) if folder.is_dir() else [self._first(folder.parent, folder.name)]
            for file in files:
                if file and file.is_file() and is_below(context.top, file):
                    scope = scope.with_(self._variables_in(file))
        scope = scope.with_(_variables(members.get("vars")))
        for item in listed(members.get("vars_files")):
            choices = item.value if isinstance(item.value, list) else [item]
            inner = replace(context, scope=scope)
            found = next((path for choice in choices if (path := self._path(choice, inner, "vars"))), None)
            if found:
                scope = scope.with_(self._variables_in(found))
            else:
                self._leave_out(item, "a file of variables", item)
        inner = self._within(replace(context, scope=scope), node)
        yield from self._list(members.get("pre_tasks"), inner)
        for role in listed(members.get("roles")):
            yield from self._role(role, inner)
        for name in ("tasks", "post_tasks"):
            yield from self._list(members.get(name), inner)

    def _role(self, node: Node, context: _Context, tasks_from: str = "main") -> Iterator[Task]:
        """The tasks of a role, after those of the roles that it depends on."""
        parts = members_of(node)
        name_node = node if isinstance(node.value, str) else parts.get("role") or parts.get("name")
        name = context.scope.rendered(name_node).value if name_node else None
        path = context.top / "roles" / str(name)
        if not isinstance(name, str) or has_unknown(name) or not is_below(context.top, path) or not path.is_dir():
            self._leave_out(node, "a role", name_node or node)
            return
        if context.depth > _DEEPEST:
            raise UsageError(f"{node.place()}: roles and files include each other more than {_DEEPEST} times")
        given = {key: item for key, item in parts.items() if key not in ("role", "name", "vars", "when", "tags")}
        defaults = self._variables_in(self._first(path / "defaults", "main"))
        own = {**self._variables_in(self._first(path / "vars", "main")), **given, **_variables(parts.get("vars"))}
        scope = replace(context.scope, variables={**defaults, **context.scope.variables}).with_(own)
        folders = (path / "tasks", path, *context.folders)
        inner = self._within(
            replace(context, scope=scope, folders=folders, role=path, depth=context.depth + 1), node, with_vars=False
        )
        meta = self._first(path / "meta", "main")
        for document in self._read(meta):
            for role in listed(members_of(document).get("dependencies")):
                yield from self._role(role, inner)
        for document in self._read(self._first(path / "tasks", tasks_from)):
            yield from self._list(document, inner)

    # --- tasks ---

    def _list(self, node: Node | None, context: _Context) -> Iterator[Task]:
        if node and isinstance(node.value, list):
            yield from self._run(node.value, context)

    def _run(self, nodes: list[Node], context: _Context) -> Iterator[Task]:
        """The tasks of a list. Those that set variables change the context."""
        for node in nodes:
            if any(name in members_of(node) for name in _BLOCKS):
                yield from self._block(node, context)
                continue
            name, arguments = _action(node)
            inner = self._within(context, node)
            if name in ("set_fact", "include_vars"):
                context.scope = context.scope.with_(self._facts(name, arguments, inner))
            elif name:
                for scope, notes in self._each(node, inner):
                    yield from self._one(node, name, arguments, replace(inner, scope=scope, notes=notes))
            if register := text_at(node, "register"):  # what AWS answered is not in the files
                known = {key: item for key, item in context.scope.variables.items() if key != register}
                context.scope = replace(context.scope, variables=known)

    def _block(self, node: Node, context: _Context) -> Iterator[Task]:
        members, inner = members_of(node), self._within(context, node)
        for name in _BLOCKS:
            yield from self._list(members.get(name), inner)
        for task in listed(members.get("rescue")):
            if _action(task)[0] in self.modules:
                self.conversion.leave_out(task.place(), "a task in rescue", "it runs only after a failure")

    def _one(self, node: Node, name: str, arguments: Node, context: _Context) -> Iterator[Task]:
        """A task in one turn of its loop."""
        parts = members_of(arguments)
        if name in ("include_role", "import_role"):
            yield from self._role(
                arguments,
                context,
                text_at(arguments, "tasks_from").rpartition(".")[0] or text_at(arguments, "tasks_from") or "main",
            )
        elif name in ("include_tasks", "import_tasks", "include"):
            for document in self._included(parts.get("file", arguments), node, context, ""):
                folders = (Path(document.file).parent, *context.folders)
                yield from self._list(document, replace(context, folders=folders, depth=context.depth + 1))
        elif name in self.modules:
            common = [members_of(context.defaults.get(key)) for key in _GROUPS]
            own = [members_of(item) for key, item in context.defaults.items() if module_of(key) == name]
            merged: dict[str, Node] = {}
            for part in (*common, *own, parts, members_of(members_of(node).get("args"))):
                merged |= part
            rendered = {key: context.scope.rendered(item) for key, item in merged.items()}
            environment = {key: context.scope.rendered(item) for key, item in context.environment.items()}
            called = context.scope.rendered(node.holding(text_at(node, "name"))).value
            if not isinstance(arguments.value, dict) and arguments.value is not None:
                self.conversion.leave_out(node.place(), f"task {called or name}", "its arguments are a text")
                return
            yield Task(str(called), name, node, rendered, environment, context.notes)

    def _each(self, node: Node, context: _Context) -> Iterator[tuple[Scope, tuple[str, ...]]]:
        """The scopes of the turns of a loop, as far as they run, with what is noted of each."""
        members = members_of(node)
        scope, name = context.scope, text_at(node, "name") or "without a name"
        turns = [scope]
        if loop := next((key for key in _LOOPS if key in members), ""):
            items = _items(scope.rendered(members[loop]), loop)
            if items is None:
                why = f"its loop is not known: {readable(str(members[loop].plain()))}"
                self.conversion.leave_out(members[loop].place(), f"task {name}", why)
                return
            variable = text_at(members.get("loop_control"), "loop_var") or "item"
            turns = [scope.with_({variable: item}) for item in items]
        elif other := next((key for key in members if key.startswith("with_")), ""):
            self.conversion.leave_out(members[other].place(), f"task {name}", f"its loop is not known: {other}")
            return
        conditions = members.get("when")
        for turn in turns:
            notes = list(context.notes)
            for condition in conditions.value if conditions and isinstance(conditions.value, list) else [conditions]:
                if condition is None:
                    continue
                holds = turn.condition(condition.value, condition)
                if holds is False:
                    self.conversion.leave_out(condition.place(), f"task {name}", "its condition does not hold")
                    break
                if holds is None:
                    notes.append(f"it runs only when {readable(str(condition.plain()))}")
            else:
                yield turn, tuple(notes)

    def _facts(self, name: str, arguments: Node, context: _Context) -> Mapping[str, Node]:
        if name == "set_fact":
            found = {key: context.scope.rendered(item) for key, item in members_of(arguments).items()}
            return {key: item for key, item in found.items() if key != "cacheable"}
        path = self._path(members_of(arguments).get("file", arguments), context, "vars")
        if path is None:
            self._leave_out(arguments, "a file of variables", arguments)
            return {}
        return self._variables_in(path)

    # --- files ---

    def _within(self, context: _Context, node: Node, *, with_vars: bool = True) -> _Context:
        """The context inside a play, a block or a task."""
        members = members_of(node)
        variables = _variables(members.get("vars")) if with_vars else {}
        notes = list(context.notes)
        if any(name in members for name in (*_BLOCKS, "role", "hosts")) and "when" in members:
            notes.append(f"it runs only when {readable(str(members['when'].plain()))}")
        return replace(
            context,
            scope=context.scope.with_(variables),
            defaults={**context.defaults, **members_of(members.get("module_defaults"))},
            environment={**context.environment, **members_of(members.get("environment"))},
            notes=tuple(notes),
        )

    def _included(self, name: Node, node: Node, context: _Context, below: str) -> list[Node]:
        path = self._path(name, context, below)
        if path is None:
            self._leave_out(node, "an included file", name)
            return []
        if context.depth > _DEEPEST:
            raise UsageError(f"{node.place()}: files include each other more than {_DEEPEST} times")
        return self._read(path)

    def _path(self, name: Node, context: _Context, below: str) -> Path | None:
        """The file that a name means, where there is one below the folder."""
        text = context.scope.rendered(name).value
        if not isinstance(text, str) or has_unknown(text) or "\0" in text:
            return None
        roots = [*context.folders, *([context.role] if context.role else []), context.top]
        paths = [folder / part / text for folder in roots for part in dict.fromkeys((below, ""))]
        return next((path for path in paths if is_file_below(context.top, path)), None)

    def _first(self, folder: Path, stem: str) -> Path | None:
        return next(
            (path for end in (".yml", ".yaml", ".json", "") if (path := folder / f"{stem}{end}").is_file()), None
        )

    def _read(self, path: Path | None) -> list[Node]:
        if path is None:
            return []
        text = text_of_file(path)
        return [] if text.startswith("$ANSIBLE_VAULT;") else documents(text, str(path))

    def _variables_in(self, path: Path | None) -> dict[str, Node]:
        return {name: item for document in self._read(path) for name, item in members_of(document).items()}

    def _leave_out(self, node: Node, what: str, name: Node) -> None:
        why = f"{readable(str(name.plain()))} is not below the folder of the playbook"
        self.conversion.leave_out(node.place(), what, why)


INCLUDES: Final = frozenset(
    ("include_tasks", "import_tasks", "include", "include_role", "import_role", "include_vars", "set_fact")
)
AWS: Final = frozenset(("lambda_event", "s3_bucket_notification", "sns_topic", "cloudwatchevent_rule"))
"""Modules of collections for AWS whose tasks say what invokes a function."""


def _action(node: Node) -> tuple[str, Node]:
    """The module of a task without its collection, and its arguments; "" for a module that is not known."""
    members = members_of(node)
    for name in ("action", "local_action"):
        if name in members:
            given = members[name]
            module = given.value.split(" ")[0] if isinstance(given.value, str) else text_at(given, "module")
            rest = {key: item for key, item in members_of(given).items() if key != "module"}
            return module_of(module), given.holding(rest)
    return next(
        ((short, item) for name, item in members.items() if (short := module_of(name)) in INCLUDES | AWS), ("", node)
    )


def _variables(node: Node | None) -> dict[str, Node]:
    """The variables of a map, or of a list of maps."""
    if node is not None and isinstance(node.value, list):
        return {name: item for part in node.value for name, item in members_of(part).items()}
    return dict(members_of(node))


def _items(node: Node, loop: str) -> list[Node] | None:
    """The items of a loop, or None where they are not known."""
    if loop == "with_dict" and isinstance(node.value, dict):
        return [item.holding({"key": item.holding(key), "value": item}) for key, item in node.value.items()]
    if not isinstance(node.value, list):
        return None
    if loop != "with_items":
        return node.value
    # One level of lists in it is taken apart.
    return [inner for item in node.value for inner in (item.value if isinstance(item.value, list) else [item])]
