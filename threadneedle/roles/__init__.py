"""The composition roots: each role builds its objects here, runs them, and closes them in reverse."""
