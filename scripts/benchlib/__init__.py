"""The parts of `scripts/bench.py`: each measures one thing of a grid made of real processes."""
