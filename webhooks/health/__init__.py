"""How endpoints fare: held lanes, failing spells, certificates that run out, and what partners are told of it."""
