"""The command line: parses arguments, prints results, sets the exit code. No other package prints or exits."""

from provisioner.cli.app import main

__all__ = ["main"]
