"""Everything Tiphys runs on one machine: tools, control planes, Git, cache, services and their supervisor."""
