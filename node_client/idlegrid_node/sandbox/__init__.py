"""Running foreign code: the sandbox's command line, its inside, its processes and its memory."""
