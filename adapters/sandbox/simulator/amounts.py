"""The amounts that make the sandbox bank misbehave, in minor units of any currency: 66603 is £666.03, or ¥66,603.

A chosen amount strikes the first request under its idempotency key; what is sent again under the same key is served
honestly. So a partner can try every way in which a payment can go wrong, and see it end well.
"""

from adapters.simulation.faults import Fault

FAULT_OF_AMOUNT: dict[int, Fault] = {
    666_01: Fault.REFUSE,
    666_02: Fault.TIMEOUT_BEFORE,
    666_03: Fault.TIMEOUT_AFTER,
    666_04: Fault.COMMIT_LATE,
    666_05: Fault.ANSWER_LATE,
    666_06: Fault.RETURN,
    666_07: Fault.ERROR_500,
    666_08: Fault.ERROR_IN_200,
    666_09: Fault.WRONG_AMOUNT,
    666_10: Fault.TRUNCATED,
    666_11: Fault.SLOW_DRIP,
    666_12: Fault.TOO_MANY,
    666_13: Fault.REJECT_LATER,
    666_14: Fault.STAY_PENDING,
    666_15: Fault.RESET_BEFORE,
    666_16: Fault.RESET_AFTER,
    666_17: Fault.WRONG_EXPONENT,
    666_18: Fault.WRONG_REFERENCE,
    666_19: Fault.GARBAGE,
    666_20: Fault.STALE,
    666_21: Fault.NOTIFY_FIRST,
    666_22: Fault.NOTIFY_TWICE,
    666_23: Fault.NOTIFY_FORGED,
    666_24: Fault.TOO_LARGE,
}
