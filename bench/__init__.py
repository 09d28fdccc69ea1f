"""The benchmark's and the chaos run's tools: they know the system only from outside, through a target file."""
