"""Interrupts at each bytecode at which the interpreter lets signal handlers run.

These are the start of a function, the end of a call and a jump back.
"""

import contextlib
import dis
import functools
import itertools
import sys
import threading

CHECKED = ("RESUME", "CALL", "JUMP_BACKWARD")


class Interrupt(BaseException):
    """What a signal handler raises."""


def interrupted_at(step, call, folder):
    """Interrupt `call` at point number `step` in the code of a folder; False if it ended before."""
    counter, before = itertools.count(), {}

    def executing(frame, offset):
        """An instruction is about to be executed."""
        name = instructions(frame.f_code).get(offset, "")
        previous = before.get(id(frame), "") if offset else ""      # (an id may be a second one's)
        before[id(frame)] = name
        if previous.startswith(CHECKED) and not name.startswith("RETURN") \
                and next(counter) == step:
            raise Interrupt
    with each_instruction(folder, executing):
        try:
            call()
        except Interrupt:
            return True
    return False


@functools.cache
def instructions(code):
    return {instruction.offset: instruction.opname for instruction in dis.get_instructions(code)}


@contextlib.contextmanager
def traced(folder, executing):
    """Call ``executing(frame, offset)`` for each instruction that this thread executes there."""
    def trace(frame, event, _arg):
        if folder not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            executing(frame, frame.f_lasti)
        return trace
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(None)


@contextlib.contextmanager
def monitored(folder, executing):
    """The same from Python 3.12 on, where a trace function is not told of each instruction."""
    monitoring, tool = sys.monitoring, sys.monitoring.DEBUGGER_ID
    event, thread = monitoring.events.INSTRUCTION, threading.get_ident()

    def instruction(code, offset):
        if folder not in code.co_filename:
            return monitoring.DISABLE
        if threading.get_ident() == thread:
            executing(sys._getframe(1), offset)
        return None
    monitoring.use_tool_id(tool, "interrupts")
    monitoring.register_callback(tool, event, instruction)
    monitoring.set_events(tool, event)
    try:
        yield
    finally:
        monitoring.set_events(tool, 0)
        monitoring.register_callback(tool, event, None)
        monitoring.free_tool_id(tool)


each_instruction = monitored if sys.version_info >= (3, 12) else traced
