"""Exceptions that tell the caller what to do: try again, or give up and say why.

```
PremortemException
├── Retryable    the same call may succeed later: back off and repeat it
│   └── Unavailable      a dependency did not answer, or not in time
│       └── Unprepared   it answers, but lacks a schema or a right that somebody has to give it
└── Permanent    repeating cannot help: record the failure and go on
    ├── Malformed        bytes from outside that do not parse
    ├── Conflict         somebody else owns what was asked for (a lock, a data directory, a newer offset)
    │   └── Superseded   what is known was rebuilt meanwhile: forget it and load it again
    └── OffsetLost       the log no longer holds the offset that a reader needs
```

The message of an exception says what happened and, after a full stop, what mends it.
"""


class PremortemException(Exception):
    """Anything that Premortem raises on purpose."""


class Retryable(PremortemException):
    """The same call may succeed later."""


class Permanent(PremortemException):
    """Repeating the call cannot help."""


class Unavailable(Retryable):
    """A dependency did not answer, or not in time."""


class Unprepared(Unavailable):
    """A dependency answers, but lacks a schema or a right that somebody has to give it."""


class Malformed(Permanent):
    """Bytes from outside do not parse."""


class Conflict(Permanent):
    """Somebody else owns what was asked for."""


class Superseded(Conflict):
    """What is known of a store was rebuilt meanwhile."""


class OffsetLost(Permanent):
    """The log no longer holds the offset that a reader needs."""
