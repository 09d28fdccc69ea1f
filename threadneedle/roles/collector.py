"""The cycle collector of a process with much under way.

Hundreds of deliveries in flight are thousands of live objects, and none of them forms a cycle. Left alone the collector
looks through them all again and again: a seventh of a dispatcher's time (measured).
"""

import gc

_YOUNG_OBJECTS = 50_000
_GENERATIONS = (20, 50)


def calm_collector() -> None:
    """Leave what was made until now out of every collection, and collect what comes less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *_GENERATIONS)
