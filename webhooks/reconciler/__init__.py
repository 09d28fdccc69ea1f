"""What makes the queue disposable: everything due that the queue does not know is found in PostgreSQL and put back."""
