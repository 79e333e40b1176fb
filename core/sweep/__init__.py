"""Sweeps: many short runs over a space of settings, searched by Optuna."""
