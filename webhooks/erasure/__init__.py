"""Erasing for good what was sealed: one event's bodies, or all of one merchant's. Ids, states and times stay."""
