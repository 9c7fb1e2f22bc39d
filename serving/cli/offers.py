"""`uptier offers`: the policy of offers, and the switches that stop a rule, a target or a placement at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from billing.kernel.errors import InvalidError
from serving.cli.output import AsJson, readable_errors, say
from serving.cli.session import TenantOption, scope_and_now, services

if TYPE_CHECKING:
    from features.offers.policy import OfferPolicy

app = typer.Typer(help="Offers: how often, to whom never, and what is switched off.", no_args_is_help=True)
Name = Annotated[
    str, typer.Argument(help="A rule (limit_near), a target (plus) or a placement (account); * is everything.")
]


@app.command()
def policy(
    file: Annotated[Path | None, typer.Option("--put", help="A JSON file with the policy to put in its place.")] = None,
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """The policy in force, or a new one from a file: caps, quiet hours, holdout, margin and exploration.

    Example: uptier offers policy --put policy.json
    """
    with readable_errors():
        from features.offers.change import put_policy
        from features.offers.document import read_policy
        from features.offers.store import OfferPolicyStore

        wired = services()
        scope, _, now = scope_and_now(wired, tenant)
        if file is None:
            with wired.database.view(scope) as unit:
                found = OfferPolicyStore(unit).get()
        else:
            wanted = read_policy(_document(file))
            with wired.database.unit(scope) as unit:
                found = put_policy(unit, wanted, now=now)
        _say(found, as_json=as_json)


@app.command()
def kill(name: Name, tenant: TenantOption = None, as_json: AsJson = False) -> None:
    """Switch off a rule, a target or a placement; with * all offers. It holds for the next decision.

    Example: uptier offers kill limit_near
    """
    with readable_errors():
        from features.offers.change import kill as switch_off

        wired = services()
        scope, _, now = scope_and_now(wired, tenant)
        with wired.database.unit(scope) as unit:
            found = switch_off(unit, name, now=now)
        _say(found, as_json=as_json)


@app.command()
def revive(name: Name, tenant: TenantOption = None, as_json: AsJson = False) -> None:
    """Switch on again what was switched off under this name.

    Example: uptier offers revive limit_near
    """
    with readable_errors():
        from features.offers.change import revive as switch_on

        wired = services()
        scope, _, now = scope_and_now(wired, tenant)
        with wired.database.unit(scope) as unit:
            found = switch_on(unit, name, now=now)
        _say(found, as_json=as_json)


def _say(policy: OfferPolicy, *, as_json: bool) -> None:
    from features.offers.document import write_policy

    document = write_policy(policy)
    text = "\n".join(f"{key:26} {_words(value)}" for key, value in document.items())
    say(document, text, as_json=as_json)


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{key} {_cap(each)}" for key, each in value.items())
    return "none" if value in {None, ""} else str(value)


def _cap(value: Any) -> str:
    return f"{value['most']} in {value['window_hours']} h" if isinstance(value, dict) else str(value or "none")


def _document(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidError(f"{file} could not be read as JSON: {error}", file=str(file)) from error
