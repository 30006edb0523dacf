"""The commands: each reads its arguments, asks the server, shows the answer, and returns an exit code.

What is slow to load (Rich, msgspec, YAML) is imported inside the commands that need it, so that `--help`
and completion stay quick.
"""
