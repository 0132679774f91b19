"""Published HTTP APIs over the same core: routes parse, translate maps wire and core, the Coordinator does the work."""
