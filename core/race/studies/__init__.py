"""Measurements beside the race: within one second, the launch model, published figures."""
