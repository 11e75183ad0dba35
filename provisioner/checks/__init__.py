"""Checks: what AWS would refuse, or what would not work, asked before anything is written."""
