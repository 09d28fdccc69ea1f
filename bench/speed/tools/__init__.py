"""The processes around what is measured: generator, receiver, bare ceilings."""
