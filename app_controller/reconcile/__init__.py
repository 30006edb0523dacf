"""One file per kind of key in the work queue, and what a visit may end in."""
