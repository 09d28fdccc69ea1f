"""The partners' routes on the admin port: the same handlers, called by an admin for a partner."""
