"""From a claimed job to a committed result: claim, load, open, send, record, and only then finish."""
