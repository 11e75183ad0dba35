"""Rules for the whole project: the documents are true, and only the command line prints and exits."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from provisioner import __version__, errors
from provisioner.cli.app import cli
from provisioner.manifest.schema import LimitsBlock, ProviderBlock, Root
from tests.support.workspace import Workspace, command, start_sandbox

TOP = Path(__file__).parents[2]
README = (TOP / "README.md").read_text(encoding="utf-8")
SOURCES = sorted((TOP / "provisioner").rglob("*.py"))


def commands(group: click.Group = cli, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, item in group.commands.items():
        if isinstance(item, click.Group):
            yield from commands(item, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", item


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_is_in_the_readme(name: str) -> None:
    assert f"`{name}" in README


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_has_help(name: str) -> None:
    done = subprocess.run(command(*shlex.split(name), "--help"), capture_output=True, text=True, check=True)

    assert "Usage: provisioner" in done.stdout


def test_every_flag_is_in_the_readme() -> None:
    everywhere = {"--file", "--quiet", "--help"}
    flags = {flag for _, item in commands() for option in item.params for flag in option.opts if flag.startswith("--")}

    assert {flag for flag in flags - everywhere if flag not in README} == set()


def test_every_manifest_key_is_in_the_readme() -> None:
    keys = [*Root.model_fields, "include", *ProviderBlock.model_fields, *LimitsBlock.model_fields]

    assert [key for key in keys if f"`{key}" not in README] == []


def test_every_exit_code_is_in_the_readme() -> None:
    codes = {
        item.exit_code
        for item in vars(errors).values()
        if isinstance(item, type) and issubclass(item, errors.ProvisionerError)
    }

    assert [code for code in codes | {0, 2, 3, 130} if f"| {code} |" not in README] == []


@pytest.mark.parametrize("page", sorted((TOP / "docs").rglob("*.md")), ids=lambda page: page.name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:[a-z_0-9]+/)+[a-z_0-9.]*)`", text) + re.findall(r"\]\(([^)#:]+)\)", text)

    places = (TOP, TOP / "provisioner", page.parent)
    assert [name for name in named if not any((place / name).exists() for place in places)] == []


def _anchors(page: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", (TOP / page).read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


CITED = re.compile(
    r"(?:docs/)?((?:aws/)?(?:architecture|kinds|updates|identity|lifecycle|errors|tags|push|permissions)\.md)(?:#([a-z0-9-]+))?"
)


def test_every_citation_resolves() -> None:
    pages = {path.relative_to(TOP / "docs").as_posix() for path in (TOP / "docs").rglob("*.md")}
    for path in (*SOURCES, *(TOP / "tests").rglob("*.py"), *(TOP / "docs").rglob("*.md")):
        for page, anchor in CITED.findall(path.read_text(encoding="utf-8")):
            target = page if page in pages else f"aws/{page}"
            assert target in pages, f"{path}: {page}"
            assert not anchor or anchor in _anchors(f"docs/{target}"), f"{path}: {page}#{anchor}"


def test_no_citation_leads_out_of_the_repository() -> None:
    # Names of documents that this repository does not have: what is refused, not cited.
    absent = re.compile(
        r"aws-behaviour|design section|recordings \d|\bux [A-Z]\.\d|filters-facts|preflight-facts|push-behaviour"
    )
    texts = {path: path.read_text(encoding="utf-8") for path in (*SOURCES, *(TOP / "tests").rglob("*.py"))}

    assert [path for path, text in texts.items() if absent.search(text) and path != Path(__file__)] == []


def test_every_error_is_in_the_tree_at_its_top() -> None:
    names = [item.__name__ for item in vars(errors).values() if isinstance(item, type) and issubclass(item, Exception)]

    assert [name for name in names if name not in (errors.__doc__ or "")] == []


def test_the_readmes_first_manifest_gives_the_plan_that_it_shows(tmp_path: Path) -> None:
    manifest = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    shown = re.search(r"\$ provisioner plan\n(Account.*?)```", README, re.DOTALL)
    assert manifest
    assert shown
    sandbox = start_sandbox("--seed", str(TOP / "examples/quickstart/seed.yaml"))
    workspace = Workspace(tmp_path, sandbox, sandbox.client())
    workspace.write_text(manifest[1])

    assert re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:4599", workspace.run("plan").out) == shown[1]
    workspace.apply()
    workspace.assert_in_sync()
    sandbox.process.terminate()
    sandbox.process.wait()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(TOP)))
def test_only_the_command_line_prints_and_exits(path: Path) -> None:
    if path.parent.name == "cli":
        return
    called = {
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    }

    assert called & {"print", "sys.exit", "exit", "os._exit"} == set()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(TOP)))
def test_only_waiting_sleeps(path: Path) -> None:
    assert path.name == "wait.py" or "time.sleep" not in path.read_text(encoding="utf-8")


def loaded(*arguments: str) -> set[str]:
    """The modules that a command has loaded when it ends."""
    code = (
        f"import sys; sys.argv = {['provisioner', *arguments]!r}\n"
        "from provisioner.cli import main\n"
        "try: main()\n"
        "finally: print(*sys.modules, file=sys.stderr)"
    )
    here = TOP / "examples/quickstart"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=here)
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [("--help",), ("version",), ("plan", "--help")])
def test_help_and_version_load_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert loaded(*arguments) & {"boto3", "botocore", "pydantic", "deepdiff", "yaml", "rich"} == set()


@pytest.mark.parametrize("arguments", [("validate",), ("show", "--resolved"), ("schema",), ("graph",), ("policy",)])
def test_what_only_reads_the_manifest_loads_nothing_of_aws(arguments: tuple[str, ...]) -> None:
    assert loaded(*arguments) & {"boto3", "botocore", "deepdiff", "rich", "ruamel"} == set()


def test_looking_at_the_state_loads_no_deepdiff() -> None:
    assert "deepdiff" not in loaded("state", "list")


def test_the_version_is_reported() -> None:
    done = subprocess.run(command("version", "--json"), capture_output=True, text=True, check=True)

    assert done.stdout == f'{{"version": "{__version__}"}}\n'
