"""`uptier segments`: rules of segments, who is in, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from billing.kernel.errors import InvalidError
from serving.cli.output import AsJson, readable_errors, say
from serving.cli.session import TenantOption, scope_and_now, services

app = typer.Typer(help="Segments: rules, sizes, and why somebody is in or out.", no_args_is_help=True)
Key = Annotated[str, typer.Argument(help="The rule's key.")]


@app.command("list")
def list_segments(tenant: TenantOption = None, as_json: AsJson = False) -> None:
    """Every scheme with its segments and their sizes, and every rule.

    Example: uptier segments list
    """
    with readable_errors():
        from features.segments.rules.store import RuleStore
        from features.segments.rules.tree import write_tree
        from features.segments.standing.store import StandingStore

        wired = services()
        scope, _, _ = scope_and_now(wired, tenant)
        with wired.database.view(scope) as unit:
            sizes, rules = StandingStore(unit).sizes(), RuleStore(unit).all()
        rows = [{"key": rule.key, "name": rule.name, "rule": write_tree(rule.tree)} for rule in rules]
        lines = [
            f"{scheme:20} {name:20} {size}" for scheme, each in sizes.items() for name, size in sorted(each.items())
        ]
        unasked = [f"rule:{rule.key:15} was not asked yet" for rule in rules if rule.evaluated_at is None]
        text = "\n".join([*lines, *unasked]) or "nothing yet; 'uptier segments evaluate' places everybody"
        say({"sizes": sizes, "rules": rows}, text, as_json=as_json)


@app.command()
def put(
    key: Key,
    file: Annotated[Path, typer.Argument(help="A JSON file with the rule's tree.")],
    name: Annotated[str, typer.Option(help="What people call it; the key when left out.")] = "",
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """Make a rule, or change it. 'uptier segments evaluate' asks it of everybody, and every night does.

    Example: uptier segments put regulars rule.json --name "Regular buyers"
    """
    with readable_errors():
        from features.segments.rules.store import RuleStore
        from features.segments.rules.tree import read_tree

        wired = services()
        scope, _, now = scope_and_now(wired, tenant)
        with wired.database.unit(scope) as unit:
            rule, is_new = RuleStore(unit).put(key[:200], (name or key)[:200], read_tree(_document(file)), now)
        word = "made" if is_new else f"kept, revision {rule.revision}"
        say({"key": rule.key, "revision": rule.revision, "new": is_new}, f"{rule.key}: {word}", as_json=as_json)


@app.command()
def evaluate(tenant: TenantOption = None, as_json: AsJson = False) -> None:
    """Place everybody now: life cycle, RFM and every rule; who entered and left is told to listeners.

    Example: uptier segments evaluate
    """
    with readable_errors():
        from features.segments.evaluate import evaluate_all

        wired = services()
        scope, _, now = scope_and_now(wired, tenant)
        done = evaluate_all(wired.database, scope, now=now)
        rows = [{"scheme": d.scheme, "standing": d.standing, "entered": d.entered, "left": d.left} for d in done]
        text = "\n".join(f"{d.scheme:20} {d.standing:>8} in, {d.entered} entered, {d.left} left" for d in done)
        say({"evaluated": rows}, text, as_json=as_json)


@app.command()
def why(
    key: Key,
    customer: Annotated[str, typer.Argument(help="The customer's key or id.")],
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """Whether a customer is in a rule's segment now, and the conditions that decided.

    Example: uptier segments why regulars ann@example.org
    """
    with readable_errors():
        from billing.customers.store import CustomerStore
        from features.segments.evaluate import why as explain
        from features.segments.rules.store import RuleStore

        wired = services()
        scope, _, now = scope_and_now(wired, tenant)
        with wired.database.view(scope) as unit:
            verdict = explain(unit, RuleStore(unit).get(key), CustomerStore(unit).get(customer), now)
        say({"inside": verdict.inside, "why": verdict.sentence}, verdict.sentence, as_json=as_json)


@app.command()
def delete(key: Key, tenant: TenantOption = None, as_json: AsJson = False) -> None:
    """Delete a rule; everybody who was in leaves.

    Example: uptier segments delete regulars
    """
    with readable_errors():
        from features.segments.evaluate import drop_rule

        wired = services()
        scope, _, now = scope_and_now(wired, tenant)
        with wired.database.unit(scope) as unit:
            drop_rule(unit, key, now)
        say({"key": key, "deleted": True}, f"{key}: deleted", as_json=as_json)


def _document(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidError(f"{file.name} is no JSON: {error}") from error
