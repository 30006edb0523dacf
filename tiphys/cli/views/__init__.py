"""Pure: what the server answered, as tables, fields and lines to print."""
