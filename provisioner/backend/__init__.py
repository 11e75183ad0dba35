"""The one room that keeps state."""
