"""What `make bench` runs: the workload of gitops_bench.py against a trio of its own."""
