"""The work that waits, on RQ and Redis: the only package that knows either. See the README beside this file."""
