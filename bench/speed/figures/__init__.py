"""What is measured, each figure beside what it is compared with; a module for each."""
