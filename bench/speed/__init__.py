"""How fast: figures beside ceilings of the same run. `make bench`."""
