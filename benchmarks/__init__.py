"""How fast it is, against every peer in the same run. ``python -m benchmarks`` runs all.

Each part is a module of its own: ``python -m benchmarks.query --quick``.

==============  ====================================================================
part            what it measures
==============  ====================================================================
``query``       one question, one answer: wall and CPU time, each face, each peer
``many``        10 to 2,000 devices in one process; half of them fail at once
``bulk``        bytes per second for frames of 1 kB, 64 kB and 1 MB
``pipelining``  several questions on their way at once against lock-step
``startup``     import time, memory of an idle agent
``ocs_side``    what ``DeviceAgentMixin.poll`` and publishing cost per sample
``production``  CPU and memory of real agents, through a real router
==============  ====================================================================
"""
