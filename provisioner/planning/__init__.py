"""What to do, decided from values: reads nothing, writes nothing, knows no clock."""
