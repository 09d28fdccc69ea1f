"""Results: kept as JSON, shown as a page and a plot."""
