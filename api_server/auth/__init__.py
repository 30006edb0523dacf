"""Who is asking: local accounts, passwords, tokens, and what was revoked."""
