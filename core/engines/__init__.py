"""Ways to advance a TrainState; each is stateless and held to core/model/reference.py."""
