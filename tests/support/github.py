"""GitHub's API as far as scripts use it through `gh api`: pull requests, issues and comments, in a file.

Run as a program it is `gh`. It answers in pages of two, shows nothing behind the first without --paginate, and does
only what the job's permissions allow.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jq

REPOSITORY = "ORG/REPO"
WORKFLOW = "github-actions[bot]"
LONGEST = 65_536
PAGE = 2


@dataclass
class GitHub:
    """One repository. An item is an issue or a pull request: they share their numbers."""

    file: Path
    items: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> GitHub:
        return cls(file, **json.loads(file.read_text(encoding="utf-8"))) if file.exists() else cls(file)

    def store(self) -> None:
        self.file.write_text(json.dumps({"items": self.items, "comments": self.comments}, indent=1), encoding="utf-8")

    def open(self, author: str = WORKFLOW, **members: Any) -> dict[str, Any]:
        item = {"number": len(self.items) + 1, "state": "open", "user": {"login": author}, "body": None, **members}
        self.items.append(item)
        return item

    def comment(self, number: int, body: str, author: str = WORKFLOW) -> dict[str, Any]:
        made = {"id": 1000 + len(self.comments), "on": number, "body": body, "user": {"login": author}}
        self.comments.append(made)
        return made

    def answer(self, method: str, path: str, fields: dict[str, str]) -> list[Any]:
        """What a request is answered with: the items of a list."""
        assert len(fields.get("body", "")) <= LONGEST, "422: body is too long"
        parts = urlsplit(path)
        match method, parts.path.removeprefix(f"repos/{REPOSITORY}/").split("/"):
            case "GET", ["issues"]:
                [state] = parse_qs(parts.query)["state"]
                return [item for item in reversed(self.items) if item["state"] == state]
            case "POST", ["issues"]:
                return [self.open(**fields)]
            case "PATCH", ["issues", number]:
                self.items[int(number) - 1] |= fields
                return []
            case "GET", ["issues", number, "comments"]:
                return [item for item in self.comments if item["on"] == int(number)]
            case "POST", ["issues", number, "comments"]:
                return [self.comment(int(number), **fields)]
            case "PATCH", ["issues", "comments", ident]:
                [found] = [item for item in self.comments if item["id"] == int(ident)]
                found |= fields
                return []
            case "GET", ["commits", sha, "pulls"]:
                return [item for item in self.items if sha in item.get("commits", ())]
        raise AssertionError(f"404: {method} {path}")


def allowed(method: str, path: str, permissions: dict[str, str]) -> bool:
    """Whether the job's permissions allow a request (docs.github.com, "Permissions required for GitHub Apps")."""
    enough = {"write"} if method != "GET" else {"read", "write"}
    needed = ["issues", "pull-requests"] if path.endswith("comments") or "/issues/comments/" in path else ["issues"]
    needed = ["pull-requests"] if path.endswith("/pulls") else needed
    return any(permissions.get(name) in enough for name in needed)


def main() -> None:
    """`gh api`."""
    parser = argparse.ArgumentParser(prog="gh")
    parser.add_argument("command", choices=["api"])
    parser.add_argument("path")
    parser.add_argument("--method", default="GET")
    parser.add_argument("--jq")
    parser.add_argument("--paginate", action="store_true")
    parser.add_argument("--silent", action="store_true")
    parser.add_argument("--field", action="append", default=[])
    parser.add_argument("--raw-field", action="append", default=[])
    given = parser.parse_args()
    fields = dict(item.split("=", 1) for item in given.raw_field)
    for name, value in (item.split("=", 1) for item in given.field):
        fields[name] = Path(value[1:]).read_text(encoding="utf-8") if value.startswith("@") else value
    assert os.environ["GH_TOKEN"], "gh: not signed in"
    if not allowed(given.method, given.path.partition("?")[0], json.loads(os.environ["GH_PERMISSIONS"])):
        sys.exit("gh: Resource not accessible by integration (HTTP 403)")
    github = GitHub.read(Path(os.environ["GH_FILE"]))
    found = github.answer(given.method, given.path, fields)
    github.store()
    pages = [found[start : start + PAGE] for start in range(0, len(found), PAGE)] or [[]]
    for page in pages if given.paginate else pages[:1]:
        for value in jq.compile(given.jq or ".").input_value(page).all():
            if not given.silent:
                sys.stdout.write((value if isinstance(value, str) else json.dumps(value)) + "\n")


if __name__ == "__main__":
    main()
