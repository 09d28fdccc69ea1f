"""The load generator: seeded, open-loop, and it repeats every unanswered request with its key until it is answered."""
