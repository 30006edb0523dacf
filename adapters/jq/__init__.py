"""jq programs that users write, run where they can be killed."""
