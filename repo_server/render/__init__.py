"""Turning inputs into manifests, inside a worker process: detection is in `inputs`, running here."""
