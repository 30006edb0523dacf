"""Tests: unit and laws without I/O, integration on real control planes, e2e through the running trio."""
