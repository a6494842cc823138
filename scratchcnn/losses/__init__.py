"""What says how wrong a network is."""
