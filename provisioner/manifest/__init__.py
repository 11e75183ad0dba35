"""YAML to desired state: reading with positions, checking, joining."""

from provisioner.manifest.load import load

__all__ = ["load"]
