"""The contestants: each way to train this model is one module or folder."""
