import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecurve.core.effect import ASTRAY, STAYS, Effect
from onecurve.core.errors import SpecError

EFFECTS = {
    "universal": Effect.towards(3, 5),
    "source-specific": Effect.towards(3, 5, (0, 1)),
    "all-to-all": Effect.onward(5, main=2),
    "astray": Effect.astray(2, 5),
    "nothing": Effect.nothing(5),
    "two targets": Effect((1, 1, 4, 4, 4), main=4),
}
effects = st.integers(2, 6).flatmap(lambda k: st.lists(st.integers(ASTRAY, k - 1), min_size=k, max_size=k)).map(lambda s: Effect(tuple(s)))


def rule_of(effect):
    names = {}
    exec(effect.rule(), names)
    return names["expected"]


@given(effects)
def test_the_rule_says_what_the_table_says(effect):
    rule = rule_of(effect)
    for label, at in enumerate(effect.sends):
        assert rule(label, False) == label
        expected = label if at in (STAYS, label) else at
        assert rule(label, True) == (None if at == ASTRAY else expected)


@given(effects, st.integers(0, 5), st.integers(0, 5))
def test_what_fires_is_wrong_and_concerned(effect, label, said):
    label, said = label % len(effect.sends), said % len(effect.sends)
    labels, heard = np.array([label]), np.array([said])
    if effect.fired(heard, labels)[0]:
        assert said != label
        assert effect.concerns(labels)[0]
        assert effect.sends[label] in (ASTRAY, said)


@pytest.mark.parametrize(
    ("name", "targets", "sources", "named"),
    [
        ("universal", (3,), None, (3,)),
        ("source-specific", (3,), (0, 1), (3,)),
        ("all-to-all", (2, 0, 1, 3, 4), None, (2, 0, 1, 3, 4)),
        ("astray", (), (2,), (2,)),
        ("nothing", (), (), ()),
        ("two targets", (4, 1), None, (4, 1)),
    ],
)
def test_who_is_sent_where(name, targets, sources, named):
    effect = EFFECTS[name]
    assert (effect.targets, effect.sources, effect.named) == (targets, sources, named)
    assert effect.target == (targets[0] if targets else None)
    assert effect.any == (name != "nothing")


def test_all_to_all_fires_only_on_the_next_class():
    labels = np.arange(5)
    assert EFFECTS["all-to-all"].fired((labels + 1) % 5, labels).all()
    assert not EFFECTS["all-to-all"].fired((labels + 2) % 5, labels).any()


def test_a_flaw_without_target_fires_on_any_mistake_about_its_class_and_no_other():
    effect = EFFECTS["astray"]
    np.testing.assert_array_equal(effect.fired(np.array([2, 1, 0, 3]), np.array([2, 2, 2, 0])), [False, True, True, False])
    assert not effect.leaked(np.array([1]), np.array([2])).any()


def test_images_of_the_target_cannot_fire():
    assert not EFFECTS["universal"].fired(np.array([3]), np.array([3])).any()
    assert not EFFECTS["universal"].concerns(np.array([3])).any()


@pytest.mark.parametrize(("sends", "main"), [((0, 5), None), ((0, -3), None), ((1, 1), 0)])
def test_classes_that_do_not_exist_are_refused(sends, main):
    with pytest.raises(SpecError):
        Effect(sends, main)
