"""A payment carried by the process that committed it: what that process knows is not read again.

Its intent and its lease are one transaction, the bank's answer and all that follows from it another, of one statement
and an event each. The second is guarded by the payment's version: where anything else has happened meanwhile, nothing
is written, and the way of `calls/`, which reads everything under the lock, is taken instead.
"""
