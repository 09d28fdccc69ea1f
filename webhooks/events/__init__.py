"""How an event comes to be: matched to endpoints, sealed and committed with its deliveries in one transaction."""
