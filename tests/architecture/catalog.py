"""Every rule, and which folders it is about."""

from __future__ import annotations

from tests.architecture.rules import (
    clock_is_given,
    file_size,
    imports_at_the_top,
    no_float_in_money,
    opening_sentence,
    queries_in_stores,
    reasons_for_exceptions,
    rows_of_own_context,
    telling_names,
    tenant_filter_in_one_place,
)
from tests.architecture.source import ROOTS, Finding, Rule, modules

OF_THE_PRODUCT: tuple[Rule, ...] = (
    clock_is_given.RULE,
    imports_at_the_top.RULE,
    no_float_in_money.RULE,
    opening_sentence.RULE,
    queries_in_stores.RULE,
    rows_of_own_context.RULE,
    tenant_filter_in_one_place.RULE,
)
OF_EVERY_FILE: tuple[Rule, ...] = (file_size.RULE, reasons_for_exceptions.RULE, telling_names.RULE)


def findings() -> list[Finding]:
    """The breaches of all rules in the repository, in the order of the files."""
    product = [found for module in modules(*ROOTS) for rule in OF_THE_PRODUCT for found in rule.findings(module)]
    everywhere = [
        found for module in modules(*ROOTS, "tests") for rule in OF_EVERY_FILE for found in rule.findings(module)
    ]
    return sorted([*product, *everywhere], key=lambda found: (found.path, found.line))
