"""What the package needs of `threading`: attributes that each thread has for itself, and a lock. The rest of that module, which
few programs need, takes a fiftieth of the time to import minijax."""

from _thread import RLock
from _thread import _local as PerThread

__all__ = ["PerThread", "RLock"]
