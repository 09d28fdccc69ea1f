"""The checker: a pure function over what generator, receivers, bank and API wrote down."""
