"""More requests than this process can work on: which are refused, early and cheaply, so that the others are served."""
