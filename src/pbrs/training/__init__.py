"""Training: settings, loss, and fitting one network."""
