"""Coverage-guided fuzzing of the framers, the protocols and the client, with atheris.

``python -m tests.fuzz --help`` tells how to run it. ``tests/fuzz`` runs the same targets over the
corpus, which holds one input for each path that the fuzzer has found, without atheris.
"""
