"""Tools for AI assistants over the Model Context Protocol, at `/mcp`: one more caller of our own HTTP API."""
