"""Decides what to do, from values alone: reads nothing, writes nothing, knows no clock."""
