#!/usr/bin/env python3
"""Appends to a log and reads it back by nothing but ctypes: a foreign runtime hosts the library.

    log.py LIBRARY DIRECTORY COUNT
"""

import ctypes
import sys
from ctypes import POINTER, byref, c_char, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

FOREVER = 2**64 - 1


class Error(ctypes.Structure):
    _fields_ = [("status", c_int32), ("sys_errno", c_int32), ("detail", c_uint64), ("message", c_char * 240)]


class Slice(ctypes.Structure):
    _fields_ = [("data", c_char_p), ("len", c_size_t)]


class Completion(ctypes.Structure):
    _fields_ = [
        ("user_data", c_uint64), ("result", c_int64), ("op", c_uint32), ("flags", c_uint32), ("handle", c_void_p),
        ("detail", c_uint64), ("data", c_void_p), ("len", c_size_t), ("reserved", c_uint64),
    ]


class Record(ctypes.Structure):
    _fields_ = [
        ("offset", c_uint64), ("time_ns", c_uint64), ("data", c_void_p), ("len", c_size_t), ("span", c_uint32),
        ("reserved", c_uint32),
    ]


class Roundhouse:
    """The functions of the library, with failures as exceptions."""

    SIGNATURES = {
        "rh_queue_open": [c_uint32, POINTER(c_void_p)],
        "rh_queue_wait": [c_void_p, POINTER(Completion), c_uint32, c_uint64],
        "rh_queue_close": [c_void_p],
        "rh_engine_open": [c_char_p, c_void_p, c_uint32, POINTER(c_void_p)],
        "rh_engine_close": [c_void_p, c_void_p, c_uint64],
        "rh_log_open": [c_void_p, c_void_p, c_char_p, c_uint32, c_void_p, c_uint64],
        "rh_log_append": [c_void_p, c_void_p, POINTER(Slice), c_uint32, c_uint32, c_uint64],
        "rh_log_read": [c_void_p, c_void_p, c_uint64, c_size_t, c_uint64],
        "rh_log_close": [c_void_p],
        "rh_records_items": [c_void_p, POINTER(POINTER(Record)), POINTER(c_size_t)],
        "rh_records_free": [c_void_p],
    }

    def __init__(self, path):
        library = ctypes.CDLL(path)
        for name, arguments in self.SIGNATURES.items():
            function = getattr(library, name)
            function.argtypes = arguments + [POINTER(Error)]
            function.restype = c_int32
            setattr(self, name, self.raising(function))
        library.rh_queue_error.argtypes = [c_void_p, POINTER(Completion), POINTER(Error)]
        self.rh_queue_error = library.rh_queue_error

    @staticmethod
    def raising(function):
        def call(*arguments):
            error = Error()
            result = function(*arguments, byref(error))
            if result < 0:
                raise OSError(result, error.message.decode())
            return result

        return call

    def next(self, queue):
        completion = Completion()
        self.rh_queue_wait(queue, byref(completion), 1, FOREVER)
        if completion.result < 0:
            error = Error()
            self.rh_queue_error(queue, byref(completion), byref(error))
            raise OSError(completion.result, error.message.decode())
        return completion


def main():
    library, directory, count = sys.argv[1], sys.argv[2].encode(), int(sys.argv[3])
    rh = Roundhouse(library)
    queue, engine = c_void_p(), c_void_p()
    rh.rh_queue_open(64, byref(queue))
    rh.rh_engine_open(directory, None, 0, byref(engine))
    rh.rh_log_open(engine, queue, b"lines", 0, None, 0)
    log = rh.next(queue).handle

    # The bodies stay referenced until their completions were taken, so they need not be copied.
    bodies = [b"line %d" % line for line in range(count)]
    for line, body in enumerate(bodies):
        rh.rh_log_append(log, queue, byref(Slice(body, len(body))), 1, 0, line)
        assert rh.next(queue).result == line

    rh.rh_log_read(log, queue, 0, 1 << 20, 0)
    records = rh.next(queue).handle
    items, found = POINTER(Record)(), c_size_t()
    rh.rh_records_items(records, byref(items), byref(found))
    read = [ctypes.string_at(items[at].data, items[at].len) for at in range(found.value)]
    assert read == bodies, "what was read is not what was appended"
    rh.rh_records_free(records)

    rh.rh_log_close(log)
    rh.rh_engine_close(engine, queue, 0)
    rh.next(queue)
    rh.rh_queue_close(queue)
    print(f"{found.value} lines")


if __name__ == "__main__":
    main()
