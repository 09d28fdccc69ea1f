"""A lean way to Redis for the calls that stand on the path of every request."""

from kernel.redis.line import RedisLine
from kernel.redis.resp import pack

__all__ = ["RedisLine", "pack"]
