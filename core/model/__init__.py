"""The model itself: its state, the float64 reference, sampling and what samples say."""
