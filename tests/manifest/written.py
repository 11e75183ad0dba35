"""Manifests as people write them: any order, any style, comments and empty lines everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from pydantic import BaseModel

from provisioner.manifest.schema import Entry, Root

NAMES = ("a", "b-c", "'q'", '"r s"', "été", "200", "k", "m", '"yes"')
SCALARS = (
    "plain", "12", "true", "null", "~", "1e3", "yes", "012", "'012'", "'yes'", '"double"', "'single'", '"${var.x}"', "'a: b'",
    "'a #b'", '"q\\"q"', '"b\\\\s"', '"\\u00e9\\n"', "'it''s'", "''", '"😀"', "'日本'", "a#b", "x:y", "'x:y'",
    "!!str 5", "'{\"a\": [1]}'",
    "'a,b'", "'[x'", "'- x'", "'.'", '"$LATEST"', "[]", "{}", "'-'", "'*x'", "''''", "2026-01-01", "'2026-01-01'",
)  # fmt: skip
FLOW = tuple(text for text in SCALARS if text not in ("a#b",))
GAPS = (" ", "  ", " \t")
REMARKS = ("note", "a: b", "tab\ttab", "- x", '"', "it's", "é 😀", "# #", "x: | y")
MULTILINE = ("plain over\n{}several\n\n{}lines", '"quoted  \n{}over\n\n{}lines"', "'quoted\n{}over # no comment'")


@dataclass
class Written:
    """A text, all its comments, and the keys that some of them stand beside and above."""

    text: str = ""
    comments: list[str] = field(default_factory=list)
    beside: dict[str, str] = field(default_factory=dict)
    above: dict[str, str] = field(default_factory=dict)


def written(random: Random) -> Written:
    """Some manifest."""
    return _Writing(random).manifest()


class _Writing:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.result = Written()
        self.anchors: list[str] = []
        self.plainly = random.random() < 0.3  # few comments and oddities
        self.merging = self.rarely()

    def manifest(self) -> Written:
        head = self.comment_lines(0) + "\n" if self.rarely() else ""
        head += self.random.choice(["", "", "", "---\n", "%YAML 1.1\n--- # c0 mark\n", "--- &root\n"])
        if "c0" in head:
            self.result.comments.append("# c0 mark")
        column = self.random.choice([0, 0, 0, 2])
        if self.merging:
            head += " " * column + "x-merge: &base { enabled: true, batch_size: 2 }\n"
        body = self.mapping(column, Root, 0, first=True)
        tail = self.comment_lines(0) + self.blank() if self.rarely() else ""
        tail += "...\n" if self.rarely() and self.rarely() else ""
        self.result.text = head + body + tail
        if self.rarely():
            self.result.text = self.result.text.rstrip("\n")
        return self.result

    def rarely(self) -> bool:
        return self.random.random() < (0.05 if self.plainly else 0.25)

    # --- comments and empty lines -------------------------------------------------------------------------------------

    def comment(self, beside: str = "", above: str = "") -> str:
        text = f"# c{len(self.result.comments) + 1} {self.random.choice(REMARKS)}."
        self.result.comments.append(text)
        if beside:
            self.result.beside[text] = beside
        if above:
            self.result.above[text] = above
        return text

    def spaces(self) -> str:
        return self.random.choice(["", "", " ", "   ", "\t"])

    def blank(self) -> str:
        return (
            "".join(" " * self.random.randrange(3) + "\n" for _ in range(self.random.randrange(1, 4)))
            if self.rarely()
            else ""
        )

    def comment_lines(self, column: int, above: str = "") -> str:
        lines = [
            f"{' ' * column}{self.comment(above=above)}{self.spaces()}\n{self.blank()}"
            for _ in range(self.random.randrange(1, 3))
        ]
        return self.blank() + "".join(lines)

    def eol(self, beside: str = "") -> str:
        return f"{self.random.choice(GAPS)}{self.comment(beside)}{self.spaces()}" if self.rarely() else self.spaces()

    # --- values -------------------------------------------------------------------------------------------------------

    def mapping(self, column: int, kind: object, depth: int, *, first: bool = False, compact: bool = False) -> str:
        """Lines of a block mapping at a column; of a compact one the first without its indentation."""
        parts = []
        for number, (key, below) in enumerate(self.keys(kind)):
            name = key.strip("\"'")
            lead = ""
            if not (compact and not number) and self.rarely():
                deepest = column + 3 if not number and not first else column
                place = self.random.choice([column, column, 0, deepest])
                # What stands above the first key of all may be the file's.
                lead = self.comment_lines(place, "" if number == 0 and first else name)
            if kind is Entry and self.merging and self.rarely() and parts:
                parts.append(" " * column + f"<<: *base{self.eol('<<')}\n")
            parts.append(
                lead
                + self.blank() * (not (compact and not number))
                + " " * column
                + self.entry(key, name, column, below, depth)
            )
        if self.rarely():
            parts.append(self.comment_lines(column))
        text = "".join(parts)
        return text[column:] if compact else text

    def keys(self, kind: object) -> list[tuple[str, object]]:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields = {info.alias or name: info.annotation for name, info in kind.model_fields.items()}
            if kind is Root:
                fields |= {
                    "include": list,
                    "x-a": None,
                    "x-b": None,
                    "unknown": None,
                    "mappings": "mappings",
                    "defaults": Entry,
                }
            count = min(len(fields), self.random.choice([1, 2, 3, 6]))
            return [(name, self.below(fields[name])) for name in self.random.sample(sorted(fields), count)]
        count = self.random.randrange(1, 4)
        return [(name, Entry if kind == "mappings" else None) for name in self.random.sample(NAMES, count)]

    def below(self, annotation: object) -> object:
        if isinstance(annotation, type) or annotation == "mappings":
            return annotation
        options = [option for option in getattr(annotation, "__args__", ()) if isinstance(option, type)]
        return next((option for option in options if issubclass(option, BaseModel)), None)

    def entry(self, key: str, name: str, column: int, kind: object, depth: int) -> str:
        anchor = f" &n{len(self.anchors)}" if self.rarely() else ""
        before = list(self.anchors)
        if before and self.rarely():
            return f"{key}: *{self.random.choice(before)}{self.eol(name)}\n"
        made = self.value(name, column, kind, depth)
        if anchor:
            anchor = f" &n{len(self.anchors)}"
            self.anchors.append(anchor[2:])
        return f"{key}:{anchor}{made}"

    def value(self, name: str, column: int, kind: object, depth: int) -> str:
        choices: list[Callable[[], str]] = [lambda: f" {self.random.choice(SCALARS)}{self.eol(name)}\n"]
        if depth < 4:
            inner = column + self.random.choice([1, 2, 2, 2, 4])
            choices += [lambda: f"{self.eol(name)}\n{self.mapping(inner, kind, depth + 1)}"] * (4 if kind else 1)
            choices.append(
                lambda: f"{self.eol(name)}\n{self.sequence(column + self.random.choice([0, 2]), depth + 1, kind)}"
            )
        choices.append(lambda: f" {self.stack(kind, depth)}{self.eol(name)}\n")
        if not self.plainly:
            choices.append(lambda: self.block_scalar(name, column))
            choices.append(lambda: self.eol(name) + "\n")
            choices.append(lambda: " " + self.random.choice(MULTILINE).replace("{}", " " * (column + 2)) + "\n")
        return self.random.choice(choices)()

    def block_scalar(self, name: str, column: int) -> str:
        indent = " " * (column + 2)
        header = self.random.choice(["|", ">", "|-", ">-", "|+", "|2", ">1-", "|2+"])
        lines = [
            indent + self.random.choice(["text", "# text", "  deeper  ", "k: v"]) + "\n"
            for _ in range(self.random.randrange(1, 4))
        ]
        lines[0] = f"{indent}text\n"
        return f" {header}{self.eol(name)}\n" + "".join(lines) + self.random.choice(["", "", "\n", "\n\n\n"])

    def sequence(self, column: int, depth: int, kind: object) -> str:
        items = []
        for _ in range(self.random.randrange(1, 4)):
            lead = self.comment_lines(column) if self.rarely() else self.blank()
            choice = self.random.random()
            if choice < 0.4 and depth < 5:
                items.append(f"{lead}{' ' * column}- {self.mapping(column + 2, kind, depth + 1, compact=True)}")
            elif choice < 0.5 and depth < 5:
                items.append(f"{lead}{' ' * column}-{self.eol()}\n{self.mapping(column + 2, kind, depth + 1)}")
            else:
                items.append(f"{lead}{' ' * column}- {self.random.choice(SCALARS)}{self.eol()}\n")
        return "".join(items)

    def stack(self, kind: object, depth: int) -> str:
        if depth > 5 or self.random.random() < 0.2:
            return self.random.choice(FLOW)
        comma, space = self.random.choice([(", ", " "), (",", ""), (" , ", "  ")])
        if self.random.random() < 0.3:
            return f"[{space}{comma.join(self.stack(None, depth + 2) for _ in range(3))}{space}]"
        pairs = [f"{key}: {self.stack(below, depth + 2)}" for key, below in self.keys(kind)]
        return f"{{{space}{comma.join(pairs)}{space}}}"
