"""The ways of training this model that race, one module or folder each."""
