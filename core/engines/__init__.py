"""Ways to advance a TrainState; each is stateless and held to core/reference.py."""
