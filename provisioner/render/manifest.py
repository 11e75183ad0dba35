"""A live mapping as the YAML to add to a manifest."""

from __future__ import annotations

from typing import Any

import yaml

from provisioner.manifest.reader import scalar
from provisioner.model.canonical import Canonical
from provisioner.model.live import Live
from provisioner.model.references import Arn


class _Dumper(yaml.SafeDumper):
    """Block style, and quotes for whatever our own reader would not take for a text."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002  # PyYAML's signature
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    plain = isinstance(scalar(value), str) if value else False
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


_Dumper.add_representer(str, _text)


def entry_yaml(name: str, live: Live, default_region: str) -> str:
    """The entry under `mappings:` that describes a live mapping, without what has AWS's default."""
    entry: Canonical = {**live.mapping}
    source = Arn.parse(entry.get("event_source_arn"))
    if source is None and live.region != default_region:
        entry = {"region": live.region, **entry}
    return dump({"mappings": {name: entry}})


def dump(value: Any) -> str:
    """A value as YAML that our reader reads back as the same value."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
