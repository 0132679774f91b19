"""Who is let in: keys in memory, tokens, limits, and the log of it all."""
