"""Writes the mappings of other tools' files into a manifest. Nothing is asked of AWS, and no state is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from provisioner.convert.conversion import LeftOut, Options
from provisioner.convert.files import Fresh, Source, stack_name, whole_text
from provisioner.convert.formats import convert as read_files
from provisioner.convert.names import names_of
from provisioner.convert.slugs import slug
from provisioner.convert.text import Named
from provisioner.convert.unknown import has_unknown, unknown_names
from provisioner.foreign_text import one_line


@dataclass(frozen=True, slots=True)
class Converted:
    """What files have: the mappings with their names, sorted; the variables that they need; what was left out; notes;
    and what a new manifest of them says.
    """

    named: tuple[Named, ...]
    source: Source
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    fresh: Fresh

    @property
    def text(self) -> str:
        """A new manifest in one text."""
        return whole_text(self.named, self.fresh, self.source)


def convert(paths: Sequence[Path], options: Options, stack: str = "") -> Converted:
    """The mappings of other tools' files. `stack` is the name of a new manifest, "" for one from the first file's.

    Raises UsageError for a file that cannot be read, or is of no format that can be converted.
    """
    conversion = read_files(paths, options)
    found = conversion.found
    regions = Counter(item.region for item in found if item.region and not has_unknown(item.region))
    region = options.region or (min(regions, key=lambda name: (-regions[name], name)) if regions else "")
    if region and not all(item.region for item in found):  # the region of the others is not theirs
        unknown = conversion.unknowns.marker("region", "region", "the region of mappings whose files do not say it")
        found = [item if item.region else replace(item, region=unknown) for item in found]
    names = names_of(found)
    named = tuple(sorted(map(Named, names, found), key=lambda item: item.name))
    accounts = {options.account} if options.account else conversion.accounts
    # A variable of what was left out is not declared.
    used = {name for item in found for text in _texts([item.mapping, item.region]) for name in unknown_names(text)}
    variables = {name: item for name, item in conversion.unknowns.variables.items() if name in used}
    source = Source(", ".join(one_line(str(path)) for path in paths), variables)
    account = next(iter(accounts)) if len(accounts) == 1 else ""
    stem = slug(paths[0].name.partition(".")[0])[:64].strip("-_")
    fresh = Fresh(stack_name(stack or stem or "converted"), region, account)
    return Converted(named, source, tuple(conversion.left_out), tuple(conversion.notes), fresh)


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for item in items for text in _texts(item)]
