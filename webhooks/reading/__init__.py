"""What became of events: deliveries and attempts, the feed, what waits or failed, and every number."""
