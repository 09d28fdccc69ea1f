"""The bank calls: leased before the first byte, recorded with their evidence, state and event in one transaction."""
