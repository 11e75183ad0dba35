"""The command line: arguments to workflow to text to exit code. The only room that prints and exits."""

from provisioner.cli.app import main

__all__ = ["main"]
