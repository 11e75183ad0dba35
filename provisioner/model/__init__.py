"""What things are: values without I/O. Nothing here reads, writes or decides."""
