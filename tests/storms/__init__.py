"""Storms: many questions through random faults, and what must be true after them.

``python -m tests.storms --help`` lists the parts; ``tests/storms`` runs them in short.

================  ==================================================================
module            what it is for
================  ==================================================================
``questions``     questions with a number and a checksum, and who judges the answers
``ledger``        what became of each question
``plan``          one storm in numbers; the faults that it may hold
``census``        what is alive: descriptors, threads, objects, memory
``blocking``      a storm on one `TCPInterface`, shared by many threads
``twisted``       a storm on one `DeviceClient`, shared by many Deferreds
``soak``          minutes at full speed with a fault a second
``lost_network``  a network of two namespaces that is really lost
``far_ends``      what runs in those two
``mutants``       broken builds, which the tests must notice
================  ==================================================================
"""
