"""What works on the repository: checks, planted bugs, records."""
