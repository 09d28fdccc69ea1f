"""Signed daily manifests: what an endpoint was given in a day, so that a merchant can prove that nothing is missing."""
