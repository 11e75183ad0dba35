"""The one room that talks to AWS."""
