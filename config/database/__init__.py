"""The schema, the migrations that make it, and the weekly partitions."""
