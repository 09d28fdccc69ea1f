"""One POST of one delivery: signed, to a checked destination, under one deadline, decided by its status and headers."""
