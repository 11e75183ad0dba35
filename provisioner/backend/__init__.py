"""Where state, locks and saved plans are kept; no other package reads or writes them."""
