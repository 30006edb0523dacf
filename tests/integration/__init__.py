"""Integration tests: real control planes, Valkey, git and tools; no process of ours is faked."""
