"""A package of compiled code."""

import numpy as np

assert float(np.linalg.norm(np.arange(100.0).reshape(10, 10) @ np.eye(10))) > 0
assert np.random.default_rng().random(3).shape == (3,)
np.save("a.npy", np.ones(10))
assert np.load("a.npy", mmap_mode="r").sum() == 10
print("ok")
