"""Measurements apart from the race: one second of training, the launch model, published figures."""
