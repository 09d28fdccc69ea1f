"""An endpoint's filter, checked: whether it is one, and whether it is quick enough to run at every event."""

from kernel.errors import FieldError
from webhooks.endpoints.requests import EndpointRules
from webhooks.filters.expression import compile_filter, measure
from webhooks.filters.sample import worst_sample


def check_filter(text: str, rules: EndpointRules) -> list[FieldError]:
    """What is wrong with the expression, at most one error. Measuring takes milliseconds: call it in a thread."""
    try:
        compiled = compile_filter(text)
    except ValueError as refused:
        return [FieldError(pointer="/filter", code="filter_invalid", message=str(refused))]
    if measure(compiled, worst_sample(compiled)) <= rules.filter_microseconds_max:
        return []
    message = f"takes more than {rules.filter_microseconds_max:g} microseconds on a large event; make it simpler"
    return [FieldError(pointer="/filter", code="filter_slow", message=message)]
