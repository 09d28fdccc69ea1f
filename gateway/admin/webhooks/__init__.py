"""The partners' webhook routes on the admin port: the same handlers, called by an admin for a partner."""
