"""The idle API, at the root: submit code, ask for its result, and the workers that fetch it."""
