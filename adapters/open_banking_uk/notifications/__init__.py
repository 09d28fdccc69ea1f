"""What banks notify of by themselves: signed tokens that name a resource, and never say what became of it."""
