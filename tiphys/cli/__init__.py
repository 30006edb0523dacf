"""The command line `tiphys`: it talks REST to the API server, and to `tiphys.local` for the local set-up."""
