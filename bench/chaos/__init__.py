"""The chaos run: everything is started, loaded, broken and checked by one command, `python -m bench.chaos`."""
