"""Where merchants receive events: endpoints, their secrets, and what may be an address of one."""
