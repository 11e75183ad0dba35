"""The values that all packages exchange. Nothing here reads, writes or decides."""
