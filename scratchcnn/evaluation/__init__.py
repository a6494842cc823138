"""What says how good a network is, and compared with what."""
