"""Documents: where they come from, how they are encoded, which ones a step sees."""
