"""Replays: jobs that make deliveries due again, or make those that never were."""
