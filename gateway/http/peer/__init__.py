"""Who is at the other end of a connection: its address and its certificate, as far as our own proxies may tell."""
