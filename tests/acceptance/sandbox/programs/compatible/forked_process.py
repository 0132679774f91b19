"""A forked process, and what it answers through a pipe."""

import multiprocessing


def answer(pipe):
    pipe.send(42)


context = multiprocessing.get_context("fork")
here, there = context.Pipe()
process = context.Process(target=answer, args=(there,))
process.start()
assert here.recv() == 42
process.join()
assert process.exitcode == 0
print("ok")
