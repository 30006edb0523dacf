"""What the target clusters hold, in memory, fed by watches."""
