"""What can be run from a command line."""
