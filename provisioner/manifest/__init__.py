"""YAML to desired state: reading with positions, variables, defaults, checking, joining."""

from provisioner.manifest.load import load
from provisioner.manifest.variables import Inputs

__all__ = ["Inputs", "load"]
