"""What kinds of events there are: a partner's own types in versions with JSON Schemas, and ours.

model.py     a type, its versions, and the bytes under their seals
schema.py    a JSON Schema bounded, compiled, and asked about data
memory.py    the types of tenants, remembered: what events are checked against before they are written
service.py   types as their owners manage them
builtin.py   the types that we emit
examples.py  an example from a schema
"""
