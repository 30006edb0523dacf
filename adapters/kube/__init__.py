"""The door to Kubernetes API servers: requests as values, a client that sends them, watches that last."""
