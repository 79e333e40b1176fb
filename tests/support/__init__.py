"""What several tests need: data, engines on a clock of their own, and a scripted screen."""
