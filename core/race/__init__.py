"""The race: every way of training this model side by side, on the same data."""
