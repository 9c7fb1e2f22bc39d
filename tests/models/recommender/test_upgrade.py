"""Steps along the declared graph: never what is owned or excluded, most pressing first."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from models.recommender.upgrade import Standing, Step, next_steps

KEYS = ("basic", "plus", "pro", "box", "vault")
_SETS = st.frozensets(st.sampled_from(KEYS), max_size=2)
_STEP: st.SearchStrategy[dict[str, object]] = st.builds(
    dict,
    rank=st.integers(1, 3),
    kind=st.sampled_from(["plan", "addon"]),
    requires=_SETS,
    excludes=_SETS,
    upgrades_to=_SETS,
)


def _step(key: str, kind: str = "plan", rank: int = 1, price: int = 900, **more: object) -> Step:
    return Step(key=key, kind=kind, rank=rank, recurring_minor=price, **{"gives": {}, **more})  # type: ignore[arg-type]


@settings(max_examples=80)
@given(shapes=st.dictionaries(st.sampled_from(KEYS), _STEP, min_size=1), owned=_SETS, blocked=_SETS)
def test_the_graph_is_never_left(shapes: dict[str, dict], owned: frozenset[str], blocked: frozenset[str]) -> None:  # type: ignore[type-arg]
    """Nothing owned, blocked or excluded either way, and no add-on without what it stands on."""
    steps = {key: _step(key, **shape) for key, shape in shapes.items()}
    plan = min(owned) if owned else None
    found = next_steps(steps, Standing(plan=plan, owned=owned), k=9, blocked=blocked)
    for one in found:
        step = steps[one.item]
        assert one.item not in owned | blocked
        assert not step.excludes & owned
        assert not any(one.item in steps[mine].excludes for mine in owned if mine in steps)
        assert step.kind == "plan" or not step.requires or step.requires & owned
    assert plan is not None or not found


def test_use_decides_and_price_breaks_ties() -> None:
    """A limit at nine tenths presses more than a refused feature; without any pressure the cheaper step comes first."""
    steps = {
        "basic": _step("basic", gives={"seats": 10}),
        "plus": _step("plus", rank=2, price=1900, gives={"seats": 50}),
        "pro": _step("pro", rank=3, price=4900, gives={"seats": None, "export": True}),
        "box": _step("box", "addon", price=500, gives={"export": True}, requires=frozenset({"basic"})),
    }
    owned = frozenset({"basic"})
    pressed = next_steps(
        steps, Standing(plan="basic", owned=owned, limits={"seats": (9, 10)}, denials={"export": 2}), k=3
    )
    calm = next_steps(steps, Standing(plan="basic", owned=owned, limits={"seats": (0, 10)}), k=3)

    assert [one.item for one in pressed] == ["plus", "pro", "box"]
    assert [(reason.kind, reason.item) for reason in pressed[1].reasons] == [
        ("close_to_limit", "seats"),
        ("unlocks", "export"),
    ]
    assert [one.item for one in calm] == ["box", "plus", "pro"]


def test_a_declared_ladder_is_followed() -> None:
    """`upgrades_to` names exactly what comes next; families do not mix."""
    steps = {
        "basic": _step("basic", upgrades_to=frozenset({"pro"})),
        "plus": _step("plus", rank=2),
        "pro": _step("pro", rank=3),
        "home": _step("home", rank=1, family="home"),
    }

    assert [one.item for one in next_steps(steps, Standing(plan="basic", owned=frozenset({"basic"})), k=5)] == ["pro"]
    assert next_steps(steps, Standing(plan="home", owned=frozenset({"home"})), k=5) == ()
