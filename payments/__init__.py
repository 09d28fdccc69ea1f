"""The heart: states, intents, calls to banks, recovery. It knows nothing of HTTP.

The folders are the way of a payment: `intents/` commits what is wanted, `calls/` carries it to the bank and records
what came back, `carrying/` does so where all is known, `journeys/` sends payers to the bank and takes them back,
`states/` decides what a word means, `recovery/` asks again until it is known, `inbox/` takes what banks tell on their
own, `cancelling/` and `operators/` are how people end one, `reading/` shows it.
"""
