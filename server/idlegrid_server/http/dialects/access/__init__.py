"""Keys and tokens over HTTP."""
