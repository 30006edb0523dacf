"""The nouns of GitOps delivery, as frozen values."""
